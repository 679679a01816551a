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

/// The defaults. The settings of the server have the same ones.
impl DbOptions {
    /// The default of [`readers`](Self::readers).
    pub const READERS: u32 = 4;
    /// The default of [`inline_read_time`](Self::inline_read_time), in microseconds.
    pub const INLINE_READ_TIME_US: u64 = 1_000;
    /// The default of [`slow_readers`](Self::slow_readers).
    pub const SLOW_READERS: u32 = 2;
    /// The default of [`read_time`](Self::read_time), in milliseconds.
    pub const READ_TIME_MS: u64 = 10_000;
    /// The default of [`queue`](Self::queue).
    pub const QUEUE: usize = 4_096;
    /// The default of [`queue_wait`](Self::queue_wait), in milliseconds.
    pub const QUEUE_WAIT_MS: u64 = 5_000;
    /// The default of [`group`](Self::group).
    pub const GROUP: usize = 256;
    /// The default of [`group_time`](Self::group_time), in milliseconds.
    pub const GROUP_TIME_MS: u64 = 20;
    /// The default of [`write_time`](Self::write_time), in milliseconds.
    pub const WRITE_TIME_MS: u64 = 5_000;
    /// The default of [`check_time`](Self::check_time), in milliseconds.
    pub const CHECK_TIME_MS: u64 = 2_000;

    /// The defaults, for that file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: Self::READERS,
            inline_read_time: Duration::from_micros(Self::INLINE_READ_TIME_US),
            slow_readers: Self::SLOW_READERS,
            read_time: Duration::from_millis(Self::READ_TIME_MS),
            queue: Self::QUEUE,
            queue_wait: Duration::from_millis(Self::QUEUE_WAIT_MS),
            group: Self::GROUP,
            group_time: Duration::from_millis(Self::GROUP_TIME_MS),
            write_time: Duration::from_millis(Self::WRITE_TIME_MS),
            check_time: Duration::from_millis(Self::CHECK_TIME_MS),
            accept_data_loss: false,
        }
    }
}
