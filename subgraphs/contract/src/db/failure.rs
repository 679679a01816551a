//! SQLite's failures on the write connection, in the shape in which SeaORM and sqlx tell those of the others.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;

use rusqlite::ffi;
use sea_orm::sqlx;
use sea_orm::sqlx::error::{DatabaseError, ErrorKind};
use sea_orm::{DbErr, RuntimeErr};

/// What SQLite said; the text is the one sqlx would make of it.
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
pub(super) fn statement(error: rusqlite::Error) -> DbErr {
    DbErr::Exec(runtime(error))
}

/// A connection that could not be opened or closed.
pub(super) fn connection(error: rusqlite::Error) -> DbErr {
    DbErr::Conn(runtime(error))
}

fn runtime(error: rusqlite::Error) -> RuntimeErr {
    let (code, message) = match error {
        rusqlite::Error::SqliteFailure(cause, message) => {
            (cause.extended_code, message.unwrap_or_else(|| cause.to_string()))
        }
        // No failure of SQLite, but a value or a text that it was never asked with.
        other => return RuntimeErr::Internal(other.to_string()),
    };
    let failure = SqliteFailure { code, message };
    RuntimeErr::SqlxError(Arc::new(sqlx::Error::Database(Box::new(failure))))
}

/// Another process holds the lock.
pub(super) fn is_busy(error: &DbErr) -> bool {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return false;
    };
    let RuntimeErr::SqlxError(cause) = cause else {
        return false;
    };
    let code = cause.as_database_error().and_then(|error| error.code());
    // The low byte is the kind, the others say more about it.
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == ffi::SQLITE_BUSY)
}
