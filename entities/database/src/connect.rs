//! The kinds of connections: the one that writes and those that read (rusqlite), and the one that migrates (sqlx).

use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use crate::DbOptions;
use crate::deadline::Deadline;

/// How long SQLite waits for a lock that another process holds.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The number of prepared statements that a connection keeps.
const STATEMENT_CACHE_SIZE: usize = 256;
/// Pages in the log before a commit moves them into the file: 16 MB of 4 KB pages. Moving waits for the disk twice.
const CHECKPOINT_PAGES: u32 = 4000;
/// Commits after which the log is moved even if it is short. SQLite finds a page in the log by a hash table, in which
/// all versions of a page follow each other: writing and reading a page that every commit changes costs a step per commit
/// in the log.
pub(crate) const CHECKPOINT_COMMITS: u32 = 500;
/// The most bytes that an emptied log file keeps.
const LOG_BYTES_KEPT: u32 = 64 << 20;
/// Steps of SQLite's virtual machine between two checks of the clock: well under a millisecond.
const STEPS_BETWEEN_CHECKS: i32 = 10_000;

/// Opens the connection that writes, and creates the file if it is missing. Its statements stop at the deadline.
pub(crate) fn open_writer(options: &DbOptions, deadline: &Arc<Deadline>) -> rusqlite::Result<Connection> {
    // Not the default flags: with those, SQLite would take some names for URIs.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    // `temp_store`: a savepoint keeps the pages that it may have to restore. SQLite would write them to a file of its
    // own from 64 KB on, and an order changes as many.
    connection.execute_batch(&format!(
        "PRAGMA foreign_keys = ON;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {LOG_BYTES_KEPT};"
    ))?;
    keep_statements(&connection)?;
    deadline.watch(&connection, STEPS_BETWEEN_CHECKS)?;
    Ok(connection)
}

/// Opens a connection that reads: the file is opened read-only, and `query_only` rejects a write before it starts. It
/// waits that long for a lock.
pub(crate) fn open_reader(options: &DbOptions, lock_wait: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(lock_wait)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// Keeps statements prepared.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    // Without this, SQLite prepares a statement again for each value bound to its LIMIT, and SeaORM binds one in
    // every query for a single row.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE_SIZE);
    Ok(())
}

/// Opens the connection that migrates, on a file that the writer has created.
pub(crate) async fn open_migrator(options: &DbOptions) -> Result<DatabaseConnection, DbErr> {
    let path = options.path.clone();
    // The path is set later, as a path: in a URL, some of its characters would have a meaning.
    let mut pool = ConnectOptions::new("sqlite://database");
    pool.max_connections(1)
        .min_connections(1)
        .test_before_acquire(false)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .sqlx_logging(false);
    pool.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&path)
            .create_if_missing(false)
            .foreign_keys(true)
            .busy_timeout(LOCK_WAIT)
            .pragma("synchronous", "FULL")
            .pragma("journal_size_limit", LOG_BYTES_KEPT.to_string())
    });
    Database::connect(pool).await
}
