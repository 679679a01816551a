//! One snapshot of the database, and the bounds on how long it is held.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use database::{RecordedCommits, path_of_log, recorded_commits};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::check::Check;
use crate::report::{CheckResult, FolderState, Report};
use crate::{AuditError, AuditLimits, InstallationFiles};

/// Steps of SQLite's virtual machine between two looks at the bounds: some milliseconds.
const STEPS_BETWEEN_LOOKS: i32 = 100_000;
/// How long SQLite waits for a lock of another process.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Snapshot {
    connection: Connection,
    /// Keeps a server from starting as long as the audit runs, where none runs: without a server, the files are read as
    /// they are, without locks.
    _lock: Option<File>,
    pub state: FolderState,
    pub commits: i32,
    pub recorded_commits: RecordedCommits,
    bounds: Bounds,
}

/// The bounds of a snapshot, from its beginning.
#[derive(Clone)]
struct Bounds {
    path: PathBuf,
    begun: Instant,
    log_bytes: u64,
    limits: AuditLimits,
}

impl Bounds {
    /// How much longer the write-ahead log is, in bytes.
    fn log_growth(&self) -> u64 {
        log_bytes(&self.path).saturating_sub(self.log_bytes)
    }

    /// Returns the bound that is reached.
    fn reached(&self) -> Option<String> {
        let AuditLimits {
            time_max,
            log_growth_bytes_max,
            ..
        } = self.limits;
        if self.begun.elapsed() > time_max {
            return Some(format!("{} s have passed", time_max.as_secs()));
        }
        let mib = log_growth_bytes_max >> 20;
        (self.log_growth() > log_growth_bytes_max)
            .then(|| format!("the write-ahead log is {mib} MiB longer than before"))
    }
}

impl Snapshot {
    /// Opens the database and begins a read transaction.
    pub fn open(files: &InstallationFiles, limits: &AuditLimits) -> Result<Self, AuditError> {
        let path = &files.database;
        fs::metadata(path).map_err(|error| file_error(path, error))?;
        let (lock, state) = lock(&files.lock)?;
        // Before the snapshot: a commit is recorded after it happened, so the snapshot has at least the recorded ones.
        let recorded_commits = recorded_commits(path).map_err(|error| file_error(path, error))?;
        let log_bytes = log_bytes(path);
        let connection = open_file(path, state, log_bytes).map_err(|error| sqlite_error(path, error))?;
        let bounds = Bounds {
            path: path.clone(),
            begun: Instant::now(),
            log_bytes,
            limits: *limits,
        };
        let watched = bounds.clone();
        let watch = connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || watched.reached().is_some()));
        watch.map_err(|error| sqlite_error(path, error))?;
        let commits = begin(&connection).map_err(|error| sqlite_error(path, error))?;
        Ok(Self {
            connection,
            _lock: lock,
            state,
            commits,
            recorded_commits,
            bounds,
        })
    }

    /// Runs a part of a check on the snapshot.
    pub fn during<T>(
        &self,
        check: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, AuditError> {
        if let Some(bound) = self.bounds.reached() {
            return Err(AuditError::BoundReached { check, bound });
        }
        work(&self.connection).map_err(|error| match self.bounds.reached() {
            Some(bound) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                AuditError::BoundReached { check, bound }
            }
            _ => sqlite_error(&self.bounds.path, error),
        })
    }

    /// Runs checks of the tables.
    pub fn run(&self, checks: &[Check], deviations_max: usize) -> Result<Vec<CheckResult>, AuditError> {
        let run = |check: &Check| self.during(check.name, |db| check.run(db, deviations_max));
        checks.iter().map(run).collect()
    }

    /// Ends the snapshot.
    pub fn into_report(self, checks: Vec<CheckResult>) -> Report {
        Report {
            adds_up: checks.iter().all(CheckResult::passed),
            state: self.state,
            commits: self.commits,
            held_ms: u64::try_from(self.bounds.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            log_growth_bytes: self.bounds.log_growth(),
            checks,
        }
    }
}

/// Opens a file for reading, beside a server or without one.
///
/// Without a server and without a log there is nothing to coordinate with. SQLite is told so, because it would otherwise create files
/// for its locks, which a read-only folder refuses.
pub(crate) fn open_file(path: &Path, state: FolderState, log_bytes: u64) -> rusqlite::Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if state == FolderState::Offline && log_bytes == 0 {
        flags |= OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(format!("file:{}?immutable=1", escaped(path)), flags)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    connection.busy_timeout(LOCK_WAIT)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// Begins a read transaction. Returns the number of commits of the database.
pub(crate) fn begin(connection: &Connection) -> rusqlite::Result<i32> {
    connection.execute_batch("BEGIN")?;
    // The first read fixes the snapshot.
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Returns the length of a database's write-ahead log; 0 if there is none.
pub(crate) fn log_bytes(path: &Path) -> u64 {
    fs::metadata(path_of_log(path)).map_or(0, |found| found.len())
}

/// Finds out whether a server uses the folder. If none does, none can start as long as the returned file is open.
fn lock(path: &Path) -> Result<(Option<File>, FolderState), AuditError> {
    let file = match File::open(path) {
        Ok(file) => file,
        // A copy of the database alone.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((None, FolderState::Offline)),
        Err(error) => return Err(file_error(path, error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok((Some(file), FolderState::Offline)),
        Err(TryLockError::WouldBlock) => Ok((None, FolderState::Running)),
        Err(TryLockError::Error(error)) => Err(file_error(path, error)),
    }
}

/// Returns a path as a part of a URI.
fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let escaped = bytes.map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    });
    escaped.collect()
}

pub(crate) fn file_error(path: &Path, error: std::io::Error) -> AuditError {
    AuditError::File {
        path: path.display().to_string(),
        error,
    }
}

pub(crate) fn sqlite_error(path: &Path, error: rusqlite::Error) -> AuditError {
    let read_only = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    );
    if read_only && log_bytes(path) > 0 {
        let why = "the database has a write-ahead log, which cannot be read in a folder that is read-only: copy the folder, \
                   with the log, to a writable place";
        return file_error(path, std::io::Error::other(format!("{error}; {why}")));
    }
    AuditError::Sqlite {
        path: path.display().to_string(),
        error,
    }
}
