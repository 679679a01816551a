//! The ledger: it assigns the numbers, accepts each key once, and keeps cancelled attempts cancelled.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use crate::command::{CommandOutcome, LogCommand, LoggedTrade, NumberedTrade, Price, Shares};

const TRADE: &str =
    "SELECT number, key, attempt, name, side, quantity, price_minor, currency, trader_id, at_us FROM exchange_order";

/// The most characters of an unknown value that an error shows.
const UNKNOWN_CHARS_MAX: usize = 64;

/// The ledger during one transaction that applies commands.
pub(super) struct Ledger<'a> {
    db: &'a Connection,
    last_number: i64,
}

impl<'a> Ledger<'a> {
    pub(super) fn open(db: &'a Connection) -> Result<Self, StoreError> {
        let last_number = last_number(db)?;
        Ok(Self { db, last_number })
    }

    /// Decides a command. The decision depends on the ledger only, so the same commands in the same order have the same
    /// outcome on every replica.
    pub(super) fn apply_command(&mut self, command: LogCommand) -> Result<CommandOutcome, StoreError> {
        match command {
            LogCommand::Record { key, attempt, trade } => self.record(key, attempt, trade),
            LogCommand::Cancel { attempt } => cancel(self.db, attempt),
        }
    }

    fn record(&mut self, key: String, attempt: String, trade: LoggedTrade) -> Result<CommandOutcome, StoreError> {
        let is_cancelled = is_cancelled(self.db, &attempt)?;
        let numbered = NumberedTrade {
            number: self.last_number + 1,
            key,
            attempt,
            trade,
        };
        if !is_cancelled && insert(self.db, &numbered)? {
            self.last_number = numbered.number;
            return Ok(CommandOutcome::Recorded {
                number: numbered.number,
                attempt: numbered.attempt,
            });
        }
        let NumberedTrade { key, trade, .. } = numbered;
        Ok(match by_key(self.db, &key)? {
            Some(known) if known.trade.is_same_request(&trade) => CommandOutcome::Recorded {
                number: known.number,
                attempt: known.attempt,
            },
            None if is_cancelled => CommandOutcome::Cancelled,
            // The key belongs to another request, or the attempt to another key.
            Some(_) | None => CommandOutcome::Mismatch,
        })
    }
}

fn cancel(db: &Connection, attempt: String) -> Result<CommandOutcome, StoreError> {
    if let Some(number) = number_of_attempt(db, &attempt)? {
        return Ok(CommandOutcome::Recorded { number, attempt });
    }
    insert_tombstone(db, &attempt)?;
    Ok(CommandOutcome::Cancelled)
}

pub(super) fn insert_tombstone(db: &Connection, attempt: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO tombstone (attempt) VALUES (?1) ON CONFLICT DO NOTHING";
    db.prepare_cached(sql)?.execute([attempt])?;
    Ok(())
}

/// Inserts a trade, unless its key or its attempt has one. Returns whether it was inserted.
pub(super) fn insert(db: &Connection, numbered: &NumberedTrade) -> Result<bool, StoreError> {
    let sql = "INSERT INTO exchange_order
        (number, key, attempt, name, side, quantity, price_minor, currency, trader_id, at_us)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";
    let NumberedTrade {
        number,
        key,
        attempt,
        trade,
    } = numbered;
    let inserted = db.prepare_cached(sql)?.execute(params![
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
    Ok(inserted > 0)
}

pub(super) fn by_number(db: &Connection, number: i64) -> Result<Option<NumberedTrade>, StoreError> {
    let mut found = db.prepare_cached(&format!("{TRADE} WHERE number = ?1"))?;
    Ok(found.query_row([number], read_trade).optional()?)
}

pub(super) fn by_key(db: &Connection, key: &str) -> Result<Option<NumberedTrade>, StoreError> {
    let mut found = db.prepare_cached(&format!("{TRADE} WHERE key = ?1"))?;
    Ok(found.query_row([key], read_trade).optional()?)
}

pub(super) fn trades_after(db: &Connection, after: i64, limit: usize) -> Result<Vec<NumberedTrade>, StoreError> {
    let mut found = db.prepare_cached(&format!("{TRADE} WHERE number > ?1 ORDER BY number LIMIT ?2"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = found.query_map((after, limit), read_trade)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn last_number(db: &Connection) -> Result<i64, StoreError> {
    let mut last = db.prepare_cached("SELECT coalesce(max(number), -1) FROM exchange_order")?;
    Ok(last.query_row([], |row| row.get(0))?)
}

/// Calls `with` for every cancelled attempt.
pub(super) fn for_each_tombstone(
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

/// Calls `with` for every trade, by number.
pub(super) fn for_each_trade(
    db: &Connection,
    with: &mut dyn FnMut(NumberedTrade) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut found = db.prepare(&format!("{TRADE} ORDER BY number"))?;
    let mut rows = found.query([])?;
    while let Some(row) = rows.next()? {
        with(read_trade(row)?)?;
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

fn read_trade(row: &Row<'_>) -> rusqlite::Result<NumberedTrade> {
    let number = row.get(0)?;
    let side = row.get_ref(4)?.as_str()?;
    Ok(NumberedTrade {
        number,
        key: row.get(1)?,
        attempt: row.get(2)?,
        trade: LoggedTrade {
            shares: Shares {
                name: row.get(3)?,
                side: side.parse().map_err(|_| unknown_side(number, side))?,
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

#[cold]
fn unknown_side(number: i64, side: &str) -> rusqlite::Error {
    let side: String = side.chars().take(UNKNOWN_CHARS_MAX).collect();
    let why = format!("table exchange_order, number {number}: column side has the unknown value {side:?}");
    rusqlite::Error::FromSqlConversionFailure(4, Type::Text, why.into())
}
