//! Several SQLite files as of one moment, read beside the processes that write them.
//!
//! The write lock of every file is taken first. While all of them are held, no file changes. Read transactions that begin
//! meanwhile therefore see one moment, and keep seeing it after the locks are released. Writers wait for some milliseconds, as
//! they wait for each other.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// The pause before a lock that another connection holds is tried again. A writer under load leaves it free for moments only.
const LOCK_PAUSE: Duration = Duration::from_micros(200);
/// How long a statement waits for a lock that is not the write lock.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// The pages that are copied between two looks at the clock: 4 MiB of 4 KiB pages.
const PAGES_PER_STEP: i32 = 1024;

/// See the module.
pub struct Snapshot {
    files: Vec<(PathBuf, Connection)>,
    held: Duration,
}

/// The reason why files cannot be read or copied.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// SQLite cannot open, lock, read or write a file.
    #[error("{path}: {error}")]
    Sqlite {
        /// The file.
        path: String,
        /// The reason.
        error: rusqlite::Error,
    },
    /// The locks were not free at once in that time.
    #[error("the write locks of the databases were not free within {} ms: writes are slow or another process holds one", .0.as_millis())]
    Locked(Duration),
    /// Copying took too long: the writers cannot shorten their logs meanwhile.
    #[error("copying took longer than {} s; raise the bound", .0.as_secs())]
    TooSlow(Duration),
}

impl Snapshot {
    /// Begins to read these files as of one moment. It waits at most that long for the locks.
    ///
    /// # Errors
    /// When a file cannot be opened, or the locks are not free in time. No lock is held then.
    pub fn take(paths: &[PathBuf], wait: Duration) -> Result<Self, SnapshotError> {
        let until = Instant::now() + wait;
        let writers = paths.iter().map(|path| open(path));
        let writers = writers.collect::<Result<Vec<_>, _>>()?;
        let readers = paths.iter().map(|path| open(path));
        let readers = readers.collect::<Result<Vec<_>, _>>()?;
        let mut locked = Instant::now();
        for (at, (path, writer)) in paths.iter().zip(&writers).enumerate() {
            lock(path, writer, until, wait)?;
            if at == 0 {
                locked = Instant::now();
            }
        }
        for (path, reader) in paths.iter().zip(&readers) {
            begin(reader).map_err(|error| failed(path, error))?;
        }
        for (path, writer) in paths.iter().zip(&writers) {
            writer.execute_batch("ROLLBACK").map_err(|error| failed(path, error))?;
        }
        Ok(Self {
            files: paths.iter().cloned().zip(readers).collect(),
            held: locked.elapsed(),
        })
    }

    /// How long writers had to wait.
    pub fn locks_held(&self) -> Duration {
        self.held
    }

    /// Reads from one of the files, in the order of [`take`](Self::take).
    ///
    /// # Errors
    /// When SQLite cannot read the file.
    pub fn read<T>(
        &self,
        file: usize,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SnapshotError> {
        let (path, reader) = &self.files[file];
        work(reader).map_err(|error| failed(path, error))
    }

    /// Returns the number of commits of one of the files, in the order of [`take`](Self::take).
    ///
    /// # Errors
    /// When SQLite cannot read the file.
    pub fn commit_count(&self, file: usize) -> Result<i32, SnapshotError> {
        self.read(file, |db| db.pragma_query_value(None, "user_version", |row| row.get(0)))
    }

    /// Copies one of the files, in the order of [`take`](Self::take), to a new file. The copy is not synced.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the time is over.
    pub fn copy(&self, file: usize, to: &Path, time_max: Duration) -> Result<(), SnapshotError> {
        let (from, reader) = &self.files[file];
        let begun = Instant::now();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(to, flags).map_err(|error| failed(to, error))?;
        // A copy that is interrupted is thrown away.
        let fast = copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
        fast.map_err(|error| failed(to, error))?;
        {
            let backup = Backup::new(reader, &mut copy).map_err(|error| failed(from, error))?;
            while backup.step(PAGES_PER_STEP).map_err(|error| failed(to, error))? != StepResult::Done {
                if begun.elapsed() > time_max {
                    return Err(SnapshotError::TooSlow(time_max));
                }
            }
        }
        copy.close().map_err(|(_, error)| failed(to, error))
    }
}

fn open(path: &Path) -> Result<Connection, SnapshotError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| failed(path, error))?;
    // Reads the schema, and recovers the log that a crash left behind, before any lock is held.
    let ready = connection
        .busy_timeout(BUSY_WAIT)
        .and_then(|()| connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0)));
    ready.map_err(|error| failed(path, error))?;
    Ok(connection)
}

/// Takes the write lock.
fn lock(path: &Path, writer: &Connection, until: Instant, wait: Duration) -> Result<(), SnapshotError> {
    writer
        .busy_timeout(Duration::ZERO)
        .map_err(|error| failed(path, error))?;
    loop {
        match writer.execute_batch("BEGIN IMMEDIATE") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                if Instant::now() >= until {
                    return Err(SnapshotError::Locked(wait));
                }
                std::thread::sleep(LOCK_PAUSE);
            }
            locked => return locked.map_err(|error| failed(path, error)),
        }
    }
}

fn begin(reader: &Connection) -> rusqlite::Result<()> {
    reader.execute_batch("BEGIN")?;
    // The first read fixes the moment.
    reader.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn failed(path: &Path, error: rusqlite::Error) -> SnapshotError {
    SnapshotError::Sqlite {
        path: path.display().to_string(),
        error,
    }
}
