//! Restoring an archive into an empty folder.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use database::folder_of;

use super::manifest::{COMMITS, DATABASE, MANIFEST, MANIFEST_BYTES_MAX};
use super::{ArchivedFile, BackupError, FILE_MODE, FOLDER_MODE, Manifest, copy_and_hash, file_error};
use crate::config::DataFolder;

/// The first bytes of a file that zstd compressed.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The bounds of a restore.
#[derive(Clone, Copy, Debug)]
pub struct RestoreOptions {
    /// The most bytes that all files together may have.
    pub bytes_max: u64,
}

/// Restores an archive from `file`, or without one from standard input, into a folder that is empty or does not exist.
///
/// Nothing gets its final name before the whole archive is checked and on the disk.
///
/// # Errors
/// When the archive is damaged, tampered with, too large, or of a newer Agora; when the folder is not empty or cannot be written.
pub fn restore(file: Option<&Path>, folder: &DataFolder, options: &RestoreOptions) -> Result<Manifest, BackupError> {
    let is_new = require_empty(folder.path())?;
    let source: Box<dyn Read> = match file {
        Some(file) => Box::new(File::open(file).map_err(file_error(file))?),
        None => Box::new(io::stdin().lock()),
    };
    let place = if is_new {
        folder_of(folder.path())
    } else {
        folder.path()
    };
    if is_new {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).create(place).map_err(file_error(place))?;
    }
    let mut builder = tempfile::Builder::new();
    builder
        .prefix(".agora-restore-")
        .permissions(Permissions::from_mode(FOLDER_MODE));
    let workspace = builder.tempdir_in(place).map_err(file_error(place))?;
    let path = file.unwrap_or(Path::new("standard input"));
    let manifest = unpack(source, workspace.path(), options).map_err(|rejection| match rejection {
        Rejection::Archive(why) => BackupError::Refused {
            path: path.display().to_string(),
            why,
        },
        Rejection::Folder(error) => error,
    })?;
    if is_new {
        // The rename makes the folder appear complete.
        fs::rename(workspace.path(), folder.path()).map_err(file_error(folder.path()))?;
    } else {
        // An existing folder may be a mount point, which cannot be replaced.
        move_into(workspace.path(), folder.path(), &manifest)?;
    }
    sync(place)?;
    Ok(manifest)
}

/// The reason why an archive is not restored, by fault.
enum Rejection {
    /// The archive's, with the reason.
    Archive(String),
    /// The folder's.
    Folder(BackupError),
}

fn unpack(source: impl Read, workspace: &Path, options: &RestoreOptions) -> Result<Manifest, Rejection> {
    let damaged = |error: io::Error| Rejection::Archive(format!("the archive is truncated or damaged: {error}"));
    let mut source = BufReader::new(source);
    let is_compressed = source.fill_buf().map_err(damaged)?.starts_with(&ZSTD_MAGIC);
    if is_compressed {
        let decoder = zstd::Decoder::with_buffer(source).map_err(damaged)?;
        unpack_tar(decoder, workspace, options)
    } else {
        unpack_tar(source, workspace, options)
    }
}

fn unpack_tar(source: impl Read, workspace: &Path, options: &RestoreOptions) -> Result<Manifest, Rejection> {
    let damaged = |error: io::Error| Rejection::Archive(format!("the archive is truncated or damaged: {error}"));
    let mut archive = tar::Archive::new(source);
    // Raw entries: a long name or a link of the tar format is an entry of its own, which is refused.
    let mut entries = archive.entries().map_err(damaged)?.raw(true);
    let first = entries.next();
    let first = first.ok_or_else(|| Rejection::Archive("the archive is empty".to_owned()))?;
    let manifest = read_manifest(first.map_err(damaged)?)?;
    manifest.check().map_err(Rejection::Archive)?;
    let bytes = manifest.files.iter().map(|file| u128::from(file.bytes)).sum::<u128>();
    if bytes > u128::from(options.bytes_max) {
        let why = format!(
            "the files have {bytes} bytes, more than --restore-bytes-max {}",
            options.bytes_max
        );
        return Err(Rejection::Archive(why));
    }
    let mut missing: BTreeSet<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    while !missing.is_empty() {
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(damaged)?;
        let name = name_of(&entry)?;
        let expected = manifest.files.iter().find(|file| file.name == name);
        let Some(expected) = expected.filter(|_| missing.remove(name.as_str())) else {
            let why = format!("the entry {name:?} is not in the manifest, or is there twice");
            return Err(Rejection::Archive(why));
        };
        unpack_file(entry, expected, workspace)?;
    }
    if let Some(missing) = missing.first() {
        return Err(Rejection::Archive(format!(
            "the archive ends before {missing}: it is truncated"
        )));
    }
    for folder in [workspace.join("orders"), workspace.to_owned()] {
        if folder.exists() {
            sync(&folder).map_err(Rejection::Folder)?;
        }
    }
    Ok(manifest)
}

