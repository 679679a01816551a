//! The order service's replicas: the main process's access to them, the replicas that it starts itself, and the process
//! of a single replica. The crate `order_log` implements a replica.

mod credential;
mod members;
mod replica;
mod supervisor;
mod upstream;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use order_log::{Catalog, Credentials, FrontEnd, ReplicaId};

pub use members::{MembersCommand, MembersError};
pub use replica::{ReplicaArgs, ReplicaError, run as run_replica};
pub use supervisor::{ReplicaCommandBuilder, ReplicaCommandLine, ReplicaProcesses, own_executable};
pub use upstream::replica_upstreams;

use crate::config::{ConfigError, DataFolder, OrderReplicas, Settings};
use supervisor::{ReplicaGroup, ReservedPorts};

/// The main process's access to the replicas.
pub struct OrderService {
    /// The client of the replicas.
    pub front_end: FrontEnd,
    /// The credentials that the replicas accept.
    pub credentials: Arc<dyn Credentials>,
    own: Option<OwnReplicas>,
}

/// The resources of replicas that this process starts.
struct OwnReplicas {
    ports: ReservedPorts,
    folder: PathBuf,
    credential: PathBuf,
}

impl OrderService {
    /// The replicas of the settings, `None` when there are none. This does not start the replicas yet.
    ///
    /// Only the process that holds the lock of the data folder may call it.
    ///
    /// # Errors
    /// When the credential or the folder cannot be used.
    pub fn open(settings: &Settings, folder: &DataFolder) -> Result<Option<Self>, ConfigError> {
        match &settings.orders.order_replicas {
            OrderReplicas::None => Ok(None),
            OrderReplicas::External(urls) => Self::with_front_end(settings, urls.clone(), None).map(Some),
            OrderReplicas::OwnProcesses(number) => {
                let path = folder.orders();
                let failed =
                    |error: io::Error| ConfigError::new("orders.order_replicas", file_error(&folder.orders(), &error));
                let own_credential = prepare_folder(&path, *number).map_err(failed)?;
                let mut settings = settings.clone();
                let credential = &mut settings.orders.order_credential;
                if credential.as_os_str().is_empty() {
                    *credential = own_credential;
                }
                let own = OwnReplicas {
                    ports: ReservedPorts::reserve(*number).map_err(failed)?,
                    folder: path,
                    credential: credential.clone(),
                };
                Self::with_front_end(&settings, own.ports.urls(), Some(own)).map(Some)
            }
        }
    }

    fn with_front_end(
        settings: &Settings,
        urls: BTreeMap<ReplicaId, String>,
        own: Option<OwnReplicas>,
    ) -> Result<Self, ConfigError> {
        let credentials = replica::shared_secret(settings)?;
        let front_end = FrontEnd::new(urls, Arc::clone(&credentials), settings.order_log());
        Ok(Self {
            front_end: front_end.map_err(|error| ConfigError::new("orders.order_replicas", error.to_string()))?,
            credentials,
            own,
        })
    }

    /// The routes by which replicas reach the catalog. All of them need the credential.
    pub fn catalog_routes(&self, catalog: Arc<dyn Catalog>) -> Router {
        order_log::catalog_routes(
            catalog,
            Arc::clone(&self.credentials),
            self.front_end.settings().clone(),
        )
    }

    /// Starts this process's own replicas; returns `None` when there are none.
    ///
    /// # Errors
    /// When the catalog cannot be served.
    pub async fn start(
        &self,
        settings: &Settings,
        catalog: Arc<dyn Catalog>,
        command_builder: &ReplicaCommandBuilder,
    ) -> io::Result<Option<ReplicaProcesses>> {
        let Some(own) = &self.own else { return Ok(None) };
        let group = ReplicaGroup {
            ports: &own.ports,
            folder: own.folder.clone(),
            credential: own.credential.clone(),
            credentials: Arc::clone(&self.credentials),
            settings,
        };
        ReplicaProcesses::start(group, catalog, command_builder).await.map(Some)
    }
}

