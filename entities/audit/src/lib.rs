//! The audit of a data folder: whether money, shares, trades, products and votes add up, and whether the files are intact.
//!
//! It reads one snapshot of the database in a connection of its own, so it needs neither the server nor its lock. It
//! changes nothing.

mod check;
mod replicas;
mod report;
mod snapshot;
mod structure;
mod tables;

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

pub use report::{CheckResult, Deviation, FolderState, Report};
pub use structure::applied_migrations;

use snapshot::Snapshot;

/// The files of an installation.
#[derive(Clone, Debug)]
pub struct InstallationFiles {
    /// The database.
    pub database: PathBuf,
    /// The file that a server locks as long as it uses the folder.
    pub lock: PathBuf,
    /// The files of the replicas of the order log that are in the folder.
    pub replicas: Vec<PathBuf>,
}

/// The bounds of an audit.
#[derive(Clone, Copy, Debug)]
pub struct AuditLimits {
    /// The deviations of one check that are listed; all are counted.
    pub deviations_max: usize,
    /// How long the snapshot is held. The server cannot shorten its write-ahead log meanwhile.
    pub time_max: Duration,
    /// How much longer the write-ahead log may get meanwhile, in bytes.
    pub log_growth_bytes_max: u64,
}

impl Default for AuditLimits {
    fn default() -> Self {
        Self {
            deviations_max: 20,
            time_max: Duration::from_secs(300),
            log_growth_bytes_max: 1 << 30,
        }
    }
}

/// The reason why an audit has no result.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file cannot be opened or read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// The reason.
        error: std::io::Error,
    },
    /// SQLite cannot open or read a file.
    #[error("{path}: {error}")]
    Sqlite {
        /// The file.
        path: String,
        /// The reason.
        error: rusqlite::Error,
    },
    /// A program with other tables made the database.
    #[error("{0}")]
    OtherVersion(String),
    /// A bound was reached before all checks were done.
    #[error("the audit ended during the check `{check}`: {bound}. Raise the bound, or audit a restored backup instead")]
    BoundReached {
        /// The check that did not end.
        check: &'static str,
        /// The bound.
        bound: String,
    },
}

/// Audits an installation, whether or not a server uses it.
///
/// # Errors
/// When a file cannot be read, the database belongs to another version, or a bound is reached. Deviations are no error: the report
/// has them.
pub fn audit(files: &InstallationFiles, limits: &AuditLimits) -> Result<Report, AuditError> {
    let snapshot = Snapshot::open(files, limits)?;
    structure::require_known_migrations(&snapshot)?;
    let mut checks = structure::check(&snapshot, files, limits.deviations_max)?;
    checks.extend(snapshot.run(tables::TABLE_CHECKS, limits.deviations_max)?);
    if !files.replicas.is_empty() {
        checks.push(replicas::check(&snapshot, files, limits.deviations_max)?);
    }
    Ok(snapshot.into_report(checks))
}

/// Checks the tables of an installation, whether or not a server uses it. It is the part of [`audit`] that a server repeats: its
/// start has checked the file.
///
/// # Errors
/// As [`audit`].
pub fn audit_tables(files: &InstallationFiles, limits: &AuditLimits) -> Result<Report, AuditError> {
    let snapshot = Snapshot::open(files, limits)?;
    let checks = snapshot.run(tables::TABLE_CHECKS, limits.deviations_max)?;
    Ok(snapshot.into_report(checks))
}

/// Returns the name and the statement of each check of the tables, for tests of how much they read.
pub fn table_statements() -> impl Iterator<Item = (&'static str, &'static str)> {
    tables::TABLE_CHECKS.iter().map(|check| (check.name, check.deviations))
}

/// Runs the checks of the tables on a connection, best in a transaction, so that all of them read one snapshot.
///
/// # Errors
/// When the database cannot be read.
pub fn check_tables(connection: &Connection, deviations_max: usize) -> rusqlite::Result<Vec<CheckResult>> {
    let run = |check: &check::Check| check.run(connection, deviations_max);
    tables::TABLE_CHECKS.iter().map(run).collect()
}
