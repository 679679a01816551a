//! Trades whose callers ask that they be taken back.
//!
//! One task tells the log of trades and takes trades back, so that a trade which is taken back is never told of later.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// What is asked for, and up to which id the log was told of trades.
#[derive(Default)]
pub(super) struct Withdrawals {
    ids: Mutex<BTreeSet<i64>>,
    asked: Notify,
    told: AtomicI64,
}

impl Withdrawals {
    /// Asks that a trade be taken back.
    pub(super) fn ask(&self, id: i64) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        self.asked.notify_one();
    }

    /// Ends when somebody has asked.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// What is asked for of which the log was never told; the rest has to wait.
    pub(super) fn take(&self) -> Vec<i64> {
        let told = self.told.load(Ordering::Relaxed);
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.split_off(&told.saturating_add(1)).into_iter().collect()
    }

    /// Trades up to this one have their numbers.
    pub(super) fn numbered_up_to(&self, id: i64) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        *ids = ids.split_off(&id.saturating_add(1));
    }

    /// The log is about to be told of trades up to this one. Answers up to which it was before.
    pub(super) fn tell_up_to(&self, id: i64) -> i64 {
        self.told.fetch_max(id, Ordering::Relaxed)
    }

    /// Nobody was told after all.
    pub(super) fn told_only_up_to(&self, id: i64) {
        self.told.store(id, Ordering::Relaxed);
    }
}
