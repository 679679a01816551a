//! The kinds of connections: the one that writes (rusqlite, on the write thread), those that read and the one that
//! migrates (sqlx).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use crate::DbOptions;

/// How long SQLite waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The number of prepared statements that a connection keeps.
const STATEMENT_CACHE_SIZE: usize = 256;
/// Pages in the log before a commit moves them into the file: 16 MB of 4 KB pages. Moving waits for the disk twice.
const CHECKPOINT_PAGES: u32 = 4000;
/// The most bytes that an emptied log file keeps.
const LOG_BYTES_KEPT: u32 = 64 << 20;
/// Steps of SQLite's virtual machine between two checks of the clock: well under a millisecond.
const STEPS_BETWEEN_CHECKS: i32 = 10_000;

/// The deadline of the running write. SQLite checks it while it works.
pub(crate) struct Deadline {
    start: Instant,
    /// Microseconds after `start`; 0 for none.
    at: AtomicU64,
}

impl Deadline {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            at: AtomicU64::new(0),
        })
    }

    pub(crate) fn set(&self, after: Duration) {
        self.at
            .store(micros(self.start.elapsed().saturating_add(after)), Relaxed);
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

/// Opens the connection that writes, and creates the file if it is missing. Its statements stop at the deadline.
pub(crate) fn open_writer(options: &DbOptions, deadline: Arc<Deadline>) -> rusqlite::Result<Connection> {
    // Not the default flags: with those, SQLite would take some names for URIs.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(&format!(
        "PRAGMA foreign_keys = ON;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {LOG_BYTES_KEPT};"
    ))?;
    // Without this, SQLite prepares a statement again for each value bound to its LIMIT, and SeaORM binds one in
    // every query for a single row.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE_SIZE);
    connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(move || deadline.has_passed()))?;
    Ok(connection)
}

/// Opens the connection that migrates, on a file that the writer has created.
pub(crate) async fn open_migrator(options: &DbOptions) -> Result<DatabaseConnection, DbErr> {
    let path = options.path.clone();
    let mut pool = pool(1);
    pool.map_sqlx_sqlite_opts(move |sqlite| {
        common_options(sqlite)
            .filename(&path)
            .create_if_missing(false)
            .pragma("synchronous", "FULL")
            .pragma("journal_size_limit", LOG_BYTES_KEPT.to_string())
    });
    Database::connect(pool).await
}

/// Opens the connections that read: the file is opened read-only, and `query_only` rejects a write before it
/// starts.
pub(crate) async fn open_readers(options: &DbOptions) -> Result<DatabaseConnection, DbErr> {
    let path = options.path.clone();
    let mut pool = pool(options.readers.max(1));
    pool.map_sqlx_sqlite_opts(move |sqlite| {
        common_options(sqlite)
            .filename(&path)
            .create_if_missing(false)
            .read_only(true)
            .pragma("query_only", "ON")
    });
    Database::connect(pool).await
}

fn common_options(sqlite: SqliteConnectOptions) -> SqliteConnectOptions {
    sqlite
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENT_CACHE_SIZE)
}

/// A pool that keeps its connections: a file does not hang up, and a new connection has no prepared statements.
fn pool(connections: u32) -> ConnectOptions {
    // The path is set later, as a path: in a URL, some of its characters would have a meaning.
    let mut pool = ConnectOptions::new("sqlite://database");
    pool.max_connections(connections)
        .min_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .sqlx_logging(false);
    pool
}
