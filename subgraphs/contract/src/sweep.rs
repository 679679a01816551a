//! Rows that have served their time: they are deleted in bounded steps, beside the requests.

use entities::{idempotency, reservation, session};

use crate::{Result, Services, Tx};

const HOUR_US: i64 = 3_600_000_000;
/// How much longer than idempotency keys the reservations are kept that kept answers ask for.
const RESERVATION_HOURS: u32 = 24;

/// How long rows are kept that only matter for a time, and how many go at once.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Hours that an idempotency key is known; at least 24 are promised to clients.
    pub key_hours: u32,
    /// Hours that a session is kept after it has ended or run out, so that a process that starts learns that it ended.
    pub session_hours: u32,
    /// Rows that one write deletes.
    pub rows_max: u64,
}

impl Services {
    /// Deletes all idempotency keys, sessions and reservations that have been over for longer than `keep` says; returns how
    /// many.
    ///
    /// Each step is a write of its own, so that other writes come in between.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep(&self, keep: Retention) -> Result<u64> {
        let now_us = self.clock.now_us();
        let before = |hours: u32| now_us - i64::from(hours) * HOUR_US;
        let (keys, sessions) = (before(keep.key_hours), before(keep.session_hours));
        let reservations = before(keep.key_hours.saturating_add(RESERVATION_HOURS));
        let mut swept = 0;
        loop {
            let step = async move |tx: &Tx| {
                let keys = idempotency::sweep(tx, keys, keep.rows_max).await?;
                // The answer of a key asks for its reservation: as long as there are such keys, all of these stay.
                let reservations = match keys < keep.rows_max {
                    true => reservation::sweep(tx, reservations, keep.rows_max).await?,
                    false => 0,
                };
                let sessions = session::sweep(tx, sessions, keep.rows_max).await?;
                Ok([keys, reservations, sessions])
            };
            let step = self.db.write(step).await?;
            swept += step.iter().sum::<u64>();
            if step.iter().all(|rows| *rows < keep.rows_max) {
                return Ok(swept);
            }
        }
    }
}