/// Returns the name of an entry that is a file.
fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, Rejection> {
    let name = entry.path_bytes();
    let name = String::from_utf8_lossy(&name).into_owned();
    if entry.header().entry_type() != tar::EntryType::Regular {
        return Err(Rejection::Archive(format!("the entry {name:?} is not a plain file")));
    }
    Ok(name)
}

fn read_manifest<R: Read>(entry: tar::Entry<'_, R>) -> Result<Manifest, Rejection> {
    let name = name_of(&entry)?;
    if name != MANIFEST {
        let why = format!("the archive begins with {name:?} instead of {MANIFEST}: it is no backup of Agora");
        return Err(Rejection::Archive(why));
    }
    let mut text = Vec::new();
    let read = entry.take(MANIFEST_BYTES_MAX + 1).read_to_end(&mut text);
    read.map_err(|error| Rejection::Archive(format!("the archive is truncated or damaged: {error}")))?;
    if text.len() as u64 > MANIFEST_BYTES_MAX {
        return Err(Rejection::Archive(format!(
            "{MANIFEST} is longer than {MANIFEST_BYTES_MAX} bytes"
        )));
    }
    serde_json::from_slice(&text).map_err(|error| Rejection::Archive(format!("{MANIFEST} is damaged: {error}")))
}

fn unpack_file<R: Read>(entry: tar::Entry<'_, R>, expected: &ArchivedFile, workspace: &Path) -> Result<(), Rejection> {
    let name = &expected.name;
    let in_folder = |path: &Path, error| Rejection::Folder(file_error(path)(error));
    if entry.size() != expected.bytes {
        let why = format!(
            "{name} has {} bytes, the manifest says {}",
            entry.size(),
            expected.bytes
        );
        return Err(Rejection::Archive(why));
    }
    let path = workspace.join(name);
    let parent = folder_of(&path);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(FOLDER_MODE);
    builder.create(parent).map_err(|error| in_folder(parent, error))?;
    let mut open = fs::OpenOptions::new();
    let file = open.write(true).create_new(true).mode(FILE_MODE).open(&path);
    let file = file.map_err(|error| in_folder(&path, error))?;
    let mut tracked = Tracked {
        file: &file,
        failure: None,
    };
    let copied = copy_and_hash(entry, &mut tracked, expected.bytes);
    let (bytes, sha256) = match (copied, tracked.failure) {
        (Ok(copied), _) => copied,
        // A full disk says nothing about the archive.
        (Err(_), Some(error)) => return Err(in_folder(&path, error)),
        (Err(error), None) => {
            return Err(Rejection::Archive(format!(
                "{name}: the archive is truncated or damaged: {error}"
            )));
        }
    };
    if bytes != expected.bytes {
        return Err(Rejection::Archive(format!(
            "{name} ends after {bytes} of {} bytes: the archive is truncated",
            expected.bytes
        )));
    }
    if sha256 != expected.sha256 {
        return Err(Rejection::Archive(format!(
            "{name} does not have the checksum of the manifest: the archive is damaged"
        )));
    }
    file.sync_all().map_err(|error| in_folder(&path, error))
}

/// A file that remembers why it could not be written.
struct Tracked<'a> {
    file: &'a File,
    failure: Option<io::Error>,
}

impl io::Write for Tracked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file;
        file.write(bytes).map_err(|error| {
            let kind = error.kind();
            self.failure = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Moves the files into an existing folder. The count of commits comes first and the database last, so that a server refuses a
/// folder that is not complete.
fn move_into(workspace: &Path, folder: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let rename = |name: &str| {
        let to = folder.join(name);
        fs::rename(workspace.join(name), &to).map_err(file_error(&to))
    };
    rename(COMMITS)?;
    let others = manifest
        .files
        .iter()
        .map(|file| file.name.split('/').next().unwrap_or_default());
    let others: BTreeSet<&str> = others.filter(|name| ![COMMITS, DATABASE].contains(name)).collect();
    others.into_iter().try_for_each(rename)?;
    sync(folder)?;
    rename(DATABASE)
}

/// Returns whether the folder does not exist.
fn require_empty(folder: &Path) -> Result<bool, BackupError> {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(file_error(folder)(error)),
    };
    if entries.next().is_some() {
        return Err(BackupError::Refused {
            path: folder.display().to_string(),
            why: "the folder is not empty: a backup is restored into an empty or a new folder only".to_owned(),
        });
    }
    Ok(false)
}

fn sync(folder: &Path) -> Result<(), BackupError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(file_error(folder))
}
