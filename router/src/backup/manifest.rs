//! The manifest of an archive: its first entry.

use serde::{Deserialize, Serialize};

/// The version of the archive's form. A change that an older program would restore wrongly raises it.
pub(super) const FORMAT: u32 = 1;
/// The name of the manifest in the archive.
pub(super) const MANIFEST: &str = "manifest.json";
/// The most bytes of a manifest.
pub(super) const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// The database in the archive.
pub(super) const DATABASE: &str = "agora.db";
/// The number of acknowledged commits.
pub(super) const COMMITS: &str = "agora.db.commits";
/// Other files that an archive may have, besides those of the replicas.
pub(super) const OTHERS: [&str; 4] = ["keys.json", "credentials.json", "orders/replicas", "orders/credential"];

/// The contents of an archive, and the program that made it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The version of the archive's form.
    pub format: u32,
    /// The version of the Agora that made the archive.
    pub agora: String,
    /// The migrations of the database.
    pub migrations: Vec<String>,
    /// The number of commits of the database.
    pub commits: i32,
    /// When the archive was made, as RFC 3339.
    pub made_at: String,
    /// The files, in the order of the archive.
    pub files: Vec<ArchivedFile>,
}

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedFile {
    /// Its path in the data folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Checks that this program can restore the archive, and that the manifest names only files of a data folder.
    ///
    /// # Errors
    /// The reason.
    pub(super) fn check(&self) -> Result<(), String> {
        let ours = env!("CARGO_PKG_VERSION");
        let known = migrations::names();
        let newer = self.format > FORMAT
            || version(&self.agora) > version(ours)
            || self.migrations.iter().any(|name| !known.contains(name));
        if newer {
            return Err(format!(
                "a newer Agora ({}) made this archive: restore it with that version, this is {ours}",
                self.agora
            ));
        }
        for (at, file) in self.files.iter().enumerate() {
            if !is_known(&file.name) {
                return Err(format!(
                    "the manifest names {:?}, which is no file of a data folder",
                    file.name
                ));
            }
            if self.files[..at].iter().any(|before| before.name == file.name) {
                return Err(format!("the manifest names {} twice", file.name));
            }
        }
        for needed in [DATABASE, COMMITS] {
            if !self.files.iter().any(|file| file.name == needed) {
                return Err(format!("the archive has no {needed}"));
            }
        }
        Ok(())
    }
}

/// Whether a data folder has a file of that name. No other name is ever created, so no name leads out of the folder.
fn is_known(name: &str) -> bool {
    let id = name
        .strip_prefix("orders/orders-")
        .and_then(|rest| rest.strip_suffix(".sqlite"));
    let is_replica = id.is_some_and(|id| (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()));
    name == DATABASE || name == COMMITS || OTHERS.contains(&name) || is_replica
}

/// Returns the numbers of a version; an unreadable one is the newest.
fn version(text: &str) -> Vec<u64> {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    core.split('.').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(names: &[&str]) -> Manifest {
        let file = |name: &&str| ArchivedFile {
            name: (*name).to_owned(),
            bytes: 1,
            sha256: String::new(),
        };
        Manifest {
            format: FORMAT,
            agora: env!("CARGO_PKG_VERSION").to_owned(),
            migrations: migrations::names(),
            commits: 1,
            made_at: String::new(),
            files: names.iter().map(file).collect(),
        }
    }

    #[test]
    fn only_files_of_a_data_folder_are_named() {
        let good = ["agora.db", "agora.db.commits", "keys.json", "orders/orders-3.sqlite"];
        assert_eq!(manifest(&good).check(), Ok(()));
        for bad in [
            "../agora.db",
            "/etc/passwd",
            "orders/../keys.json",
            "orders/orders-../x.sqlite",
            "orders/orders-.sqlite",
            "lock",
            "",
        ] {
            let refused = manifest(&[&good[..], &[bad]].concat()).check();
            assert!(
                refused.is_err_and(|why| why.contains("no file of a data folder")),
                "{bad}"
            );
        }
        assert!(manifest(&["agora.db", "agora.db.commits", "agora.db"]).check().is_err());
        assert!(
            manifest(&["agora.db"])
                .check()
                .is_err_and(|why| why.contains("agora.db.commits"))
        );
    }

    #[test]
    fn an_archive_of_a_newer_agora_is_refused_in_those_words() {
        let newer = |change: &dyn Fn(&mut Manifest)| {
            let mut manifest = manifest(&["agora.db", "agora.db.commits"]);
            change(&mut manifest);
            manifest.check().is_err_and(|why| why.contains("newer Agora"))
        };
        assert!(!newer(&|_| {}));
        assert!(newer(&|manifest| manifest.format += 1));
        assert!(newer(&|manifest| manifest.migrations.push("m9999_later".to_owned())));
        assert!(newer(&|manifest| manifest.agora = "999.0.0".to_owned()));
        assert!(newer(&|manifest| manifest.agora = "next".to_owned()));
        assert!(!newer(&|manifest| manifest.agora = "0.0.1".to_owned()));
    }
}
