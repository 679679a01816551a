//! Everything that would stop `serve`, found without a start: nothing is written, created or changed.

use std::fs::{self, File};
use std::path::Path;

use contract::TokenKeys;
use rustix::fs::Access;

use crate::auth::CredentialList;
use crate::config::{DataFolder, Settings};
use crate::order_service;
use crate::serve::Addresses;

/// Whether a server may be running that uses these settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// None may: its addresses and its folder have to be free.
    Stopped,
    /// One may hold the addresses and the folder.
    Running,
}

/// Returns the problems, in the words of the refusal at a start.
pub async fn problems(settings: &Settings, server: Server) -> Vec<String> {
    let mut problems = Vec::new();
    // Dropping the addresses frees them: no other process has seen them.
    if let Err(refused) = Addresses::reserve(settings) {
        let refused = refused
            .into_iter()
            .filter(|error| server == Server::Stopped || !error.is_taken());
        problems.extend(refused.map(|error| error.to_string()));
    }
    let folder = DataFolder::new(&settings.server.data);
    problems.extend(folder_problem(&folder, server));
    problems.extend(file_problems(settings, &folder));
    problems.extend(database_problems(settings, &folder).await);
    problems
}

fn folder_problem(folder: &DataFolder, server: Server) -> Option<String> {
    let refused = |path: &Path, why: &str| Some(format!("{}: {why}", path.display()));
    let path = folder.path();
    if !path.exists() {
        // A start creates it in the nearest folder that exists.
        let absolute = std::path::absolute(path).ok()?;
        let parent = absolute.ancestors().find(|parent| parent.exists())?;
        if is_writable_folder(parent) {
            return None;
        }
        let why = format!("cannot be created, because agora may not write in {}", parent.display());
        return refused(path, &why);
    }
    if !path.is_dir() {
        return refused(path, "is no folder");
    }
    if !is_writable_folder(path) {
        return refused(path, "agora must be able to write here");
    }
    let lock = File::open(folder.lock());
    if server == Server::Stopped && lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)))
    {
        return refused(path, "another agora is using this folder");
    }
    None
}

fn is_writable_folder(path: &Path) -> bool {
    path.is_dir() && rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Checks the files that a start reads.
fn file_problems(settings: &Settings, folder: &DataFolder) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |path: &Path, outcome: std::io::Result<()>| match outcome {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            problems.push(format!("{}: {error}", path.display()));
        }
        _ => {}
    };
    check(&folder.keys(), TokenKeys::load(&folder.keys()).map(drop));
    check(
        &folder.credentials(),
        CredentialList::load(&folder.credentials()).map(drop),
    );
    for file in [folder.database(), folder.lock()] {
        let opened = fs::OpenOptions::new().read(true).write(true).open(&file);
        check(&file, opened.map(drop));
    }
    problems.extend(order_service::problem(settings, folder).map(|error| error.to_string()));
    problems
}

/// Looks into the database: whether it is one, of this version, with all acknowledged commits and tables, and without public
/// passwords where other machines can sign in. Damage inside of the file is for `agora verify`.
async fn database_problems(settings: &Settings, folder: &DataFolder) -> Vec<String> {
    let path = folder.database();
    let named = |why: &dyn std::fmt::Display| vec![format!("{}: {why}", path.display())];
    let db = match contract::open_read_only(&path).await {
        Ok(Some(db)) => db,
        Ok(None) => return Vec::new(),
        Err(error) => return named(&error),
    };
    let mut problems = Vec::new();
    let status = match migrations::status(&db).await {
        Ok(status) => status,
        Err(error) => return named(&error),
    };
    // A start applies the others first.
    if status.iter().all(|(_, is_applied)| *is_applied) {
        match migrations::missing_objects(&db).await {
            Ok(missing) if missing.is_empty() => {}
            Ok(missing) => {
                let missing = missing.join(", ");
                problems.extend(named(&format!(
                    "the database has no {missing}: restore it from a backup"
                )));
            }
            Err(error) => problems.extend(named(&error)),
        }
    }
    if !settings.database.accept_data_loss {
        let checked = contract::check_commits(&path, &db).await;
        problems.extend(checked.err().map(|error| error.to_string()));
    }
    if status
        .iter()
        .any(|(name, is_applied)| *is_applied && name.ends_with("_accounts"))
    {
        let refused = crate::serve::require_no_public_password(settings, &db).await;
        problems.extend(refused.err().map(|error| error.to_string()));
    }
    if let Err(error) = db.close().await {
        tracing::debug!(%error, "the database did not close");
    }
    problems
}
