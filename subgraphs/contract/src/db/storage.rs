//! Whether the database's files are those that this process opened, and whether the disk takes writes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sea_orm::DbErr;

use super::failure;

/// The reason why the database does not work now.
#[derive(Clone, Debug)]
struct Trouble {
    reason: String,
    /// Whether it stays even after a successful write.
    lasting: bool,
}

/// The device and inode number of a file: another file at the same path has a different identity.
type Identity = (u64, u64);

#[derive(Debug, Default)]
struct Files {
    database: Option<Identity>,
    /// The file never gets shorter: SQLite keeps the pages that it frees.
    database_bytes: u64,
    /// SQLite creates the log with the first transaction.
    log: Option<Identity>,
    log_bytes: u64,
}

/// The state of the files and the disk under a [`Db`](super::Db), for health checks. The default has no files and
/// is healthy.
#[derive(Clone, Debug, Default)]
pub struct StorageHealth(Option<Arc<Storage>>);

impl StorageHealth {
    pub(super) fn of(storage: Arc<Storage>) -> Self {
        Self(Some(storage))
    }

    /// Checks the files, and returns the reason why the database does not work now; `None` when it works.
    pub fn trouble(&self) -> Option<String> {
        let storage = self.0.as_ref()?;
        if let Err(error) = storage.check_files() {
            storage.failed(&error);
        }
        storage.trouble().as_ref().map(|trouble| trouble.reason.clone())
    }

    /// Records the failure of a statement, if the storage caused it.
    pub fn failed(&self, error: &DbErr) {
        if let Some(storage) = &self.0
            && failure::is_of_storage(error)
            && !failure::is_busy(error)
        {
            storage.failed(error);
        }
    }

    /// Records that tables are missing, or another damage that only an operator can repair.
    pub fn is_damaged(&self, reason: String) {
        if let Some(storage) = &self.0 {
            storage.note(Trouble { reason, lasting: true });
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Storage {
    path: PathBuf,
    log_path: PathBuf,
    files: Mutex<Files>,
    trouble: Mutex<Option<Trouble>>,
}

impl Storage {
    /// The state of a file that has just been opened.
    pub fn of(path: &Path) -> Arc<Self> {
        let mut log_path = path.as_os_str().to_owned();
        log_path.push("-wal");
        let storage = Self {
            path: path.to_owned(),
            log_path: log_path.into(),
            files: Mutex::default(),
            trouble: Mutex::default(),
        };
        if let Some((identity, bytes)) = identity(path) {
            let mut files = storage.lock_files();
            files.database = Some(identity);
            files.database_bytes = bytes;
        }
        storage.remember_log();
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
                return Err(failure::files_changed(
                    "the database file was removed, replaced or truncated: restart the server",
                ));
            }
        }
        let Some(log) = files.log else { return Ok(()) };
        match identity(&self.log_path) {
            Some((found, bytes)) if found == log && bytes >= files.log_bytes => Ok(()),
            _ => Err(failure::files_changed(
                "the database's write-ahead log was removed, replaced or truncated: restart the server",
            )),
        }
    }

    /// Fails when the database is known to be damaged: pages that are still in memory could let a write succeed.
    pub fn check_whole(&self) -> Result<(), DbErr> {
        match &*self.trouble() {
            Some(Trouble { reason, lasting: true }) => Err(failure::files_changed(reason)),
            _ => Ok(()),
        }
    }

    /// Records the current state of the log. Call it after each commit.
    pub fn remember_log(&self) {
        let mut files = self.lock_files();
        if let Some((identity, bytes)) = identity(&self.log_path) {
            files.log = Some(identity);
            files.log_bytes = bytes;
        }
    }

    /// Records a failure; only the first of several in a row is logged.
    pub fn failed(&self, error: &DbErr) {
        self.note(Trouble {
            reason: error.to_string(),
            lasting: failure::is_of_damage(error),
        });
    }

    fn note(&self, trouble: Trouble) {
        let mut known = self.trouble();
        if known.as_ref().is_none_or(|known| trouble.lasting && !known.lasting) {
            tracing::error!(reason = trouble.reason, path = %self.path.display(), "the database's storage fails");
            *known = Some(trouble);
        }
    }

    /// Records that a write reached the disk.
    pub fn succeeded(&self) {
        let mut known = self.trouble();
        if known.as_ref().is_some_and(|trouble| !trouble.lasting) {
            tracing::warn!(path = %self.path.display(), "the database's storage works again");
            *known = None;
        }
    }

    /// Whether there is a failure that a successful write would end.
    pub fn waits_for_a_write(&self) -> bool {
        self.trouble().as_ref().is_some_and(|trouble| !trouble.lasting)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn identity(path: &Path) -> Option<(Identity, u64)> {
    let found = fs::metadata(path).ok()?;
    Some(((found.dev(), found.ino()), found.len()))
}
