//! Files that only their owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

/// Replaces a file, or creates it, with mode 0600. `prepare` gets the new file while it is still empty.
///
/// The contents are written to another file, which is renamed: a crash leaves the old contents or the new ones, never half of
/// them.
///
/// # Errors
/// When the file cannot be written, and those of `prepare`; the old file then stays.
pub fn replace_private_file(
    path: &Path,
    contents: &[u8],
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let new_path = path.with_extension("new");
    let _ = fs::remove_file(&new_path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new_path)?;
    prepare(&file)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&new_path, path)?;
    File::open(folder_of(path))?.sync_all()
}

/// Replaces a file that a command changes while a server reads it. `change` reads the file and returns its new contents, with
/// the result of this function. A second process waits for the first one, by a file beside it.
///
/// The file belongs to the owner of its folder, even if root changes it.
///
/// # Errors
/// When the file cannot be written, and those of `change`, which leave the file as it was.
pub fn update_private_file<T>(path: &Path, change: impl FnOnce() -> io::Result<(T, Vec<u8>)>) -> io::Result<T> {
    let owner = fs::metadata(folder_of(path))?;
    let set_owner = |file: &File| {
        if file.metadata()?.uid() == owner.uid() {
            Ok(())
        } else {
            fchown(file, Some(owner.uid()), Some(owner.gid()))
        }
    };
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false).mode(0o600);
    let lock_file = options.open(path.with_extension("lock"))?;
    set_owner(&lock_file)?;
    lock_file.lock()?;
    let (outcome, contents) = change()?;
    replace_private_file(path, &contents, set_owner)?;
    Ok(outcome)
}

/// Identifies a version of a file that is replaced and never written in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileVersion {
    inode: u64,
    size: u64,
    changed_ns: i128,
}

impl FileVersion {
    /// Returns the version of the file that is at that path now; `None` if there is none.
    pub fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            inode: found.ino(),
            size: found.size(),
            changed_ns: i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec()),
        })
    }
}

/// Returns the folder of a file. A bare file name has an empty parent, which is the current folder and cannot be opened under
/// that name.
pub fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
