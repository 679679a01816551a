//! The embedded Agora: everything in one process, over one data folder.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Arc;
use std::time::Duration;

use contract::{Bus, Clock, Db, DbOptions, InProcessBus, OrderLog, Services, TokenKeys};
use migrations::{Migrator, MigratorTrait};
use sea_orm::DbErr;

use crate::auth::{Authenticator, EndedSession};
use crate::cache::{AnswerCache, CachingBus};
use crate::config::{ConfigError, DataFolder, Settings};
use crate::gateway::Gateway;
use crate::orders::{Children, OrderService, StartChild};
use crate::rest::Openness;
use crate::supergraph::{Supergraph, SupergraphError};
use crate::{demo, domains};
use crate::{http, rest};

/// The embedded Agora, open and migrated, not yet listening.
pub struct App {
    /// What the domains are built from.
    pub services: Services,
    /// What the doors are built from.
    pub gateway: Gateway,
    /// What is remembered of answers that are the same for everybody.
    pub cache: Arc<AnswerCache>,
    /// The replicas of the order service; none where the trades are a table of the database.
    pub order_service: Option<OrderService>,
    /// Where the shares are that replicas trade.
    pub catalog: Option<Arc<dyn order_log::Catalog>>,
    /// Held while the folder is in use: two writers would each believe to be the only one.
    _lock: File,
}

