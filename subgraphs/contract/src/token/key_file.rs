//! The file of the signing keys. `agora keys` changes it, also while a server runs, which reads it again then.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rand::RngCore;
use serde::{Deserialize, Serialize};

use crate::{replace_private_file, update_private_file};

const SECRET_BYTES: usize = 32;
/// The most keys: each token is checked with one of them, so more are a sign of a mistake.
const KEYS_MAX: usize = 16;

/// A signing key in its file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredKey {
    pub kid: String,
    secret_hex: String,
    /// When it was made, in microseconds since the epoch; none for the first key of an installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_us: Option<i64>,
}

/// A signing key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// The id, which the header of each token names.
    pub id: String,
    /// When it was made, in microseconds since the epoch; `None` for the first key of an installation, and for keys that were
    /// put into the file by hand.
    pub made_us: Option<i64>,
}

/// The signing keys, newest first: the newest signs, all of them verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyList(pub Vec<KeySummary>);

impl KeyList {
    /// Reads the file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a key set.
    pub fn load(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&load(path)?))
    }

    fn of(keys: &[StoredKey]) -> Self {
        let summary = |key: &StoredKey| KeySummary {
            id: key.kid.clone(),
            made_us: key.made_us,
        };
        Self(keys.iter().map(summary).collect())
    }

    /// Puts a new key in front of the others, and returns its id.
    ///
    /// # Errors
    /// When the file cannot be read or written, or has its most keys.
    pub fn rotate(path: &Path, now_us: i64) -> io::Result<String> {
        update(path, |keys| {
            if keys.len() >= KEYS_MAX {
                let why = format!("there are {KEYS_MAX} keys already: retire old ones first");
                return Err(io::Error::other(why));
            }
            let mut new = StoredKey::generate();
            new.made_us = Some(now_us);
            let id = new.kid.clone();
            keys.insert(0, new);
            Ok(id)
        })
    }

    /// Removes a key. `check` gets the list before.
    ///
    /// # Errors
    /// When no key has that id or it is the one that signs, when the file cannot be read or written, and those of `check`.
    pub fn retire(path: &Path, id: &str, check: impl FnOnce(&Self) -> io::Result<()>) -> io::Result<()> {
        update(path, |keys| {
            match keys.iter().position(|key| key.kid == id) {
                None => return Err(io::Error::other(format!("there is no key with the id {id}"))),
                Some(0) => {
                    let why = format!("{id} is the key that signs: make a new one first, with `agora keys rotate`");
                    return Err(io::Error::other(why));
                }
                Some(_) => {}
            }
            check(&Self::of(keys))?;
            keys.retain(|key| key.kid != id);
            Ok(())
        })
    }

    /// When the key with that id stopped signing, in microseconds since the epoch: when the next newer one was made. `None` if it
    /// signs, or if that is not known.
    pub fn superseded_us(&self, id: &str) -> Option<i64> {
        let at = self.0.iter().position(|key| key.id == id)?;
        self.0.get(at.checked_sub(1)?)?.made_us
    }

    /// Whether the key with that id may have signed a token that was made at `made_us`.
    pub fn may_have_signed(&self, id: &str, made_us: i64) -> bool {
        let signer = self
            .0
            .iter()
            .find(|key| key.made_us.is_none_or(|since| since <= made_us));
        match signer {
            Some(signer) if signer.made_us.is_some() => signer.id == id,
            // The order in which keys without a time signed is not known.
            _ => self.0.iter().any(|key| key.id == id && key.made_us.is_none()),
        }
    }
}

