//! The location of the database, and its limits.

use std::path::PathBuf;
use std::time::Duration;

/// The location of the database, and its limits.
#[derive(Clone, Debug)]
pub struct DbOptions {
    /// The SQLite file. Its folder has to exist.
    pub path: PathBuf,
    /// The number of connections for reads on the threads of their callers. At least 1.
    pub readers: u32,
    /// The most time that a read has on the thread of its caller. A read that needs more runs again from its start on
    /// a thread for blocking work.
    pub inline_read_time: Duration,
    /// The number of connections for reads that need more time. At least 1.
    pub slow_readers: u32,
    /// The most time that such a read may wait for its connection and run.
    pub read_time: Duration,
    /// The number of writes that may wait for their turn. At least 1.
    pub queue: usize,
    /// How long a write waits for a place in a full queue before it fails with
    /// [`Unavailability::QueueFull`](crate::Unavailability).
    pub queue_wait: Duration,
    /// The most writes that share one commit; 1 gives each its own.
    pub group: usize,
    /// The time during which a group accepts further writes. The first write in it waits at most this long for the
    /// others, beside their own time.
    pub group_time: Duration,
    /// The most time that one write may take before it is undone and fails with
    /// [`Unavailability::TimedOut`](crate::Unavailability). No write holds the writer
    /// longer.
    pub write_time: Duration,
    /// The most time for checking the file when it is opened; zero skips the check.
    pub check_time: Duration,
    /// Whether to open the file even if it lacks acknowledged commits or is damaged.
    pub accept_data_loss: bool,
}

impl DbOptions {
    /// The defaults, for that file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 4,
            inline_read_time: Duration::from_millis(1),
            slow_readers: 2,
            read_time: Duration::from_secs(10),
            queue: 1024,
            queue_wait: Duration::from_secs(10),
            group: 128,
            group_time: Duration::from_millis(20),
            write_time: Duration::from_secs(5),
            check_time: Duration::ZERO,
            accept_data_loss: false,
        }
    }
}
