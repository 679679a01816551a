//! The time. It is passed in everywhere, so that a test moves a clock instead of sleeping.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{DateTime, Error, Result};

/// 10000-01-01T00:00:00Z: RFC 3339 writes years with four digits.
const YEAR_10000_US: i64 = 253_402_300_800_000_000;

/// Tells the time in microseconds since the Unix epoch.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn now_us(&self) -> i64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

/// A clock that moves only through [`ManualClock::advance`].
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock set to that many microseconds since the epoch.
    pub fn at_us(now_us: i64) -> Self {
        Self(AtomicI64::new(now_us))
    }

    /// Moves it forward.
    pub fn advance(&self, by: std::time::Duration) {
        self.0
            .fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Returns the GraphQL `DateTime` for a timestamp of the database.
pub fn to_date_time(at_us: i64) -> DateTime {
    chrono::DateTime::from_timestamp_micros(at_us)
        .unwrap_or_default()
        .into()
}

/// Returns the timestamp of the database for a GraphQL `DateTime`.
///
/// # Errors
/// `INVALID_INPUT` naming `field` for a moment before the epoch, or one that RFC 3339 cannot express.
pub fn to_timestamp_us(field: &'static str, at: DateTime) -> Result<i64> {
    let at_us = at.utc().timestamp_micros();
    if (0..YEAR_10000_US).contains(&at_us) {
        Ok(at_us)
    } else {
        Err(Error::invalid(field, "must be between the years 1970 and 9999"))
    }
}
