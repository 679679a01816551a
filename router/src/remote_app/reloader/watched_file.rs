//! Whether a file has changed since it was read.

use std::fs::{Metadata, metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// The digest of a content.
pub type Digest = [u8; 32];

/// Returns the digest of a content.
pub fn digest(text: &str) -> Digest {
    Sha256::digest(text).into()
}

/// The age at which a change is certain to have another time than the next one: file systems count in steps of up to two seconds.
const DISTINCT_AGE_US: i64 = 2_000_000;

/// The identity of a file and its last change, behind all symbolic links. A file that is replaced by another one has another identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStamp {
    /// There is a file.
    File {
        /// The number of the device, and that of the file on it.
        identity: (u64, u64),
        /// The size.
        bytes: u64,
        /// The time of the last change of the content, in seconds and nanoseconds.
        modified: (i64, i64),
        /// The time of the last change of the content or the attributes.
        changed: (i64, i64),
    },
    /// There is none, or it cannot be looked at.
    Missing(io::ErrorKind),
}

impl FileStamp {
    /// Looks at the file at that path.
    pub fn of(path: &Path) -> Self {
        match metadata(path) {
            Ok(metadata) => Self::from(&metadata),
            Err(error) => Self::Missing(error.kind()),
        }
    }

    /// Whether a further change could have the same stamp.
    fn is_ambiguous(self, now_us: i64) -> bool {
        match self {
            Self::File {
                changed: (seconds, nanoseconds),
                ..
            } => {
                let changed_us = seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1_000);
                (0..DISTINCT_AGE_US).contains(&now_us.saturating_sub(changed_us))
            }
            Self::Missing(_) => false,
        }
    }
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self::File {
            identity: (metadata.dev(), metadata.ino()),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A file that is read again when it has changed.
#[derive(Debug)]
pub struct WatchedFile {
    /// The content that is served.
    pub served: Digest,
    /// The content that was refused since, if any was.
    pub refused: Option<Digest>,
    /// The stamp at the last look.
    seen: Option<FileStamp>,
    /// The stamp when the file was last read; `None` if it may have changed since without another stamp.
    read: Option<FileStamp>,
}

impl WatchedFile {
    /// A file whose content is served.
    pub fn new(served: &str) -> Self {
        Self {
            served: digest(served),
            refused: None,
            seen: None,
            read: None,
        }
    }

    /// Whether the file should be read: it may have changed since, and has not changed since the last look. A file that is being
    /// written changes from look to look.
    pub fn is_due(&mut self, stamp: FileStamp) -> bool {
        let is_at_rest = self.seen.replace(stamp) == Some(stamp);
        is_at_rest && self.read != Some(stamp)
    }

    /// Records that the file is about to be read.
    pub fn begin_reading(&mut self, stamp: FileStamp, now_us: i64) {
        self.read = (!stamp.is_ambiguous(now_us)).then_some(stamp);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder with the file `a`.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "one").unwrap();
        (folder, path)
    }

    /// A time at which no stamp of this test is ambiguous.
    const LATER_US: i64 = i64::MAX;

    fn read_at_rest(file: &mut WatchedFile, path: &Path) {
        let stamp = FileStamp::of(path);
        file.begin_reading(stamp, LATER_US);
        assert!(!file.is_due(stamp), "it was just read");
    }

    #[test]
    fn a_changed_file_is_due_when_it_rests() {
        let (_folder, path) = folder();
        let mut file = WatchedFile::new("one");
        read_at_rest(&mut file, &path);
        std::fs::write(&path, "half").unwrap();
        assert!(!file.is_due(FileStamp::of(&path)), "it may still be written");
        std::fs::write(&path, "halves").unwrap();
        assert!(!file.is_due(FileStamp::of(&path)), "it is still written");
        assert!(file.is_due(FileStamp::of(&path)));
        read_at_rest(&mut file, &path);
    }

    #[test]
    fn a_file_that_is_replaced_or_linked_to_another_one_has_another_stamp() {
        let (folder, path) = folder();
        let original = FileStamp::of(&path);
        let (next, link) = (folder.path().join("next"), folder.path().join("link"));
        std::fs::write(&next, "two").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(FileStamp::of(&link), original);
        let new_link = folder.path().join("new_link");
        std::os::unix::fs::symlink(&next, &new_link).unwrap();
        std::fs::rename(&new_link, &link).unwrap();
        assert_ne!(FileStamp::of(&link), original);
        std::fs::rename(&next, &path).unwrap();
        assert_ne!(FileStamp::of(&path), original);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(FileStamp::of(&path), FileStamp::Missing(io::ErrorKind::NotFound));
    }

    #[test]
    fn a_file_that_was_read_at_the_moment_of_its_change_is_read_again() {
        let (_folder, path) = folder();
        let stamp = FileStamp::of(&path);
        let FileStamp::File { changed, .. } = stamp else {
            panic!("{stamp:?}");
        };
        let changed_us = changed.0 * 1_000_000 + changed.1 / 1_000;
        let mut file = WatchedFile::new("one");
        file.begin_reading(stamp, changed_us + 1);
        assert!(!file.is_due(stamp) && file.is_due(stamp));
        file.begin_reading(stamp, changed_us + DISTINCT_AGE_US);
        assert!(!file.is_due(stamp));
    }
}
