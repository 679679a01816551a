//! The trades that an earlier process may have answered, and whose numbers the table lacks.
//!
//! Only the log knows their numbers. Until it has told them, a reader cannot distinguish such a trade from one that was never
//! answered.

use contract::{Db, Result};
use entities::reservation;
use tokio::sync::{OnceCell, watch};

/// Whether the numbers of these trades are known.
pub(super) struct Recovery {
    /// The id of the newest of these trades; 0 if there was none.
    last: OnceCell<i64>,
    done: watch::Sender<bool>,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            last: OnceCell::new(),
            done: watch::Sender::new(false),
        }
    }
}

impl Recovery {
    /// Reads which trades there are, the first time. Returns whether all numbers are known.
    ///
    /// A trade of this process is answered after the task that numbers trades has called this.
    pub(super) async fn start(&self, db: &Db) -> Result<bool> {
        if *self.done.borrow() {
            return Ok(true);
        }
        if self.last(db).await? == 0 {
            self.finish();
        }
        Ok(*self.done.borrow())
    }

    /// Whether an earlier process may have answered this trade, and its number is not known.
    pub(super) async fn concerns(&self, db: &Db, id: i64) -> Result<bool> {
        Ok(!self.start(db).await? && id <= self.last(db).await?)
    }

    /// Notes that the trades up to this one have their numbers.
    pub(super) fn advance(&self, id: i64) {
        if self.last.get().is_some_and(|last| *last <= id) {
            self.finish();
        }
    }

    /// Notes that all trades have their numbers.
    pub(super) fn finish(&self) {
        self.done.send_if_modified(|done| !std::mem::replace(done, true));
    }

    /// Waits until all numbers are known.
    pub(super) async fn done(&self) {
        let _ = self.done.subscribe().wait_for(|done| *done).await;
    }

    async fn last(&self, db: &Db) -> Result<i64> {
        let read = async || reservation::last_unnumbered(db.read()).await;
        Ok(*self.last.get_or_try_init(read).await?)
    }
}
