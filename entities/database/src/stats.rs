//! Counters of the readers' statements and the writer's commits.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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
}

#[derive(Default)]
pub(crate) struct Counters {
    reads: AtomicU64,
    slow_reads: AtomicU64,
    commits: AtomicU64,
    writes: AtomicU64,
    undone: AtomicU64,
    split: AtomicU64,
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
    }

    pub(crate) fn count_undone(&self, writes: usize) {
        self.undone.fetch_add(writes as u64, Relaxed);
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
        }
    }
}
