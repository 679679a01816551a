//! The number of acknowledged commits, in a file beside the database.
//!
//! The database counts its own commits (`user_version`), and this file records each count before the commit is
//! answered. A database with a lower count when it is opened has lost commits: its write-ahead log is missing or
//! damaged, or an older file replaced its file. The record is not synced: after a power cut it may have a lower
//! count, never a higher one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// See the module.
pub(crate) struct CommitRecord(File);

impl CommitRecord {
    /// Opens the record beside the database at `path`, and creates it if it is missing; also returns its count.
    pub fn open(path: &Path) -> io::Result<(Self, Option<i32>)> {
        let mut path_of_record = path.as_os_str().to_owned();
        path_of_record.push(".commits");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(Path::new(&path_of_record))?;
        let mut text = String::new();
        file.by_ref().take(64).read_to_string(&mut text)?;
        let count = text.trim().parse().ok();
        Ok((Self(file), count))
    }

    /// Records a count. The length is fixed, so that no digit of a longer one remains.
    pub fn write(&self, count: i32) -> io::Result<()> {
        self.0.write_all_at(format!("{count:>11}\n").as_bytes(), 0)
    }
}
