//! The reasons why the database does not do what it was asked for.

use std::fmt;

use sea_orm::DbErr;

/// The result of a use of the database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a read or a write fails, apart from the application's own errors.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A statement, a connection, or the storage failed ([`is_storage_failure`](crate::is_storage_failure)).
    #[error(transparent)]
    Driver(#[from] DbErr),
    /// The database does not take the work now, and nothing of it has happened.
    #[error("{0}")]
    Unavailable(Unavailability),
    /// The application misused the database; the text says how.
    #[error("{0}")]
    Misuse(&'static str),
    /// The file cannot be opened as it is; the text says why, and what an operator can do.
    #[error("{0}")]
    Unusable(String),
}

/// The reason why the database does not take work now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailability {
    /// The database is closed.
    Closed,
    /// Another process holds the lock of the file.
    Locked,
    /// The queue of writes stayed full.
    QueueFull,
    /// The write used up its time, and was undone.
    TimedOut,
}

impl Unavailability {
    /// Returns the reason as a text for callers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "the database is closed",
            Self::Locked => "the database is locked by another process",
            Self::QueueFull => "too many writes are waiting",
            Self::TimedOut => "the write took too long and was undone",
        }
    }
}

impl fmt::Display for Unavailability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Unavailability> for Error {
    fn from(reason: Unavailability) -> Self {
        Self::Unavailable(reason)
    }
}
