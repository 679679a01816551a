//! The outcome of the reloads of a supergraph file, for the metrics and `GET /ready`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The outcome of the reloads of a supergraph file. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ReloadStatus(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    served: AtomicU64,
    refused: AtomicU64,
    is_refused: AtomicBool,
}

impl ReloadStatus {
    /// Records that a changed file is served.
    pub fn record_served(&self) {
        self.0.served.fetch_add(1, Ordering::Relaxed);
        self.record_unchanged();
    }

    /// Records that the file is the one that is served.
    pub fn record_unchanged(&self) {
        self.0.is_refused.store(false, Ordering::Relaxed);
    }

    /// Records that the file was refused.
    pub fn record_refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        self.0.is_refused.store(true, Ordering::Relaxed);
    }

    /// Returns the number of changed files that were served.
    pub fn served(&self) -> u64 {
        self.0.served.load(Ordering::Relaxed)
    }

    /// Returns the number of refusals.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Whether the file is refused now, and the last good one is served.
    pub fn is_refused(&self) -> bool {
        self.0.is_refused.load(Ordering::Relaxed)
    }
}
