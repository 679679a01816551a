//! A catalog in its own SQLite file, which several processes may open. The router's tests include this file.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use order_log::command::{Price, QUANTITY_MAX, Shares, TradeSide};
use order_log::{Catalog, CatalogError, CatalogResult, Reservation};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

/// A catalog of shares in a SQLite file.
#[derive(Clone)]
pub struct SqliteCatalog(Arc<Mutex<Connection>>);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS stock (
        name TEXT PRIMARY KEY,
        price_minor INTEGER NOT NULL,
        quantity INTEGER NOT NULL CHECK (quantity >= 0),
        -- Shares that may still come: back to who did not buy them, or from who sells them.
        held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS reservation (
        id INTEGER PRIMARY KEY,
        attempt TEXT NOT NULL UNIQUE,
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        side TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        price_minor INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'reserved' CHECK (state IN ('reserved', 'confirmed', 'cancelled')),
        number INTEGER UNIQUE
    ) STRICT;
    CREATE INDEX IF NOT EXISTS reservation_open ON reservation (key) WHERE state = 'reserved';";

impl SqliteCatalog {
    /// Opens the file, creates it if it does not exist, and adds the stocks (name, price in cents, quantity) that it
    /// lacks.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn open(path: &Path, stocks: &[(&str, i64, i64)]) -> rusqlite::Result<Self> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(SCHEMA)?;
        for stock in stocks {
            let sql = "INSERT INTO stock (name, price_minor, quantity) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            tx.execute(sql, *stock)?;
        }
        tx.commit()?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// How many shares of a stock are available, and how many are reserved.
    ///
    /// # Errors
    /// When SQLite fails.
    pub async fn quantity(&self, name: &str) -> Result<Option<(i64, i64)>, CatalogError> {
        let name = name.to_owned();
        let sql = "SELECT quantity, held FROM stock WHERE name = ?1";
        self.write(move |db| {
            let found = db.query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok(Ok(found.optional()?))
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<Result<T, CatalogError>, rusqlite::Error> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let connection = Arc::clone(&self.0);
        // The work is completed even if the caller stops waiting.
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().expect("no panic while it is locked");
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&tx)?;
            if done.is_ok() {
                tx.commit()?;
            }
            Ok(done)
        });
        let done: Result<_, rusqlite::Error> = done.await.expect("the work does not panic");
        done.map_err(|error| CatalogError::Unavailable(error.to_string()))?
    }
}

impl Catalog for SqliteCatalog {
    fn reserve<'a>(&'a self, reservation: &'a Reservation, shares: &'a Shares) -> CatalogResult<'a, Price> {
        let (reservation, shares) = (reservation.clone(), shares.clone());
        self.write(move |db| reserve(db, &reservation, &shares)).boxed()
    }

    fn confirm<'a>(&'a self, attempt: &'a str, number: i64) -> CatalogResult<'a, ()> {
        let attempt = attempt.to_owned();
        self.write(move |db| finish(db, &attempt, "confirmed", Some(number)))
            .boxed()
    }

    fn cancel<'a>(&'a self, attempt: &'a str) -> CatalogResult<'a, ()> {
        let attempt = attempt.to_owned();
        self.write(move |db| finish(db, &attempt, "cancelled", None)).boxed()
    }

    fn reserved<'a>(&'a self, key: Option<&'a str>, limit: usize) -> CatalogResult<'a, Vec<Reservation>> {
        let key = key.map(str::to_owned);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.write(move |db| {
            let sql = "SELECT attempt, key FROM reservation
                WHERE state = 'reserved' AND (?1 IS NULL OR key = ?1) ORDER BY id LIMIT ?2";
            let mut found = db.prepare_cached(sql)?;
            let rows = found.query_map((key, limit), |row| {
                Ok(Reservation {
                    attempt: row.get(0)?,
                    key: row.get(1)?,
                })
            })?;
            Ok(Ok(rows.collect::<Result<_, _>>()?))
        })
        .boxed()
    }
}

type StepResult<T> = Result<Result<T, CatalogError>, rusqlite::Error>;

fn reserve(db: &Connection, reservation: &Reservation, shares: &Shares) -> StepResult<Price> {
    let Reservation { attempt, key } = reservation;
    let known = db
        .prepare_cached("SELECT state, price_minor FROM reservation WHERE attempt = ?1")?
        .query_row([attempt], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))
        .optional()?;
    match known {
        Some((state, price)) if state == "reserved" => return Ok(Ok(in_dollars(price))),
        Some((state, _)) => return Ok(Err(finished(&state))),
        None => (),
    }
    let (guarded, refusal) = match shares.side {
        TradeSide::Buy => (
            "UPDATE stock SET quantity = quantity - ?2, held = held + ?2
             WHERE name = ?1 AND quantity >= ?2 AND ?3 > 0 RETURNING price_minor",
            CatalogError::TooFew,
        ),
        TradeSide::Sell => (
            "UPDATE stock SET held = held + ?2
             WHERE name = ?1 AND quantity + held + ?2 <= ?3 RETURNING price_minor",
            CatalogError::TooMany,
        ),
    };
    let price = db
        .prepare_cached(guarded)?
        .query_row((&shares.name, shares.quantity, QUANTITY_MAX), |row| row.get(0))
        .optional()?;
    let Some(price) = price else {
        let exists = db
            .prepare_cached("SELECT 1 FROM stock WHERE name = ?1")?
            .exists([&shares.name])?;
        return Ok(Err(if exists { refusal } else { CatalogError::NoStock }));
    };
    let sql =
        "INSERT INTO reservation (attempt, key, name, side, quantity, price_minor) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let side = shares.side.as_str();
    db.prepare_cached(sql)?
        .execute(params![attempt, key, shares.name, side, shares.quantity, price])?;
    Ok(Ok(in_dollars(price)))
}

/// Ends a reservation. Only the call that changes the state moves the shares; a repeated call finds it done.
fn finish(db: &Connection, attempt: &str, state: &'static str, number: Option<i64>) -> StepResult<()> {
    let sql = "UPDATE reservation SET state = ?2, number = ?3 WHERE attempt = ?1 AND state = 'reserved'
        RETURNING name, quantity, (side = 'buy') = (state = 'cancelled')";
    let moved = db
        .prepare_cached(sql)?
        .query_row(params![attempt, state, number], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, bool>(2)?))
        })
        .optional()?;
    if let Some((name, quantity, comes)) = moved {
        let comes = if comes { quantity } else { 0 };
        let sql = "UPDATE stock SET held = held - ?2, quantity = quantity + ?3 WHERE name = ?1";
        db.prepare_cached(sql)?.execute((name, quantity, comes))?;
        return Ok(Ok(()));
    }
    let found = db
        .prepare_cached("SELECT state, number FROM reservation WHERE attempt = ?1")?
        .query_row([attempt], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?))
        })
        .optional()?;
    Ok(match found {
        Some((found, known)) if found == state && known == number => Ok(()),
        Some((found, _)) => Err(finished(&found)),
        // An unknown attempt reserved nothing, so `cancel` has nothing to release; but an order without its shares must
        // not exist.
        None if number.is_none() => Ok(()),
        None => Err(finished("unknown")),
    })
}

fn finished(state: &str) -> CatalogError {
    CatalogError::Finished(state.to_owned())
}

fn in_dollars(minor: i64) -> Price {
    Price {
        minor,
        currency: "USD".to_owned(),
    }
}
