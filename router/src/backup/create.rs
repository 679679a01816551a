//! Making an archive.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use database::{Snapshot, folder_of, record_commits};
use tempfile::{NamedTempFile, TempDir};

use super::manifest::{COMMITS, DATABASE, FORMAT, MANIFEST, OTHERS};
use super::{ArchivedFile, BackupError, FILE_MODE, FOLDER_MODE, Manifest, copy_and_hash, file_error};
use crate::config::DataFolder;

/// The level of zstd: its default.
const ZSTD_LEVEL: i32 = 3;

/// How an archive is made.
#[derive(Clone, Copy, Debug)]
pub struct BackupOptions {
    /// Whether the archive is compressed with zstd.
    pub zstd: bool,
    /// How long to wait for a moment in which no database is written.
    pub lock_wait_max: Duration,
    /// How long one database may be copied. The server cannot shorten its write-ahead log meanwhile.
    pub copy_time_max: Duration,
}

/// A finished archive.
#[derive(Clone, Debug)]
pub struct BackupSummary {
    /// The manifest of the archive.
    pub manifest: Manifest,
    /// How long writes of the server had to wait.
    pub locks_held: Duration,
}

/// Writes an archive of the folder to `file`, which must not exist; without one, to standard output. `made_at` is the time, as
/// RFC 3339.
///
/// The archive is written under another name and renamed when it is complete and on the disk.
///
/// # Errors
/// When the folder cannot be read, the archive exists or cannot be written, or a bound is reached.
pub fn create(
    folder: &DataFolder,
    file: Option<&Path>,
    options: &BackupOptions,
    made_at: String,
) -> Result<BackupSummary, BackupError> {
    fs::metadata(folder.database()).map_err(file_error(&folder.database()))?;
    let place = match file {
        Some(file) => {
            require_absent(file)?;
            folder_of(file).to_owned()
        }
        None => std::env::temp_dir(),
    };
    let workspace = workspace(&place)?;
    let (mut manifest, locks_held) = copy_folder(folder, workspace.path(), options)?;
    manifest.made_at = made_at;
    match file {
        Some(file) => write_file(workspace.path(), &manifest, options.zstd, file)?,
        None => {
            let stdout = io::stdout().lock();
            let written = write_archive(workspace.path(), &manifest, options.zstd, stdout);
            written.map_err(file_error(Path::new("standard output")))?;
        }
    }
    Ok(BackupSummary { manifest, locks_held })
}

/// Makes a folder for the copies, which only this user can read. It is removed at the end.
fn workspace(place: &Path) -> Result<TempDir, BackupError> {
    let mut builder = tempfile::Builder::new();
    builder
        .prefix(".agora-backup-")
        .permissions(Permissions::from_mode(FOLDER_MODE));
    builder.tempdir_in(place).map_err(file_error(place))
}

/// Copies the files, all databases as of one moment, and describes them.
fn copy_folder(
    folder: &DataFolder,
    workspace: &Path,
    options: &BackupOptions,
) -> Result<(Manifest, Duration), BackupError> {
    let replicas = folder.replicas().map_err(file_error(&folder.orders()))?;
    let databases: Vec<PathBuf> = std::iter::once(folder.database()).chain(replicas).collect();
    let snapshot = Snapshot::take(&databases, options.lock_wait_max)?;
    let commits = snapshot.commit_count(0)?;
    let migrations = snapshot.read(0, audit::applied_migrations)?;
    let mut names = Vec::new();
    for (at, path) in databases.iter().enumerate() {
        let name = name_in(folder, path);
        let to = prepare_target(workspace, &name)?;
        snapshot.copy(at, &to, options.copy_time_max)?;
        names.push(name);
    }
    let locks_held = snapshot.locks_held();
    drop(snapshot);
    // After the databases: keys and credentials that were made meanwhile do no harm, and those that are missing would.
    record_commits(&workspace.join(DATABASE), commits).map_err(file_error(&workspace.join(COMMITS)))?;
    names.insert(1, COMMITS.to_owned());
    for name in OTHERS {
        if copy_file(&folder.path().join(name), &prepare_target(workspace, name)?)? {
            names.push(name.to_owned());
        }
    }
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let path = workspace.join(&name);
        let hashed = File::open(&path).and_then(|file| copy_and_hash(file, io::sink(), u64::MAX));
        let (bytes, sha256) = hashed.map_err(file_error(&path))?;
        files.push(ArchivedFile { name, bytes, sha256 });
    }
    let manifest = Manifest {
        format: FORMAT,
        agora: env!("CARGO_PKG_VERSION").to_owned(),
        migrations,
        commits,
        made_at: String::new(),
        files,
    };
    Ok((manifest, locks_held))
}

