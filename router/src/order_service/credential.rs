//! The secret that all replicas and the main process share.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use order_log::SharedSecret;
use rand::RngCore;

/// The minimum length of a secret: that of sixteen random bytes in hexadecimal.
const CHARS_MIN: usize = 32;
/// The maximum length: the secret is sent with every message.
const CHARS_MAX: usize = 1_024;

/// Reads the secret from a file.
///
/// # Errors
/// When the file cannot be read, users other than its owner can read it, or it does not hold a valid secret.
pub fn read(path: &Path) -> io::Result<SharedSecret> {
    let file = File::open(path)?;
    // Reads the mode from the open file, since the path may already name another one.
    let mode = file.metadata()?.mode();
    if mode & 0o077 != 0 {
        let why = format!(
            "others may read or change this file: its mode is {:04o} and has to be 0600; chmod 600 {}",
            mode & 0o7777,
            path.display()
        );
        return Err(io::Error::other(why));
    }
    let mut text = String::new();
    file.take(CHARS_MAX as u64 + 2).read_to_string(&mut text)?;
    let secret = text.trim();
    if !(CHARS_MIN..=CHARS_MAX).contains(&secret.len()) {
        let why = format!(
            "a secret has {CHARS_MIN} to {CHARS_MAX} characters, this one {}",
            secret.len()
        );
        return Err(io::Error::other(why));
    }
    // The secret is sent in a header.
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(io::Error::other("a secret is one word of plain ASCII"));
    }
    Ok(SharedSecret(secret.to_owned()))
}

/// Creates a file with a secret of 32 random bytes, which only its owner can read.
///
/// # Errors
/// When the file exists already or cannot be created.
pub fn create(path: &Path) -> io::Result<()> {
    let mut random = [0; 32];
    rand::rng().fill_bytes(&mut random);
    let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn refusal(text: &str, mode: u32) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credential");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read(&path).err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn a_credential_file_is_created_once_and_readable_by_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credential");
        create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let SharedSecret(secret) = read(&path).unwrap();
        assert_eq!(secret.len(), 64);
        assert!(create(&path).is_err());
        let SharedSecret(same) = read(&path).unwrap();
        assert_eq!(same, secret);
        let other = folder.path().join("other");
        create(&other).unwrap();
        assert_ne!(read(&other).unwrap().0, secret);
    }

    #[test]
    fn an_invalid_secret_is_refused() {
        let good = "0123456789abcdef0123456789abcdef";
        assert_eq!(refusal(&format!("{good}\n"), 0o600), "");
        assert_eq!(refusal(good, 0o400), "");
        for mode in [0o640, 0o604, 0o644, 0o660, 0o602] {
            assert!(refusal(good, mode).contains("has to be 0600"), "{mode:o}");
        }
        for text in ["", "\n \n", "0123456789abcdef0123456789abcde", &"a".repeat(2_000)] {
            assert!(refusal(text, 0o600).contains("32 to 1024 characters"), "{text:?}");
        }
        let words = format!("{good} {good}");
        assert!(refusal(&words, 0o600).contains("one word"));
        assert!(read(Path::new("/there/is/no/such/file")).is_err());
    }
}