/// Why Agora could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder cannot be used.
    #[error("{path}: {error}")]
    Folder {
        /// What cannot be used.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// The database cannot be opened or migrated.
    #[error("database: {}", .0.in_full())]
    Database(#[from] contract::Error),
    /// The supergraph inside this program is broken.
    #[error("supergraph: {0}")]
    Supergraph(#[from] SupergraphError),
    /// The replicas of the order service cannot be used as they are set.
    #[error(transparent)]
    Orders(#[from] ConfigError),
}

impl App {
    /// Opens the data folder of `settings`, brings its tables up to date and joins the domains.
    ///
    /// # Errors
    /// When the folder is in use or cannot be used, or the database cannot be opened.
    pub async fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let folder = DataFolder::at(&settings.server.data);
        let lock = lock(&folder)?;
        let order_service = OrderService::open(settings, &folder)?;
        let db = open_database(settings, &folder).await?;
        let keys = TokenKeys::load_or_create(&folder.keys()).map_err(|error| failed(&folder.keys(), error))?;
        let cache = Arc::new(AnswerCache::new(&settings.limits));
        let bus = Arc::new(InProcessBus::new(settings.database.event_queue_max));
        let bus: Arc<dyn Bus> = Arc::new(CachingBus::new(bus, Arc::clone(&cache)));
        let orders: Arc<dyn OrderLog> = match &order_service {
            Some(service) => Arc::new(exchange::ReplicatedLog::new(service.front_end.clone())),
            None => Arc::new(exchange::table_log(&db).await?),
        };
        let services = Services {
            db,
            clock,
            bus,
            orders,
            keys: Arc::new(keys),
        };
        let mut gateway = open_gateway(settings, &services, &cache).await?;
        if let Some(service) = &order_service {
            gateway = gateway.with_replicas(service.front_end.clone());
        }
        let catalog = order_service.as_ref().map(|_| {
            let catalog: Arc<dyn order_log::Catalog> = Arc::new(exchange::StockCatalog::new(services.clone()));
            catalog
        });
        Ok(Self {
            services,
            gateway,
            cache,
            order_service,
            catalog,
            _lock: lock,
        })
    }

    /// Starts the order service's replicas that are this process's own; `None` when there are none.
    ///
    /// # Errors
    /// When the catalog that they need cannot be served.
    pub async fn start_replicas(&self, settings: &Settings, how: &StartChild) -> io::Result<Option<Children>> {
        match (&self.order_service, &self.catalog) {
            (Some(service), Some(catalog)) => service.start(settings, Arc::clone(catalog), how).await,
            _ => Ok(None),
        }
    }

    /// Everything that answers on the main address: the graph, its pages, and every REST mount.
    ///
    /// `open` says whom REST routes without authentication answer; with `demo`, GraphiQL offers to sign in as
    /// the demo's people.
    pub fn router(&self, settings: &Settings, open: Openness, demo: bool) -> axum::Router {
        let mounts = rest::mounts().iter().map(|mount| http::MountLink {
            name: mount.title.to_owned(),
            prefix: mount.prefix.to_owned(),
            about: mount.about.to_owned(),
        });
        let people = || http::Demo {
            people: demo::PEOPLE.iter().map(|name| (*name).to_owned()).collect(),
            password: demo::PASSWORD.to_owned(),
        };
        let front = http::Front {
            mounts: mounts.collect(),
            allowed_origins: settings.server.allowed_origins.0.clone(),
            demo: demo.then(people),
            cache: Arc::clone(&self.cache),
            storage: self.services.db.storage(),
            open,
        };
        let mut doors = http::router(&self.gateway, front).merge(rest::router(&self.gateway, open));
        if let (Some(service), Some(catalog)) = (&self.order_service, &self.catalog) {
            doors = doors.merge(service.catalog_routes(Arc::clone(catalog)));
        }
        http::guarded(&self.gateway, doors)
    }

    /// Finishes queued writes and closes the database.
    ///
    /// # Errors
    /// When the database cannot be closed.
    pub async fn close(self) -> contract::Result<()> {
        self.services.db.close().await
    }
}

fn into_ended(sessions: Vec<accounts::EndedSession>) -> Vec<EndedSession> {
    let ended = |accounts::EndedSession { user, session, at_us }| EndedSession {
        user,
        session: Some(session),
        at_us,
    };
    sessions.into_iter().map(ended).collect()
}

/// Opens the database of the folder and brings its tables up to date.
async fn open_database(settings: &Settings, folder: &DataFolder) -> Result<Db, OpenError> {
    let db = connect(settings, folder).await?;
    db.migrate(async |connection| {
        Migrator::up(connection, None).await?;
        let missing = migrations::missing(connection).await?;
        match missing.is_empty() {
            true => Ok(()),
            false => Err(DbErr::Migration(format!(
                "the database has no {}, which its migrations made: restore it from a backup",
                missing.join(", ")
            ))),
        }
    })
    .await?;
    Ok(db)
}

/// Opens the database of the folder as it is. Only who holds the folder's [`lock`] may.
///
/// # Errors
/// When it cannot be opened.
pub async fn connect(settings: &Settings, folder: &DataFolder) -> Result<Db, OpenError> {
    // Made before SQLite does: its log and its index take over the mode, also in a folder that others may enter.
    private_file(&folder.database())?;
    let bounds = &settings.database;
    let options = DbOptions {
        path: folder.database(),
        readers: bounds.readers,
        queue: bounds.write_queue_max,
        queue_wait: Duration::from_millis(bounds.write_queue_wait_ms_max),
        group: bounds.write_group_max,
        group_time: Duration::from_millis(bounds.write_group_ms_max),
        write_time: Duration::from_millis(bounds.write_ms_max),
        check_time: Duration::from_millis(bounds.check_ms_max),
        accept_data_loss: bounds.accept_data_loss,
    };
    Ok(Db::open(options).await?)
}

async fn open_gateway(
    settings: &Settings,
    services: &Services,
    cache: &Arc<AnswerCache>,
) -> Result<Gateway, OpenError> {
    let limits = Arc::new(settings.limits.clone());
    let graph = Supergraph::with_cache(
        domains::SUPERGRAPH_SDL,
        domains::open_all(services, settings),
        Arc::clone(&limits),
        Arc::clone(cache),
    )?;
    let auth = Authenticator::new(Arc::clone(&services.keys), Arc::clone(&services.clock));
    let folder = DataFolder::at(&settings.server.data);
    let auth = Arc::new(auth.with_credentials(folder.credentials()));
    let (ended_of, access_us) = (
        services.clone(),
        i64::from(settings.accounts.access_seconds) * 1_000_000,
    );
    auth.listen(&*services.bus, move || {
        let services = ended_of.clone();
        async move {
            accounts::ended_sessions(&services.db, services.clock.now_us() - access_us)
                .await
                .map(into_ended)
        }
    })
    .await?;
    let gateway = Gateway::new(Arc::new(graph), auth, Arc::clone(&services.clock), limits);
    Ok(gateway.behind(&settings.server.trusted_proxies.0))
}

/// Takes the folder for this process, and makes it when there is none.
///
/// # Errors
/// When another process holds it, or it cannot be made.
pub fn lock(folder: &DataFolder) -> Result<File, OpenError> {
    // What people did and what signs their tokens is nobody else's to read.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder.path())
        .map_err(|error| failed(folder.path(), error))?;
    let path = folder.lock();
    let file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(failed(
            folder.path(),
            io::Error::other("another agora is using this folder"),
        )),
        Err(fs::TryLockError::Error(error)) => Err(failed(&path, error)),
    }
}

fn private_file(path: &std::path::Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path).map_err(|error| failed(path, error))
}

fn failed(path: &std::path::Path, error: io::Error) -> OpenError {
    let error = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            io::Error::other(format!("{error}; agora must be able to write here"))
        }
        _ => error,
    };
    OpenError::Folder {
        path: path.display().to_string(),
        error,
    }
}
