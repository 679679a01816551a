//! Counters of the readers' statements and the writer's commits.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use meters::{DURATION_BOUNDS_US, Distribution, Histogram, SIZE_BOUNDS};

/// The reads and writes since the start, for metrics and tests. `writes / commits` is the average number of writes
/// that share one wait for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DbStats {
    /// Statements that the readers executed.
    pub reads: u64,
    /// Those of them that needed more time than a read has on the thread of its caller.
    pub slow_reads: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Writes in these transactions.
    pub writes: u64,
    /// Writes that left no trace: they returned an error, failed, panicked or took too long.
    pub undone: u64,
    /// Groups whose shared transaction failed, so that each of their writes ran again alone.
    pub split: u64,
    /// Writes that are waiting for their turn now.
    pub waiting: u64,
    /// Writes that were refused because the queue stayed full.
    pub refused: u64,
}

/// The distributions of the writer's work since the start.
#[derive(Clone, Debug)]
pub struct WriteDistributions {
    /// The writes of each commit.
    pub group_sizes: Distribution,
    /// The microseconds that each write waited for its turn.
    pub waits_us: Distribution,
}

pub(crate) struct Counters {
    reads: AtomicU64,
    slow_reads: AtomicU64,
    commits: AtomicU64,
    writes: AtomicU64,
    undone: AtomicU64,
    split: AtomicU64,
    refused: AtomicU64,
    group_sizes: Histogram,
    waits_us: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            reads: AtomicU64::default(),
            slow_reads: AtomicU64::default(),
            commits: AtomicU64::default(),
            writes: AtomicU64::default(),
            undone: AtomicU64::default(),
            split: AtomicU64::default(),
            refused: AtomicU64::default(),
            group_sizes: Histogram::new(SIZE_BOUNDS),
            waits_us: Histogram::new(DURATION_BOUNDS_US),
        }
    }
}

impl Counters {
    pub(crate) fn count_read(&self) {
        self.reads.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_slow_read(&self) {
        self.slow_reads.fetch_add(1, Relaxed);
    }

    /// Returns the number of commits. A commit is counted before its events and answers.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Relaxed)
    }

    pub(crate) fn count_commit(&self, writes: usize) {
        self.commits.fetch_add(1, Relaxed);
        self.writes.fetch_add(writes as u64, Relaxed);
        self.group_sizes.record(writes as u64);
    }

    pub(crate) fn count_undone(&self, writes: usize) {
        self.undone.fetch_add(writes as u64, Relaxed);
    }

    /// Counts a write that the full queue refused.
    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Records how long a write that begins now has waited.
    pub(crate) fn record_wait(&self, queued_at: Instant) {
        self.waits_us.record_since(queued_at);
    }

    pub(crate) fn distributions(&self) -> WriteDistributions {
        WriteDistributions {
            group_sizes: self.group_sizes.distribution(),
            waits_us: self.waits_us.distribution(),
        }
    }

    pub(crate) fn count_split(&self) {
        self.split.fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self, waiting: usize) -> DbStats {
        DbStats {
            reads: self.reads.load(Relaxed),
            slow_reads: self.slow_reads.load(Relaxed),
            commits: self.commits.load(Relaxed),
            writes: self.writes.load(Relaxed),
            undone: self.undone.load(Relaxed),
            split: self.split.load(Relaxed),
            waiting: waiting as u64,
            refused: self.refused.load(Relaxed),
        }
    }
}
