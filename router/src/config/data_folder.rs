//! The paths inside the data folder.

use std::path::{Path, PathBuf};

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

    /// The file that one process locks while it uses the folder.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
}
