//! Trades whose callers ask for a withdrawal.
//!
//! One task both sends trades to the log and withdraws trades, so the log never gets a trade that was withdrawn.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// The ids of the trades to withdraw, and the highest id of a trade that was sent to the log.
#[derive(Default)]
pub(super) struct Withdrawals {
    ids: Mutex<BTreeSet<i64>>,
    requested: Notify,
    sent_through: AtomicI64,
}

impl Withdrawals {
    /// Asks for the withdrawal of a trade.
    pub(super) fn request(&self, id: i64) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        self.requested.notify_one();
    }

    /// Returns after a caller has asked for a withdrawal.
    pub(super) async fn requested(&self) {
        self.requested.notified().await;
    }

    /// Takes the requested withdrawals of trades that were never sent to the log; the others have to wait.
    pub(super) fn take_unsent(&self) -> Vec<i64> {
        let sent_through = self.sent_through.load(Ordering::Relaxed);
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.split_off(&sent_through.saturating_add(1)).into_iter().collect()
    }

    /// Drops the requests of the trades up to this one, which have their numbers.
    pub(super) fn drop_through(&self, id: i64) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        *ids = ids.split_off(&id.saturating_add(1));
    }

    /// Notes that trades up to this one are about to be sent to the log. Returns the previous highest id.
    pub(super) fn mark_sent_through(&self, id: i64) -> i64 {
        self.sent_through.fetch_max(id, Ordering::Relaxed)
    }

    /// Restores the previous highest id, since the trades reached no replica.
    pub(super) fn restore_sent_through(&self, id: i64) {
        self.sent_through.store(id, Ordering::Relaxed);
    }
}
