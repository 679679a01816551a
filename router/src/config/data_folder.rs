//! The paths inside the data folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use audit::{AuditError, InstallationFiles};

/// The paths inside the data folder.
#[derive(Clone, Debug)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// The folder at that path.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.0.join("agora.db")
    }

    /// The signing keys.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys.json")
    }

    /// The list of service credentials.
    pub fn credentials(&self) -> PathBuf {
        self.0.join("credentials.json")
    }

    /// The files of the replicas of the order service that this process starts.
    pub fn orders(&self) -> PathBuf {
        self.0.join("orders")
    }

    /// The files of the replicas of the order service in the folder, in the order of their names.
    ///
    /// # Errors
    /// When the folder exists and cannot be read.
    pub fn replicas(&self) -> io::Result<Vec<PathBuf>> {
        let files = match fs::read_dir(self.orders()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files?,
        };
        let mut found = Vec::new();
        for file in files {
            let path = file?.path();
            let is_replica = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
                let id = name
                    .strip_prefix("orders-")
                    .and_then(|rest| rest.strip_suffix(".sqlite"));
                id.is_some_and(|id| id.parse::<u64>().is_ok())
            });
            if is_replica {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// The files that an audit reads.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn files(&self) -> Result<InstallationFiles, AuditError> {
        let replicas = self.replicas().map_err(|error| AuditError::File {
            path: self.orders().display().to_string(),
            error,
        })?;
        Ok(InstallationFiles {
            database: self.database(),
            lock: self.lock(),
            replicas,
        })
    }

    /// The files that a check of the tables reads.
    pub fn table_files(&self) -> InstallationFiles {
        InstallationFiles {
            database: self.database(),
            lock: self.lock(),
            replicas: Vec::new(),
        }
    }

    /// The file that one process locks while it uses the folder.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
}
