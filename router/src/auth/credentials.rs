//! The list of issued and revoked service credentials: one file beside the signing keys.
//!
//! `agora token` changes the file, also while a server runs. The server checks for changes whenever a service
//! authenticates.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use contract::{FileVersion, update_private_file};
use rand::RngCore;
use serde::{Deserialize, Serialize};

/// The most credentials of an installation: far more than one needs.
const CREDENTIALS_MAX: usize = 10_000;

/// A service credential, without the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The identifier, which the token contains as well.
    pub id: String,
    /// The service's name.
    pub service: String,
    /// The id of the key that signed it; none for credentials from before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was made, in microseconds since the epoch.
    pub made_us: i64,
    /// When it ends, in microseconds since the epoch.
    pub expires_us: i64,
    /// When it was revoked, in microseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_us: Option<i64>,
}

/// The revocation, until a point in time, of all tokens of a service without an id, as earlier versions issued them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RevokedService {
    service: String,
    until_us: i64,
}

/// The contents of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialList {
    credentials: Vec<Credential>,
    #[serde(default)]
    revoked_services: Vec<RevokedService>,
}

impl CredentialList {
    /// Reads the file; the list is empty if the file does not exist.
    ///
    /// # Errors
    /// When the file cannot be read, is not a credential list, or is writable by others.
    pub fn load(path: &Path) -> io::Result<Self> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened?,
        };
        if file.metadata()?.mode() & 0o022 != 0 {
            let why = format!("others may change this file: chmod 600 {}", path.display());
            return Err(io::Error::other(why));
        }
        serde_json::from_reader(io::BufReader::new(file)).map_err(io::Error::other)
    }

    /// Reads the file, changes the list, and replaces the file. A second process waits for the first one.
    ///
    /// # Errors
    /// When the file cannot be read or written, and those of `change`, which leave the file as it was.
    pub fn update<T>(path: &Path, now_us: i64, change: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        update_private_file(path, || {
            let mut list = Self::load(path)?;
            list.credentials.retain(|credential| credential.expires_us > now_us);
            let outcome = change(&mut list)?;
            let text = serde_json::to_vec_pretty(&list).map_err(io::Error::other)?;
            Ok((outcome, text))
        })
    }

    /// The credentials, in the order they were made.
    pub fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    /// Adds a credential with a new id, which the key with the id `key` signs.
    ///
    /// # Errors
    /// When the list has reached its maximum length.
    pub fn add(&mut self, service: &str, key: &str, made_us: i64, expires_us: i64) -> io::Result<String> {
        if self.credentials.len() >= CREDENTIALS_MAX {
            let why = format!("there are {CREDENTIALS_MAX} credentials already: their number is bounded");
            return Err(io::Error::other(why));
        }
        let id = format!("{:016x}", rand::rng().next_u64());
        self.credentials.push(Credential {
            id: id.clone(),
            service: service.to_owned(),
            key: Some(key.to_owned()),
            made_us,
            expires_us,
            revoked_us: None,
        });
        Ok(id)
    }

    /// Revokes the credential with that id; a revoked one keeps its time of revocation.
    ///
    /// # Errors
    /// When no credential has that id.
    pub fn revoke(&mut self, id: &str, now_us: i64) -> io::Result<()> {
        let found = self.credentials.iter_mut().find(|credential| credential.id == id);
        let found = found.ok_or_else(|| io::Error::other(format!("there is no credential with the id {id}")))?;
        found.revoked_us.get_or_insert(now_us);
        Ok(())
    }

    /// Revokes all credentials of the service, including those without an id, and returns the number of listed ones.
    pub fn revoke_service(&mut self, service: &str, now_us: i64) -> usize {
        let of_service = self
            .credentials
            .iter_mut()
            .filter(|credential| credential.service == service);
        let revoked = of_service
            .map(|credential| credential.revoked_us.get_or_insert(now_us))
            .count();
        self.revoked_services.retain(|revoked| revoked.service != service);
        self.revoked_services.push(RevokedService {
            service: service.to_owned(),
            until_us: now_us,
        });
        revoked
    }

    /// Whether the credential with this id is valid; without an id, the service's credential that was issued at
    /// `made_us`.
    fn is_valid(&self, id: Option<&str>, service: &str, made_us: i64) -> bool {
        match id {
            Some(id) => {
                let found = self.credentials.iter().find(|credential| credential.id == id);
                found.is_some_and(|credential| credential.revoked_us.is_none())
            }
            None => !self
                .revoked_services
                .iter()
                .any(|revoked| revoked.service == service && made_us <= revoked.until_us),
        }
    }
}

