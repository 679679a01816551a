//! The two kinds of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::DbOptions;

/// How long SQLite waits for a lock that another process holds.
const BUSY: Duration = Duration::from_secs(5);
/// Prepared statements a connection keeps.
const STATEMENTS: usize = 256;
/// Pages in the log before a commit moves them into the file: 16 MB of 4 KB pages. Moving waits for the disk twice.
const CHECKPOINT_PAGES: &str = "4000";
/// What remains of the log file when it is empty, in bytes.
const LOG_BYTES_KEPT: &str = "67108864";
/// Steps of SQLite's virtual machine between two looks at the clock: well under a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// When the statement that runs now must have ended. SQLite asks it while it works.
pub(super) struct Deadline {
    zero: Instant,
    /// Microseconds after `zero`; 0 for none.
    at: AtomicU64,
}

impl Deadline {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            zero: Instant::now(),
            at: AtomicU64::new(0),
        })
    }

    pub(super) fn set(&self, after: Duration) {
        self.at.store(micros(self.zero.elapsed() + after), Relaxed);
    }

    pub(super) fn clear(&self) {
        self.at.store(0, Relaxed);
    }

    fn is_ahead(&self) -> bool {
        match self.at.load(Relaxed) {
            0 => true,
            at => micros(self.zero.elapsed()) < at,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The connection that writes, and makes the file when there is none.
pub(super) async fn writer(options: &DbOptions, deadline: Arc<Deadline>) -> Result<DatabaseConnection, DbErr> {
    let path = options.path.clone();
    let mut pool = pool(1);
    pool.map_sqlx_sqlite_opts(move |sqlite| {
        common(sqlite)
            .filename(&path)
            .create_if_missing(true)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", LOG_BYTES_KEPT)
    });
    pool.map_sqlx_sqlite_pool_opts(move |pool| {
        let deadline = deadline.clone();
        pool.after_connect(move |connection, _| {
            let deadline = deadline.clone();
            Box::pin(async move {
                let mut handle = connection.lock_handle().await?;
                handle.set_progress_handler(STEPS_BETWEEN_LOOKS, move || deadline.is_ahead());
                Ok(())
            })
        })
    });
    Database::connect(pool).await
}

/// The connections that read: the file is opened read-only, and `query_only` refuses a write before it starts.
pub(super) async fn readers(options: &DbOptions) -> Result<DatabaseConnection, DbErr> {
    let path = options.path.clone();
    let mut pool = pool(options.readers.max(1));
    pool.map_sqlx_sqlite_opts(move |sqlite| {
        common(sqlite)
            .filename(&path)
            .create_if_missing(false)
            .read_only(true)
            .pragma("query_only", "ON")
    });
    Database::connect(pool).await
}

fn common(sqlite: SqliteConnectOptions) -> SqliteConnectOptions {
    sqlite
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .statement_cache_capacity(STATEMENTS)
}

/// A pool whose connections stay: a file does not hang up, and a new connection has no prepared statements.
fn pool(connections: u32) -> ConnectOptions {
    // The path comes later, as a path: in an address some of its characters would mean something.
    let mut pool = ConnectOptions::new("sqlite://database");
    pool.max_connections(connections)
        .min_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .sqlx_logging(false);
    pool
}
