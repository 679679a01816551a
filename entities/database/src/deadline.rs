//! The point in time at which SQLite stops a statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// The deadline of what runs on a connection. SQLite checks it while it works.
pub(crate) struct Deadline {
    start: Instant,
    /// Microseconds after `start`; 0 for none.
    at: AtomicU64,
}

impl Deadline {
    /// A deadline that is not set.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            at: AtomicU64::new(0),
        })
    }

    /// Lets SQLite stop the statements of a connection at this deadline, which it checks every so many steps of its
    /// virtual machine.
    pub(crate) fn watch(self: &Arc<Self>, connection: &Connection, steps: i32) -> rusqlite::Result<()> {
        let deadline = Arc::clone(self);
        connection.progress_handler(steps, Some(move || deadline.has_passed()))
    }

    pub(crate) fn set(&self, after: Duration) {
        let at = micros(self.start.elapsed().saturating_add(after));
        self.at.store(at.max(1), Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.at.store(0, Relaxed);
    }

    pub(crate) fn has_passed(&self) -> bool {
        match self.at.load(Relaxed) {
            0 => false,
            at => micros(self.start.elapsed()) >= at,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
