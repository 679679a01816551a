//! The kinds of connections: the one that writes (rusqlite, on the write thread), those that read and the one that
//! migrates (sqlx).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::DbOptions;

/// How long SQLite waits for a lock that another process holds.
const BUSY: Duration = Duration::from_secs(5);
/// Prepared statements a connection keeps.
const STATEMENTS: usize = 256;
/// Pages in the log before a commit moves them into the file: 16 MB of 4 KB pages. Moving waits for the disk twice.
const CHECKPOINT_PAGES: u32 = 4000;
/// What remains of the log file when it is empty, in bytes.
const LOG_BYTES_KEPT: u32 = 64 << 20;
/// Steps of SQLite's virtual machine between two looks at the clock: well under a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// When the write that runs now must have ended. SQLite asks it while it works.
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
        self.at
            .store(micros(self.zero.elapsed().saturating_add(after)), Relaxed);
    }

    pub(super) fn clear(&self) {
        self.at.store(0, Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        match self.at.load(Relaxed) {
            0 => false,
            at => micros(self.zero.elapsed()) >= at,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The connection that writes, and makes the file when there is none. Its statements end with the deadline.
pub(super) fn writer(options: &DbOptions, deadline: Arc<Deadline>) -> rusqlite::Result<Connection> {
    // Not the default flags: with those, some names would be taken for addresses.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(&format!(
        "PRAGMA foreign_keys = ON;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {LOG_BYTES_KEPT};"
    ))?;
    // Otherwise SQLite prepares a statement again each time for the value bound to its LIMIT, and SeaORM binds one to
    // whatever reads a single row.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || deadline.is_over()))?;
    Ok(connection)
}

/// The connection that migrates, on a file that the writer has made.
pub(super) async fn migrator(options: &DbOptions) -> Result<DatabaseConnection, DbErr> {
    let path = options.path.clone();
    let mut pool = pool(1);
    pool.map_sqlx_sqlite_opts(move |sqlite| {
        common(sqlite)
            .filename(&path)
            .create_if_missing(false)
            .pragma("synchronous", "FULL")
            .pragma("journal_size_limit", LOG_BYTES_KEPT.to_string())
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
