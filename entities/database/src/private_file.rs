//! Files that only their owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
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

/// Returns the folder of a file. A bare file name has an empty parent, which is the current folder and cannot be opened under
/// that name.
pub fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
