//! Backups: one archive with everything that a data folder has, made beside a running server.
//!
//! `create.rs` makes an archive, `restore.rs` makes a folder of it, `manifest.rs` says what is in it.

mod create;
mod manifest;
mod restore;

pub use create::{BackupOptions, BackupSummary, create};
pub use manifest::{ArchivedFile, Manifest};
pub use restore::{RestoreOptions, restore};

use std::io::{self, Read, Write};
use std::path::Path;

use database::SnapshotError;
use sha2::{Digest, Sha256};

/// The mode of folders with data.
const FOLDER_MODE: u32 = 0o700;
/// The mode of files with data.
const FILE_MODE: u32 = 0o600;
/// The bytes that are copied at once.
const BUFFER_BYTES: usize = 128 << 10;

/// The reason why an archive is not made or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// The reason.
        error: io::Error,
    },
    /// The databases cannot be copied.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The archive is refused, or cannot be made.
    #[error("{path}: {why}")]
    Refused {
        /// The archive or the folder.
        path: String,
        /// The reason.
        why: String,
    },
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> BackupError + use<> {
    let path = path.display().to_string();
    move |error| BackupError::File { path, error }
}

/// Copies all that `from` has, and returns its length and its SHA-256 in hexadecimal. It reads at most `bytes_max` bytes.
fn copy_and_hash(from: impl Read, mut to: impl Write, bytes_max: u64) -> io::Result<(u64, String)> {
    let mut from = from.take(bytes_max);
    let (mut digest, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            let hex = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok((length, hex));
        }
        digest.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        length += read as u64;
    }
}
