//! SQLite's failures, in the form in which SeaORM and sqlx report those of other connections.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;

use rusqlite::ffi;
use sea_orm::sqlx;
use sea_orm::sqlx::error::{DatabaseError, ErrorKind};
use sea_orm::{DbErr, RuntimeErr};

/// A failure that SQLite reports; its text is the one that sqlx would produce.
#[derive(Debug, thiserror::Error)]
#[error("(code: {code}) {message}")]
struct SqliteFailure {
    code: i32,
    message: String,
}

impl DatabaseError for SqliteFailure {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn kind(&self) -> ErrorKind {
        match self.code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => ErrorKind::UniqueViolation,
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ErrorKind::ForeignKeyViolation,
            ffi::SQLITE_CONSTRAINT_NOTNULL => ErrorKind::NotNullViolation,
            ffi::SQLITE_CONSTRAINT_CHECK => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }
}

/// A failed statement.
pub(crate) fn statement_error(error: rusqlite::Error) -> DbErr {
    DbErr::Exec(runtime_error(error))
}

/// A failed read.
pub(crate) fn query_error(error: rusqlite::Error) -> DbErr {
    DbErr::Query(runtime_error(error))
}

/// A connection that could not be opened or closed.
pub(crate) fn connection_error(error: rusqlite::Error) -> DbErr {
    DbErr::Conn(runtime_error(error))
}

fn runtime_error(error: rusqlite::Error) -> RuntimeErr {
    let (code, message) = match error {
        rusqlite::Error::SqliteFailure(cause, message) => {
            (cause.extended_code, message.unwrap_or_else(|| cause.to_string()))
        }
        // Not a failure of SQLite, but a value or a text that never reached it.
        other => return RuntimeErr::Internal(other.to_string()),
    };
    failure(code, message)
}

fn failure(code: i32, message: String) -> RuntimeErr {
    let failure = SqliteFailure { code, message };
    RuntimeErr::SqlxError(Arc::new(sqlx::Error::Database(Box::new(failure))))
}

/// The error of a read that has used up its time.
pub(crate) fn read_timeout_error() -> DbErr {
    DbErr::Query(failure(ffi::SQLITE_INTERRUPT, "the read took too long".to_owned()))
}

/// The error for database files that are not those that this process opened, in the form of an I/O error of SQLite.
pub(crate) fn files_changed_error(reason: &str) -> DbErr {
    DbErr::Conn(failure(ffi::SQLITE_IOERR, reason.to_owned()))
}

/// Whether another process holds the lock.
pub(crate) fn is_busy(error: &DbErr) -> bool {
    code(error) == Some(ffi::SQLITE_BUSY)
}

/// Whether the disk, the files or the descriptors failed, not the statement.
pub fn is_storage_failure(error: &DbErr) -> bool {
    match code(error) {
        Some(code) => matches!(
            code,
            ffi::SQLITE_BUSY
                | ffi::SQLITE_CANTOPEN
                | ffi::SQLITE_CORRUPT
                | ffi::SQLITE_FULL
                | ffi::SQLITE_IOERR
                | ffi::SQLITE_NOTADB
                | ffi::SQLITE_PERM
                | ffi::SQLITE_PROTOCOL
                | ffi::SQLITE_READONLY
        ),
        None => matches!(error, DbErr::ConnectionAcquire(_)),
    }
}

/// Whether a read used up its time ([`DbOptions::read_time`](crate::DbOptions::read_time)).
pub fn is_read_timeout(error: &DbErr) -> bool {
    code(error) == Some(ffi::SQLITE_INTERRUPT)
}

/// Whether the file itself is damaged; no later write repairs it.
pub(crate) fn is_corruption(error: &DbErr) -> bool {
    matches!(code(error), Some(ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB))
}

/// Returns SQLite's primary result code.
fn code(error: &DbErr) -> Option<i32> {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return None;
    };
    let RuntimeErr::SqlxError(cause) = cause else {
        return None;
    };
    let code = cause.as_database_error().and_then(|error| error.code());
    // The low byte is the primary code; the other bytes give details.
    code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff)
}
