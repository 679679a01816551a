//! Looking at a database from outside: of a server that runs, or of a folder that no server uses. Nothing is written.

use std::path::Path;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement};

use crate::commit_record::{CommitRecord, path_of_index, path_of_log};
use crate::connect::LOCK_WAIT;
use crate::writer::lost_commits;
use crate::{Error, Result};

/// Opens an existing database to read it; `None` where there is none yet.
///
/// # Errors
/// When the file cannot be opened.
pub async fn open_read_only(path: &Path) -> std::result::Result<Option<DatabaseConnection>, DbErr> {
    // An empty file is one that a start created and did not get further with.
    if std::fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        return Ok(None);
    }
    // Without a log and its index, no process has the database open, and all of it is in its file. A usual connection would create
    // both, and leave them.
    let is_closed = !path_of_log(path).exists() && !path_of_index(path).exists();
    let path = path.to_owned();
    let mut pool = ConnectOptions::new("sqlite://database");
    pool.max_connections(1)
        .min_connections(1)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .sqlx_logging(false);
    pool.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&path)
            .create_if_missing(false)
            .read_only(true)
            .immutable(is_closed)
            .busy_timeout(LOCK_WAIT)
    });
    Database::connect(pool).await.map(Some)
}

/// Checks that the database at `path`, which `db` reads, has all commits that were acknowledged.
///
/// # Errors
/// [`Error::Unusable`] with the reason why a server would not start.
pub async fn check_commits(path: &Path, db: &DatabaseConnection) -> Result<()> {
    let recorded =
        CommitRecord::read(path).map_err(|error| Error::Unusable(format!("the record of the commits: {error}")))?;
    let sql = "SELECT (SELECT user_version FROM pragma_user_version), EXISTS (SELECT 1 FROM sqlite_schema)";
    let row = db
        .query_one_raw(Statement::from_string(db.get_database_backend(), sql))
        .await?;
    let (commits, has_schema) = match row {
        Some(row) => (row.try_get_by_index(0)?, row.try_get_by_index(1)?),
        None => (0, false),
    };
    lost_commits(path, recorded, commits, has_schema).map_or(Ok(()), |why| Err(Error::Unusable(why)))
}
