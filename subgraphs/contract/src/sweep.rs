//! Rows that have served their time: they are deleted in bounded steps, beside the requests.

use entities::{idempotency, session};

use crate::{Result, Services, Tx};

const HOUR_US: i64 = 3_600_000_000;

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
    /// Deletes all idempotency keys and sessions that have been over for longer than `keep` says; returns how many.
    ///
    /// Each step is a write of its own, so that other writes come in between.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep(&self, keep: Retention) -> Result<u64> {
        let now_us = self.clock.now_us();
        let before = |hours: u32| now_us - i64::from(hours) * HOUR_US;
        let (keys, sessions) = (before(keep.key_hours), before(keep.session_hours));
        let mut swept = 0;
        loop {
            let step = async move |tx: &Tx| {
                let keys = idempotency::sweep(tx, keys, keep.rows_max).await?;
                Ok((keys, session::sweep(tx, sessions, keep.rows_max).await?))
            };
            let (keys, sessions) = self.db.write(step).await?;
            swept += keys + sessions;
            if keys < keep.rows_max && sessions < keep.rows_max {
                return Ok(swept);
            }
        }
    }
}
