//! The ledger: it assigns the numbers, accepts each key once, and keeps cancelled attempts cancelled.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use crate::order::{Command, ExchangeOrder, Outcome, Price, Shares, Side, Trade};

const ORDER: &str =
    "SELECT number, key, attempt, name, side, quantity, price_minor, currency, trader_id, at_us FROM exchange_order";

/// Decides a command. The decision depends on the ledger only, so the same commands in the same order have the same
/// outcome on every replica.
pub(super) fn decide(db: &Connection, command: Command) -> Result<Outcome, StoreError> {
    match command {
        Command::Record { key, attempt, trade } => record(db, key, attempt, trade),
        Command::Cancel { attempt } => cancel(db, attempt),
    }
}

fn record(db: &Connection, key: String, attempt: String, trade: Trade) -> Result<Outcome, StoreError> {
    if let Some(known) = by_key(db, &key)? {
        return Ok(match known.trade.is_same_request(&trade) {
            true => Outcome::Recorded {
                number: known.number,
                attempt: known.attempt,
            },
            false => Outcome::Mismatch,
        });
    }
    // An attempt belongs to one key.
    if number_of_attempt(db, &attempt)?.is_some() {
        return Ok(Outcome::Mismatch);
    }
    if is_cancelled(db, &attempt)? {
        return Ok(Outcome::Cancelled);
    }
    let order = ExchangeOrder {
        number: last_number(db)? + 1,
        key,
        attempt,
        trade,
    };
    insert(db, &order)?;
    Ok(Outcome::Recorded {
        number: order.number,
        attempt: order.attempt,
    })
}

fn cancel(db: &Connection, attempt: String) -> Result<Outcome, StoreError> {
    if let Some(number) = number_of_attempt(db, &attempt)? {
        return Ok(Outcome::Recorded { number, attempt });
    }
    bury(db, &attempt)?;
    Ok(Outcome::Cancelled)
}

pub(super) fn bury(db: &Connection, attempt: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO tombstone (attempt) VALUES (?1) ON CONFLICT DO NOTHING";
    db.prepare_cached(sql)?.execute([attempt])?;
    Ok(())
}

pub(super) fn insert(db: &Connection, order: &ExchangeOrder) -> Result<(), StoreError> {
    let sql = "INSERT INTO exchange_order
        (number, key, attempt, name, side, quantity, price_minor, currency, trader_id, at_us)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let ExchangeOrder {
        number,
        key,
        attempt,
        trade,
    } = order;
    db.prepare_cached(sql)?.execute(params![
        number,
        key,
        attempt,
        trade.shares.name,
        trade.shares.side.as_str(),
        trade.shares.quantity,
        trade.price.minor,
        trade.price.currency,
        trade.trader_id,
        trade.at_us,
    ])?;
    Ok(())
}

pub(super) fn by_number(db: &Connection, number: i64) -> Result<Option<ExchangeOrder>, StoreError> {
    let mut found = db.prepare_cached(&format!("{ORDER} WHERE number = ?1"))?;
    Ok(found.query_row([number], order).optional()?)
}

pub(super) fn by_key(db: &Connection, key: &str) -> Result<Option<ExchangeOrder>, StoreError> {
    let mut found = db.prepare_cached(&format!("{ORDER} WHERE key = ?1"))?;
    Ok(found.query_row([key], order).optional()?)
}

pub(super) fn since(db: &Connection, after: i64, limit: usize) -> Result<Vec<ExchangeOrder>, StoreError> {
    let mut found = db.prepare_cached(&format!("{ORDER} WHERE number > ?1 ORDER BY number LIMIT ?2"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = found.query_map((after, limit), order)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn last_number(db: &Connection) -> Result<i64, StoreError> {
    let mut last = db.prepare_cached("SELECT coalesce(max(number), -1) FROM exchange_order")?;
    Ok(last.query_row([], |row| row.get(0))?)
}

/// Calls `with` for every cancelled attempt.
pub(super) fn each_cancelled(
    db: &Connection,
    with: &mut dyn FnMut(String) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut found = db.prepare("SELECT attempt FROM tombstone ORDER BY attempt")?;
    let mut rows = found.query([])?;
    while let Some(row) = rows.next()? {
        with(row.get(0)?)?;
    }
    Ok(())
}

/// Calls `with` for every order, by number.
pub(super) fn each_order(
    db: &Connection,
    with: &mut dyn FnMut(ExchangeOrder) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut found = db.prepare(&format!("{ORDER} ORDER BY number"))?;
    let mut rows = found.query([])?;
    while let Some(row) = rows.next()? {
        with(order(row)?)?;
    }
    Ok(())
}

fn number_of_attempt(db: &Connection, attempt: &str) -> Result<Option<i64>, StoreError> {
    let mut found = db.prepare_cached("SELECT number FROM exchange_order WHERE attempt = ?1")?;
    Ok(found.query_row([attempt], |row| row.get(0)).optional()?)
}

fn is_cancelled(db: &Connection, attempt: &str) -> Result<bool, StoreError> {
    let mut found = db.prepare_cached("SELECT 1 FROM tombstone WHERE attempt = ?1")?;
    Ok(found.exists([attempt])?)
}

fn order(row: &Row<'_>) -> rusqlite::Result<ExchangeOrder> {
    let side: String = row.get(4)?;
    Ok(ExchangeOrder {
        number: row.get(0)?,
        key: row.get(1)?,
        attempt: row.get(2)?,
        trade: Trade {
            shares: Shares {
                name: row.get(3)?,
                // The table allows no other value.
                side: Side::of(&side).unwrap_or(Side::Buy),
                quantity: row.get(5)?,
            },
            price: Price {
                minor: row.get(6)?,
                currency: row.get(7)?,
            },
            trader_id: row.get(8)?,
            at_us: row.get(9)?,
        },
    })
}