fn name_in(folder: &DataFolder, path: &Path) -> String {
    let name = path.strip_prefix(folder.path()).unwrap_or(path);
    name.to_string_lossy().into_owned()
}

/// Returns the path of a copy, whose folder exists.
fn prepare_target(workspace: &Path, name: &str) -> Result<PathBuf, BackupError> {
    let to = workspace.join(name);
    let parent = folder_of(&to);
    let mut builder = fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(parent)
        .map_err(file_error(parent))?;
    Ok(to)
}

/// Copies a small file. Returns whether there is one.
fn copy_file(from: &Path, to: &Path) -> Result<bool, BackupError> {
    let mut contents = Vec::new();
    match File::open(from) {
        Ok(mut file) => file.read_to_end(&mut contents).map_err(file_error(from))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(file_error(from)(error)),
    };
    let mut options = fs::OpenOptions::new();
    let copy = options.write(true).create_new(true).mode(FILE_MODE).open(to);
    let written = copy.and_then(|mut copy| copy.write_all(&contents));
    written.map_err(file_error(to))?;
    Ok(true)
}

fn write_file(workspace: &Path, manifest: &Manifest, zstd: bool, file: &Path) -> Result<(), BackupError> {
    let failed = || file_error(file);
    let mut builder = tempfile::Builder::new();
    builder
        .prefix("archive-")
        .permissions(Permissions::from_mode(FILE_MODE));
    let mut archive: NamedTempFile = builder.tempfile_in(workspace).map_err(failed())?;
    write_archive(workspace, manifest, zstd, io::BufWriter::new(archive.as_file_mut())).map_err(failed())?;
    archive.as_file().sync_all().map_err(failed())?;
    archive
        .persist_noclobber(file)
        .map_err(|error| file_error(file)(error.error))?;
    let folder = File::open(folder_of(file)).and_then(|folder| folder.sync_all());
    folder.map_err(file_error(folder_of(file)))
}

fn write_archive(workspace: &Path, manifest: &Manifest, zstd: bool, to: impl Write) -> io::Result<()> {
    if zstd {
        let mut encoder = zstd::Encoder::new(to, ZSTD_LEVEL)?;
        encoder.include_checksum(true)?;
        write_tar(workspace, manifest, &mut encoder)?;
        encoder.finish()?.flush()
    } else {
        let mut to = to;
        write_tar(workspace, manifest, &mut to)?;
        to.flush()
    }
}

fn write_tar(workspace: &Path, manifest: &Manifest, to: &mut impl Write) -> io::Result<()> {
    let mut tar = tar::Builder::new(to);
    let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::other)?;
    tar.append_data(&mut header(text.len() as u64), MANIFEST, text.as_slice())?;
    for file in &manifest.files {
        let contents = File::open(workspace.join(&file.name))?;
        tar.append_data(&mut header(file.bytes), &file.name, contents)?;
    }
    tar.finish()
}

fn header(bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(bytes);
    header.set_mode(FILE_MODE);
    header
}

fn require_absent(file: &Path) -> Result<(), BackupError> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(file_error(file)(error)),
        Ok(_) => Err(BackupError::Refused {
            path: file.display().to_string(),
            why: "the file exists already: a backup never replaces one".to_owned(),
        }),
    }
}
