//! Retention: outdated rows are deleted in bounded steps, beside the requests.

use entities::{idempotency, reservation, session};

use crate::{Result, Services, Tx};

const HOUR_US: i64 = 3_600_000_000;
/// The hours by which reservations outlive idempotency keys, because recorded answers refer to them.
const RESERVATION_HOURS: u32 = 24;

/// The retention times of rows that matter only for a time, and the size of one deletion.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Hours that an idempotency key is kept; at least 24 are promised to clients.
    pub key_hours: u32,
    /// Hours that a session is kept after it has ended or expired, so that a starting process learns that it ended.
    pub session_hours: u32,
    /// Rows that one write deletes.
    pub rows_max: u64,
}

impl Services {
    /// Deletes all idempotency keys, sessions and reservations whose retention time in `retention` has passed; returns
    /// the number deleted.
    ///
    /// Each step is a separate write, so that other writes can run in between.
    pub async fn sweep(&self, retention: Retention) -> Result<u64> {
        let now_us = self.clock.now_us();
        let before = |hours: u32| now_us - i64::from(hours) * HOUR_US;
        let (keys, sessions) = (before(retention.key_hours), before(retention.session_hours));
        let reservations = before(retention.key_hours.saturating_add(RESERVATION_HOURS));
        let mut deleted = 0;
        loop {
            let step = async move |tx: &Tx| {
                let keys = idempotency::sweep(tx, keys, retention.rows_max).await?;
                // A key's answer may refer to its reservation: while overdue keys remain, all reservations stay.
                let reservations = if keys < retention.rows_max {
                    reservation::sweep(tx, reservations, retention.rows_max).await?
                } else {
                    0
                };
                let sessions = session::sweep(tx, sessions, retention.rows_max).await?;
                Ok([keys, reservations, sessions])
            };
            let step = self.db.write(step).await?;
            deleted += step.iter().sum::<u64>();
            if step.iter().all(|rows| *rows < retention.rows_max) {
                return Ok(deleted);
            }
        }
    }
}
