//! A copy of a database, while others use it or not: SQLite's online backup.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::connect::LOCK_WAIT;
use crate::private_file::folder_of;

/// The pause after a step that found the database locked.
const PAUSE: Duration = Duration::from_millis(5);

/// Copies the database at `from` to a new file at `to`, which only its owner can read. The copy is that of one moment, and on the disk
/// when this returns. Others can write meanwhile, but their write-ahead log is not shortened. It blocks the calling thread.
///
/// # Errors
/// When `to` exists, or one of the files cannot be read or written. An incomplete copy is removed.
pub fn copy_database(from: &Path, to: &Path) -> io::Result<()> {
    // Created before SQLite opens it, with its mode.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let copied = copy(from, to).map_err(io::Error::other);
    let synced = copied
        .and_then(|()| File::open(to)?.sync_all())
        .and_then(|()| File::open(folder_of(to))?.sync_all());
    if synced.is_err() {
        let _ = std::fs::remove_file(to);
    }
    synced
}

fn copy(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let from = Connection::open_with_flags(from, flags | OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    from.busy_timeout(LOCK_WAIT)?;
    let mut to = Connection::open_with_flags(to, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    {
        let backup = Backup::new(&from, &mut to)?;
        loop {
            // All pages in one step: between two steps, a commit of another process would start the copying anew.
            match backup.step(-1)? {
                StepResult::Done => break,
                _ => std::thread::sleep(PAUSE),
            }
        }
    }
    to.close().map_err(|(_, error)| error)
}
