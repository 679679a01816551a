//! Whether the database's files are those that this process opened, and whether the disk takes writes.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::DbErr;

use crate::commit_record::path_of_log;
use crate::sqlite_error;

/// The reason why the database does not work now.
#[derive(Clone, Debug)]
struct StorageFailure {
    reason: String,
    /// Whether it stays even after a successful write.
    is_permanent: bool,
}

/// The device and inode number of a file: another file at the same path has a different identity.
type FileIdentity = (u64, u64);

#[derive(Debug, Default)]
struct FileState {
    database: Option<FileIdentity>,
    /// The file never gets shorter: SQLite keeps the pages that it frees.
    database_bytes: u64,
    /// SQLite creates the log with the first transaction.
    log: Option<LogFile>,
}

/// The open write-ahead log, with its own descriptor: asking that is a third of the cost of asking a path. (The same
/// for the database would be wrong: closing a descriptor of a file ends the locks that SQLite has on it.)
#[derive(Debug)]
struct LogFile {
    file: File,
    identity: FileIdentity,
    bytes: u64,
}

impl LogFile {
    fn open(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let (identity, bytes) = identity_of(&file.metadata().ok()?);
        Some(Self { file, identity, bytes })
    }

    /// Reads the size again: SQLite makes the log longer, and also shorter when it starts at the front again.
    fn record_bytes(&mut self) {
        if let Ok(metadata) = self.file.metadata() {
            self.bytes = metadata.len();
        }
    }
}

/// How old the last check of the files may be when a health check asks. Checking takes two system calls that may wait
/// for the disk, and anyone may ask as often as the connection allows. A write checks the files itself.
const CHECK_MAX_AGE: Duration = Duration::from_millis(50);

/// The state of the files and the disk under a [`Db`](crate::Db), for health checks. The default has no files and
/// is healthy.
#[derive(Clone, Debug, Default)]
pub struct StorageHealth(Option<Arc<Storage>>);

impl StorageHealth {
    pub(crate) fn new(storage: Arc<Storage>) -> Self {
        Self(Some(storage))
    }

    /// Returns the reason why the database does not work now; `None` when it works. It checks the files, unless a call
    /// in the last 50 milliseconds did.
    pub fn failure_reason(&self) -> Option<String> {
        let storage = self.0.as_ref()?;
        storage.check_files_when_due(Instant::now());
        storage.failure().as_ref().map(|failure| failure.reason.clone())
    }

    /// Records the failure of a statement, if the storage caused it.
    pub fn record_failure(&self, error: &DbErr) {
        if let Some(storage) = &self.0
            && sqlite_error::is_storage_failure(error)
            && !sqlite_error::is_busy(error)
        {
            storage.record_failure(error);
        }
    }

    /// Records that tables are missing, or another damage that only an operator can repair.
    pub fn record_damage(&self, reason: String) {
        if let Some(storage) = &self.0 {
            storage.record(StorageFailure {
                reason,
                is_permanent: true,
            });
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Storage {
    path: PathBuf,
    log_path: PathBuf,
    files: Mutex<FileState>,
    /// When a health check last checked the files.
    checked: Mutex<Option<Instant>>,
    failure: Mutex<Option<StorageFailure>>,
}

impl Storage {
    /// The state of a file that has just been opened.
    pub fn new(path: &Path) -> Arc<Self> {
        let storage = Self {
            path: path.to_owned(),
            log_path: path_of_log(path),
            files: Mutex::default(),
            checked: Mutex::default(),
            failure: Mutex::default(),
        };
        if let Some((identity, bytes)) = identity(path) {
            let mut files = storage.lock_files();
            files.database = Some(identity);
            files.database_bytes = bytes;
        }
        storage.record_log();
        Arc::new(storage)
    }

    /// Fails when the database or its log is not the file that this process has open, or is shorter than this
    /// process left it: new writes would be lost.
    pub fn check_files(&self) -> Result<(), DbErr> {
        let mut files = self.lock_files();
        match identity(&self.path) {
            Some((found, bytes)) if Some(found) == files.database && bytes >= files.database_bytes => {
                files.database_bytes = bytes;
            }
            _ => {
                return Err(sqlite_error::files_changed_error(
                    "the database file was removed, replaced or truncated: restart the server",
                ));
            }
        }
        let Some(log) = &files.log else { return Ok(()) };
        match identity(&self.log_path) {
            Some((found, bytes)) if found == log.identity && bytes >= log.bytes => Ok(()),
            _ => Err(sqlite_error::files_changed_error(
                "the database's write-ahead log was removed, replaced or truncated: restart the server",
            )),
        }
    }

    /// Checks the files if the last such check is older than [`CHECK_MAX_AGE`], and records a failure.
    fn check_files_when_due(&self, now: Instant) {
        {
            let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
            if checked.is_some_and(|checked| now.duration_since(checked) < CHECK_MAX_AGE) {
                return;
            }
            *checked = Some(now);
        }
        if let Err(error) = self.check_files() {
            self.record_failure(&error);
        }
    }

    /// Fails when the database is known to be damaged: pages that are still in memory could let a write succeed.
    pub fn require_undamaged(&self) -> Result<(), DbErr> {
        match &*self.failure() {
            Some(StorageFailure {
                reason,
                is_permanent: true,
            }) => Err(sqlite_error::files_changed_error(reason)),
            _ => Ok(()),
        }
    }

    /// Records the current size of the log. Call it after each commit. The first log that is found is the one that
    /// SQLite has open until the last connection closes.
    pub fn record_log(&self) {
        let mut files = self.lock_files();
        match &mut files.log {
            Some(log) => log.record_bytes(),
            None => files.log = LogFile::open(&self.log_path),
        }
    }

    /// Records a failure; only the first of several in a row is logged.
    pub fn record_failure(&self, error: &DbErr) {
        self.record(StorageFailure {
            reason: error.to_string(),
            is_permanent: sqlite_error::is_corruption(error),
        });
    }

    fn record(&self, failure: StorageFailure) {
        let mut known = self.failure();
        if known
            .as_ref()
            .is_none_or(|known| failure.is_permanent && !known.is_permanent)
        {
            tracing::error!(reason = failure.reason, path = %self.path.display(), "the database's storage fails");
            *known = Some(failure);
        }
    }

    /// Records that a write reached the disk.
    pub fn record_success(&self) {
        let mut known = self.failure();
        if known.as_ref().is_some_and(|failure| !failure.is_permanent) {
            tracing::warn!(path = %self.path.display(), "the database's storage works again");
            *known = None;
        }
    }

    /// Whether there is a failure that a successful write would end.
    pub fn needs_probe(&self) -> bool {
        self.failure().as_ref().is_some_and(|failure| !failure.is_permanent)
    }

    fn failure(&self) -> MutexGuard<'_, Option<StorageFailure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_files(&self) -> MutexGuard<'_, FileState> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn identity(path: &Path) -> Option<(FileIdentity, u64)> {
    Some(identity_of(&fs::metadata(path).ok()?))
}

fn identity_of(found: &Metadata) -> (FileIdentity, u64) {
    ((found.dev(), found.ino()), found.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_checks_share_a_look_at_the_files_for_a_short_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agora.db");
        fs::write(&path, "pages").unwrap();
        let storage = Storage::new(&path);
        let start = Instant::now();
        storage.check_files_when_due(start);
        fs::remove_file(&path).unwrap();
        storage.check_files_when_due(start + CHECK_MAX_AGE - Duration::from_nanos(1));
        assert!(storage.failure().is_none());
        storage.check_files_when_due(start + CHECK_MAX_AGE);
        assert!(storage.failure().is_some());
    }
}
