//! How many commits were acknowledged, in a file beside the database.
//!
//! The database counts its commits itself (`user_version`), and each count is noted here before the commit is answered. A
//! database that counts fewer when it is opened has lost some: its write-ahead log is gone or damaged, or its file was
//! replaced by an older one. The note is not synced: after a power cut it may tell of fewer commits, never of more.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// See the module.
pub(super) struct Mark(File);

impl Mark {
    /// Opens the note beside the database at `path`, and makes it when there is none; with the count that it holds.
    pub fn open(path: &Path) -> io::Result<(Self, Option<i32>)> {
        let mut mark = path.as_os_str().to_owned();
        mark.push(".commits");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(Path::new(&mark))?;
        let mut text = String::new();
        file.by_ref().take(64).read_to_string(&mut text)?;
        let count = text.trim().parse().ok();
        Ok((Self(file), count))
    }

    /// Notes a count. A fixed length, so that no longer one shines through.
    pub fn write(&self, count: i32) -> io::Result<()> {
        self.0.write_all_at(format!("{count:>11}\n").as_bytes(), 0)
    }
}