/// Reads the keys from `path`.
pub(super) fn load(path: &Path) -> io::Result<Vec<StoredKey>> {
    let mut file = File::open(path)?;
    // The mode of the open file: the path may refer to another file by now.
    let mode = file.metadata()?.mode();
    if mode & 0o077 != 0 {
        let why = format!(
            "others may read or change this file, which signs all access tokens: chmod 600 {}",
            path.display()
        );
        return Err(io::Error::other(why));
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let stored: Vec<StoredKey> = serde_json::from_slice(&text).map_err(io::Error::other)?;
    if stored.is_empty() {
        return Err(io::Error::other("the key set is empty"));
    }
    if stored.iter().any(|key| key.secret().len() < SECRET_BYTES) {
        return Err(io::Error::other("a key is shorter than 32 bytes"));
    }
    Ok(stored)
}

/// Writes the keys to `path`.
pub(super) fn store(path: &Path, keys: &[StoredKey]) -> io::Result<()> {
    replace_private_file(path, &to_json(keys)?, |_| Ok(()))
}

fn update<T>(path: &Path, change: impl FnOnce(&mut Vec<StoredKey>) -> io::Result<T>) -> io::Result<T> {
    update_private_file(path, || {
        let mut keys = load(path)?;
        let outcome = change(&mut keys)?;
        Ok((outcome, to_json(&keys)?))
    })
}

fn to_json(keys: &[StoredKey]) -> io::Result<Vec<u8>> {
    serde_json::to_vec_pretty(keys).map_err(io::Error::other)
}

impl StoredKey {
    pub(super) fn generate() -> Self {
        let mut random = [0u8; SECRET_BYTES + 4];
        rand::rng().fill_bytes(&mut random);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self {
            kid: hex(&random[SECRET_BYTES..]),
            secret_hex: hex(&random[..SECRET_BYTES]),
            made_us: None,
        }
    }

    pub(super) fn secret(&self) -> Vec<u8> {
        let digit = |at: usize| {
            self.secret_hex
                .get(at..at + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        };
        (0..self.secret_hex.len()).step_by(2).map_while(digit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(keys: &[(&str, Option<i64>)]) -> KeyList {
        let summary = |(id, made_us): &(&str, Option<i64>)| KeySummary {
            id: (*id).to_owned(),
            made_us: *made_us,
        };
        KeyList(keys.iter().map(summary).collect())
    }

    #[test]
    fn the_signer_of_a_token_is_the_newest_key_of_its_time() {
        let keys = list(&[("c", Some(30)), ("b", Some(20)), ("a", None)]);
        for (made_us, signer) in [(40, "c"), (30, "c"), (29, "b"), (20, "b"), (19, "a"), (0, "a")] {
            for id in ["a", "b", "c"] {
                assert_eq!(keys.may_have_signed(id, made_us), id == signer, "{id} at {made_us}");
            }
        }
        assert_eq!(keys.superseded_us("c"), None);
        assert_eq!(keys.superseded_us("b"), Some(30));
        assert_eq!(keys.superseded_us("a"), Some(20));
        // Keys that were put into the file by hand have no time: each of them may be the signer.
        let keys = list(&[("b", None), ("a", None)]);
        assert!(keys.may_have_signed("a", 5) && keys.may_have_signed("b", 5));
        assert_eq!(keys.superseded_us("a"), None);
    }

    #[test]
    fn a_new_key_signs_and_an_old_one_can_be_retired() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        store(&path, &[StoredKey::generate()]).unwrap();
        let first = KeyList::load(&path).unwrap().0[0].id.clone();
        assert!(KeyList::retire(&path, &first, |_| Ok(())).is_err_and(|error| error.to_string().contains("signs")));
        let second = KeyList::rotate(&path, 7).unwrap();
        let keys = KeyList::load(&path).unwrap();
        assert_eq!(keys, list(&[(&second, Some(7)), (&first, None)]));
        assert!(KeyList::retire(&path, "none", |_| Ok(())).is_err());
        assert!(KeyList::retire(&path, &first, |_| Err(io::Error::other("not yet"))).is_err());
        assert_eq!(KeyList::load(&path).unwrap(), keys, "a refusal changes nothing");
        KeyList::retire(&path, &first, |_| Ok(())).unwrap();
        assert_eq!(KeyList::load(&path).unwrap(), list(&[(&second, Some(7))]));
        while KeyList::load(&path).unwrap().0.len() < KEYS_MAX {
            KeyList::rotate(&path, 8).unwrap();
        }
        assert!(KeyList::rotate(&path, 9).is_err_and(|error| error.to_string().contains("16 keys")));
    }
}
