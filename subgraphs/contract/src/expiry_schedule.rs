//! The time of the next expiry, kept in memory.

use std::sync::{Mutex, PoisonError};

use entities::expiry;

use crate::{Db, Result};

/// The time at which the next authorization or order expires, so that a read need not look for it each time.
///
/// The time is known as of a number of commits, and read again when there are more. So no statement that makes an
/// expiry earlier has to say so (docs/adr/0079-the-next-expiry-is-kept-until-a-commit.md).
#[derive(Debug, Default)]
pub struct ExpirySchedule(Mutex<Option<NextExpiry>>);

#[derive(Clone, Copy, Debug)]
struct NextExpiry {
    /// The commits of this process before the time was read.
    commits: u64,
    /// The time, in microseconds since the epoch; `None` if nothing expires.
    due_us: Option<i64>,
}

impl ExpirySchedule {
    /// Whether anything is overdue, as of the last write that was answered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_any_overdue(&self, db: &Db, now_us: i64) -> Result<bool> {
        // The count comes first: a commit in between is part of what is read, and only makes the next call read again.
        let commits = db.stats().commits;
        let due_us = match self.known(commits) {
            Some(next) => next.due_us,
            None => {
                let due_us = expiry::next_due_us(db.read()).await?;
                self.keep(NextExpiry { commits, due_us });
                due_us
            }
        };
        Ok(due_us.is_some_and(|due_us| due_us <= now_us))
    }

    fn known(&self, commits: u64) -> Option<NextExpiry> {
        let next = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        next.filter(|next| next.commits == commits)
    }

    fn keep(&self, next: NextExpiry) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }
}