/// A running server's view of the list.
pub(super) struct CredentialFile {
    path: PathBuf,
    loaded: RwLock<LoadedList>,
}

#[derive(Clone, Default)]
struct LoadedList {
    /// The file that was read; `None` if it did not exist.
    file: Option<FileVersion>,
    /// The content of the file; `None` if it cannot be read, and then no credential is valid.
    list: Option<Arc<CredentialList>>,
}

impl CredentialFile {
    pub(super) fn new(path: PathBuf) -> Self {
        let loaded = RwLock::new(load_list(&path, FileVersion::of(&path)));
        Self { path, loaded }
    }

    /// Whether the credential is valid now, whatever its signature says.
    pub(super) fn is_valid(&self, id: Option<&str>, service: &str, made_us: i64) -> bool {
        let list = self.current();
        list.is_some_and(|list| list.is_valid(id, service, made_us))
    }

    fn current(&self) -> Option<Arc<CredentialList>> {
        let file = FileVersion::of(&self.path);
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone();
        if loaded.list.is_some() && loaded.file == file {
            return loaded.list;
        }
        let read = load_list(&self.path, file);
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.clone_from(&read);
        read.list
    }
}

fn load_list(path: &Path, file: Option<FileVersion>) -> LoadedList {
    let list = CredentialList::load(path);
    if let Err(error) = &list {
        tracing::error!(path = %path.display(), %error, "cannot read the list of service credentials; none is accepted");
    }
    LoadedList {
        file,
        list: list.ok().map(Arc::new),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_listed_credential_is_valid_and_until_its_revocation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        let server = CredentialFile::new(path.clone());
        assert!(!server.is_valid(Some("a"), "feed", 0));
        let id = CredentialList::update(&path, 1, |list| list.add("feed", "key", 1, 100)).unwrap();
        let other = CredentialList::update(&path, 1, |list| list.add("feed", "key", 1, 100)).unwrap();
        assert!(server.is_valid(Some(&id), "feed", 1) && server.is_valid(Some(&other), "feed", 1));
        CredentialList::update(&path, 2, |list| list.revoke(&id, 2)).unwrap();
        assert!(!server.is_valid(Some(&id), "feed", 1) && server.is_valid(Some(&other), "feed", 1));
        assert!(!CredentialFile::new(path.clone()).is_valid(Some(&id), "feed", 1));
        assert!(CredentialList::update(&path, 2, |list| list.revoke("nonsense", 2)).is_err());
        // Expired credentials are removed.
        CredentialList::update(&path, 100, |list| list.add("other", "key", 100, 200)).unwrap();
        assert_eq!(CredentialList::load(&path).unwrap().credentials().len(), 1);
    }

    #[test]
    fn credentials_without_an_id_are_revoked_by_their_service_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        let server = CredentialFile::new(path.clone());
        assert!(server.is_valid(None, "feed", 5));
        CredentialList::update(&path, 5, |list| Ok(list.revoke_service("feed", 5))).unwrap();
        assert!(!server.is_valid(None, "feed", 5) && !server.is_valid(None, "feed", 4));
        assert!(server.is_valid(None, "feed", 6) && server.is_valid(None, "other", 5));
        let id = CredentialList::update(&path, 5, |list| list.add("feed", "key", 5, 100)).unwrap();
        assert!(server.is_valid(Some(&id), "feed", 5));
    }

    #[test]
    fn a_writable_or_broken_list_admits_no_service() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        let server = CredentialFile::new(path.clone());
        let id = CredentialList::update(&path, 1, |list| list.add("feed", "key", 1, 100)).unwrap();
        assert!(server.is_valid(Some(&id), "feed", 1));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
        assert!(!server.is_valid(Some(&id), "feed", 1) && !server.is_valid(None, "feed", 1));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(server.is_valid(Some(&id), "feed", 1));
        fs::write(&path, "{").unwrap();
        assert!(!server.is_valid(Some(&id), "feed", 1) && !server.is_valid(None, "feed", 1));
    }
}
