//! The number of acknowledged commits, in a file beside the database.
//!
//! The database counts its own commits (`user_version`), and this file records each count before the commit is
//! answered. A database with a lower count when it is opened has lost commits: its write-ahead log is missing or
//! damaged, or an older file replaced its file. The record is not synced: after a power cut it may have a lower
//! count, never a higher one.
//!
//! The record is created before the database has its first page, and synced, so no crash leaves a database without it
//! or with half of it. A record that is missing or unreadable later has been removed or damaged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::replace_private_file;

/// The content of the record of the commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedCommits {
    /// That many commits were acknowledged.
    Count(i32),
    /// There is no record.
    Missing,
    /// The record holds no count.
    Unreadable,
}

/// See the module.
pub(crate) struct CommitRecord(File);

impl CommitRecord {
    /// Reads the record beside the database at `path`, before the database is opened. A new database gets a record with
    /// the count 0.
    pub fn read(path: &Path) -> io::Result<RecordedCommits> {
        match recorded_commits(path)? {
            RecordedCommits::Missing if is_new(path)? => Self::begin(path),
            recorded => Ok(recorded),
        }
    }

    fn begin(path: &Path) -> io::Result<RecordedCommits> {
        match Self::replace(path, 0) {
            // The folder is missing: opening the database says so.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(RecordedCommits::Missing),
            created => created.map(|()| RecordedCommits::Count(0)),
        }
    }

    /// Opens the record beside the database at `path`.
    pub fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().write(true).open(path_of_record(path)).map(Self)
    }

    /// Replaces the record beside the database at `path`, or creates it.
    pub fn replace(path: &Path, count: i32) -> io::Result<()> {
        replace_private_file(&path_of_record(path), &line(count), |_| Ok(()))
    }

    /// Records a count.
    pub fn write(&self, count: i32) -> io::Result<()> {
        self.0.write_all_at(&line(count), 0)
    }
}

/// Reads the number of acknowledged commits that is recorded beside the database at `path`. It changes nothing.
///
/// # Errors
/// When the record cannot be read.
pub fn recorded_commits(path: &Path) -> io::Result<RecordedCommits> {
    let mut text = Vec::new();
    match File::open(path_of_record(path)) {
        Ok(file) => file.take(64).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(RecordedCommits::Missing),
        Err(error) => return Err(error),
    };
    let count = str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok());
    Ok(count.map_or(RecordedCommits::Unreadable, RecordedCommits::Count))
}

/// Records that a copy of a database at `path` has so many commits.
///
/// # Errors
/// When the record cannot be written.
pub fn record_commits(path: &Path, count: i32) -> io::Result<()> {
    CommitRecord::replace(path, count)
}

/// Returns the path of the record of the database at `path`.
pub(crate) fn path_of_record(path: &Path) -> PathBuf {
    beside(path, ".commits")
}

/// Returns the path of the write-ahead log of the database at `path`.
pub fn path_of_log(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// Returns the path of the index of that log, which the processes that have the database open share.
pub(crate) fn path_of_index(path: &Path) -> PathBuf {
    beside(path, "-shm")
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The length is fixed, so that no digit of a longer count remains.
fn line(count: i32) -> Vec<u8> {
    format!("{count:>11}\n").into_bytes()
}

/// Whether the database has no page yet: neither in its file nor in its log.
fn is_new(path: &Path) -> io::Result<bool> {
    for file in [path, &path_of_log(path)] {
        match fs::metadata(file) {
            Ok(found) if found.len() > 0 => return Ok(false),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(true)
}