/// Returns the reason why [`OrderService::open`] would refuse the settings. It changes nothing.
pub(crate) fn problem(settings: &Settings, folder: &DataFolder) -> Option<ConfigError> {
    let is_own = matches!(settings.orders.order_replicas, OrderReplicas::OwnProcesses(_));
    if let OrderReplicas::OwnProcesses(number) = settings.orders.order_replicas {
        let path = folder.orders();
        if let Err(error) = is_prepared(&path, number) {
            return Some(ConfigError::new("orders.order_replicas", file_error(&path, &error)));
        }
    }
    let has_credential = !settings.orders.order_credential.as_os_str().is_empty();
    match settings.orders.order_replicas {
        OrderReplicas::None => None,
        // They get one that the start creates.
        _ if is_own && !has_credential => None,
        _ => replica::shared_secret(settings).err(),
    }
}

/// The name of the file with the number of replicas that a folder is for.
const COUNT_FILE: &str = "replicas";
/// The name of the file with the replicas' secret, if the settings name no other one.
const CREDENTIAL_FILE: &str = "credential";

/// Creates the folder for this number of replicas, or checks that an existing one is for it. The replicas' files
/// contain the members of the cluster, so another number of replicas could lack a majority. Returns the path of the
/// credential.
fn prepare_folder(folder: &Path, number: u64) -> io::Result<PathBuf> {
    let credential = folder.join(CREDENTIAL_FILE);
    if is_prepared(folder, number)? {
        return Ok(credential);
    }
    // The rename makes the folder appear complete: an interrupted start leaves no partial one.
    let temporary = folder.with_extension("new");
    if temporary.exists() {
        fs::remove_dir_all(&temporary)?;
    }
    DirBuilder::new().mode(0o700).create(&temporary)?;
    credential::create(&temporary.join(CREDENTIAL_FILE))?;
    fs::write(temporary.join(COUNT_FILE), format!("{number}\n"))?;
    fs::rename(&temporary, folder)?;
    Ok(credential)
}

/// Whether the folder is one for that number of replicas; `false` when there is none yet.
fn is_prepared(folder: &Path, number: u64) -> io::Result<bool> {
    match fs::read_to_string(folder.join(COUNT_FILE)) {
        Ok(known) if known.trim() == number.to_string() => Ok(true),
        Ok(known) => {
            let known = known.trim();
            let why = format!("the files here are those of {known} replicas, not of {number}");
            Err(io::Error::other(why))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn file_error(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(replicas: &str) -> Settings {
        let mut settings = Settings::default();
        settings.orders.order_replicas = replicas.parse().unwrap();
        settings
    }

    #[test]
    fn a_replica_count_reserves_ports_and_keeps_its_secret() {
        let data = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(data.path());
        assert!(OrderService::open(&settings(""), &folder).unwrap().is_none());
        let first = OrderService::open(&settings("3"), &folder).unwrap().unwrap();
        assert_eq!(first.front_end.urls().keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        let token = first.credentials.token();
        drop(first);
        let second = OrderService::open(&settings("3"), &folder).unwrap().unwrap();
        assert_eq!(second.credentials.token(), token);
        let other = OrderService::open(&settings("5"), &folder).err().unwrap().to_string();
        assert!(other.contains("those of 3 replicas, not of 5"), "{other}");
    }

    #[test]
    fn a_half_created_folder_is_created_again() {
        let data = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(data.path());
        let half = folder.orders().with_extension("new");
        fs::create_dir(&half).unwrap();
        credential::create(&half.join(CREDENTIAL_FILE)).unwrap();
        assert!(OrderService::open(&settings("1"), &folder).unwrap().is_some());
        assert!(!half.exists());
    }

    #[test]
    fn remote_replicas_need_their_shared_secret() {
        let data = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(data.path());
        let mut settings = settings("1=http://10.0.0.1:4100,2=http://10.0.0.2:4100");
        let refused = |settings: &Settings| OrderService::open(settings, &folder).err().unwrap().to_string();
        assert!(refused(&settings).starts_with("orders.order_credential: is needed"));
        let path = data.path().join("shared");
        settings.orders.order_credential = path.clone();
        assert!(refused(&settings).contains("No such file"));
        credential::create(&path).unwrap();
        let service = OrderService::open(&settings, &folder).unwrap().unwrap();
        assert_eq!(service.front_end.urls()[&2], "http://10.0.0.2:4100");
        assert!(!folder.orders().exists(), "no folder for files that are elsewhere");
    }
}
