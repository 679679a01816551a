//! The embedded Agora: everything in one process, over one data folder.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Arc;
use std::time::Duration;

use contract::{Bus, Clock, DatabaseError, Db, DbOptions, InProcessBus, OrderLog, Services, TokenKeys};
use migrations::{Migrator, MigratorTrait};
use sea_orm::DbErr;

use crate::auth::{Authenticator, SessionRevocation};
use crate::cache::ResponseCache;
use crate::config::{ConfigError, DataFolder, Settings};
use crate::documents::{Documents, ManifestError};
use crate::gateway::Gateway;
use crate::http::{ListenerErrorFormat, ServedSchema, with_unlimited_middleware};
use crate::invalidating_bus::InvalidatingBus;
use crate::ledger_check::LedgerCheck;
use crate::metrics::{Collector, Sources};
use crate::order_service::{OrderService, ReplicaCommandBuilder, ReplicaProcesses, replica_upstreams};
use crate::readiness::Readiness;
use crate::rest::MountServices;
use crate::rest_access::AnonymousAccess;
use crate::sharing_reads::SharingReads;
use crate::subgraph::Subgraph;
use crate::supergraph::{ReloadableSupergraph, Supergraph, SupergraphError};
use crate::traces::Traces;
use crate::{demo, domains};
use crate::{http, metrics, rest};

/// The embedded Agora: opened and migrated, but not listening yet.
pub struct App {
    /// The services that the domains use.
    pub services: Services,
    /// The state that the listeners' routers share.
    pub gateway: Gateway,
    /// The REST mounts with their services.
    pub mounts: MountServices,
    /// The cache of responses that are the same for every caller.
    pub cache: Arc<ResponseCache>,
    /// The graph, for its figures.
    graph: Supergraph,
    /// The subgraphs, by name.
    subgraphs: HashMap<String, Arc<dyn Subgraph>>,
    /// The checks of `GET /ready`.
    pub readiness: Readiness,
    /// The check that the tables add up, for the task that repeats it.
    pub ledger_check: LedgerCheck,
    /// The traces, if a collector receives any.
    pub traces: Option<Arc<Traces>>,
    /// The replicas of the order service; `None` if the trades are a table of the database.
    pub order_service: Option<OrderService>,
    /// The catalog of the shares that replicas trade.
    pub catalog: Option<Arc<dyn order_log::Catalog>>,
    /// Locks the folder while it is in use, because the database may have only one writer.
    _lock: File,
}

/// An error that prevents Agora from opening.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder cannot be used.
    #[error("{path}: {error}")]
    Folder {
        /// The path that cannot be used.
        path: String,
        /// The reason.
        error: io::Error,
    },
    /// The database cannot be opened or migrated.
    #[error("database: {}", .0.details())]
    Database(#[from] contract::Error),
    /// The supergraph that is built into this program is invalid.
    #[error("supergraph: {0}")]
    Supergraph(#[from] SupergraphError),
    /// The trusted documents cannot be used.
    #[error(transparent)]
    Documents(#[from] ManifestError),
    /// The settings of the order service's replicas are invalid.
    #[error(transparent)]
    Orders(#[from] ConfigError),
}

impl From<DatabaseError> for OpenError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error.into())
    }
}

impl App {
    /// Opens the data folder of `settings`, migrates its tables and connects the domains.
    ///
    /// # Errors
    /// When the folder is in use or cannot be used, or the database cannot be opened.
    pub async fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let folder = DataFolder::new(&settings.server.data);
        let was_used = folder.lock().exists();
        let lock = lock(&folder)?;
        if was_used && !folder.database().exists() {
            tracing::warn!(
                folder = %folder.path().display(),
                "the folder was used before, but has no database: an empty one is created"
            );
        }
        let order_service = OrderService::open(settings, &folder)?;
        let has_keys = folder.keys().exists();
        let keys = TokenKeys::load_or_create(&folder.keys()).map_err(|error| folder_error(&folder.keys(), error))?;
        let cache = Arc::new(ResponseCache::new(&settings.limits));
        let bus = Arc::new(InProcessBus::new(settings.database.event_queue_max));
        let bus: Arc<dyn Bus> = Arc::new(InvalidatingBus::new(bus, Arc::clone(&cache)));
        let db = open_database(settings, &folder, Arc::clone(&bus)).await?;
        if !has_keys && accounts::has_sessions(&db).await? {
            tracing::warn!(
                file = %folder.keys().display(),
                "the file of the keys was missing and is created anew: no token that was issued before is accepted, and \
                 every user has to sign in again"
            );
        }
        let order_log: Arc<dyn OrderLog> = match &order_service {
            Some(service) => Arc::new(replicated_exchange::ReplicatedLog::new(service.front_end.clone())),
            None => Arc::new(exchange::table_log(&db).await?),
        };
        let services = Services {
            db,
            clock,
            bus,
            order_log,
            keys: Arc::new(keys),
            expiry: Arc::default(),
            shared_reads: Arc::default(),
        };
        let subgraphs = domains::open_all(&services, settings);
        let graph = Supergraph::with_cache(
            domains::SUPERGRAPH_SDL,
            &contract::SCALARS,
            subgraphs.clone(),
            Arc::new(settings.limits.clone()),
            Arc::clone(&cache),
        )?;
        let gateway = open_gateway(settings, &services, &graph).await?;
        let documents = Arc::new(Documents::open(&settings.documents)?);
        documents.require_valid(&*gateway.graph).await?;
        let gateway = gateway.with_documents(documents, settings.documents.batch_operations_max);
        let ledger_check = LedgerCheck::new(folder.table_files(), Arc::clone(&services.clock));
        let traces = Traces::start(&settings.telemetry)?;
        let gateway = gateway
            .with_traces(traces.clone())
            .with_exposed_traces(settings.telemetry.expose_traces);
        let mut mounts = MountServices::over_graph(rest::mounts());
        if let Some(service) = &order_service {
            mounts = mounts.with_order_replicas(replica_upstreams(&service.front_end));
        }
        let catalog = order_service.as_ref().map(|_| {
            let catalog: Arc<dyn order_log::Catalog> =
                Arc::new(replicated_exchange::StockCatalog::new(services.clone()));
            catalog
        });
        let readiness = Readiness::new(
            &services,
            order_service.as_ref().map(|service| service.front_end.clone()),
            &gateway,
            Duration::from_millis(settings.server.ready_ms_max),
        );
        Ok(Self {
            services,
            gateway,
            graph,
            subgraphs,
            readiness,
            ledger_check,
            traces,
            mounts,
            cache,
            order_service,
            catalog,
            _lock: lock,
        })
    }

    /// Starts the replicas of the order service that belong to this process. Returns `None` if there are none.
    ///
    /// # Errors
    /// When the catalog for the replicas cannot be served.
    pub async fn start_replicas(
        &self,
        settings: &Settings,
        command_builder: &ReplicaCommandBuilder,
    ) -> io::Result<Option<ReplicaProcesses>> {
        match (&self.order_service, &self.catalog) {
            (Some(service), Some(catalog)) => service.start(settings, Arc::clone(catalog), command_builder).await,
            _ => Ok(None),
        }
    }

    /// Returns the reader of the metrics.
    pub fn metrics(&self) -> Collector {
        Collector::new(Sources {
            gateway: self.gateway.clone(),
            graph: ReloadableSupergraph::new(self.graph.clone()),
            reloads: None,
            cache: Arc::clone(&self.cache),
            clock: Arc::clone(&self.services.clock),
            services: Some(self.services.clone()),
            order_replicas: self.order_service.as_ref().map(|service| service.front_end.clone()),
            readiness: self.readiness.clone(),
            ledger_check: Some(self.ledger_check.clone()),
            traces: self.traces.clone(),
        })
    }

    /// Builds the router of an address that has nothing but the metrics.
    pub fn metrics_router(&self) -> axum::Router {
        let format = ListenerErrorFormat::ByPath(rest::envelope_at);
        with_unlimited_middleware(&self.gateway.permits, format, metrics::router(&self.metrics()))
    }

    /// Builds the router of the main address: the graph, its pages, and every REST mount.
    ///
    /// `access` decides which callers may use REST routes without authentication. With `demo`, GraphiQL offers to
    /// sign in as one of the demo's users.
    pub fn router(&self, settings: &Settings, access: AnonymousAccess, demo: bool) -> axum::Router {
        let demo_users = || http::DemoUsers {
            people: demo::PEOPLE.iter().map(|name| (*name).to_owned()).collect(),
            password: demo::PASSWORD.to_owned(),
        };
        let front = http::FrontConfig {
            mounts: rest::mount_links(),
            schema: settings
                .limits
                .introspection
                .then(|| ServedSchema::new(domains::PUBLIC_SDL)),
            allowed_origins: settings.server.allowed_origins.0.clone(),
            demo: demo.then(demo_users),
            cache: Arc::clone(&self.cache),
            storage: self.services.db.storage(),
            anonymous_access: access,
            readiness: Some(self.readiness.clone()),
            metrics: settings.telemetry.metrics_listen.0.is_none().then(|| self.metrics()),
            ..http::FrontConfig::default()
        };
        let routes = http::router(&self.gateway, front).merge(self.mounts.router(&self.gateway, access));
        let routes = http::with_cors(&settings.server.allowed_origins.0, routes);
        let routes = http::with_middleware(&self.gateway, rest::envelope_at, routes);
        match (&self.order_service, &self.catalog) {
            (Some(service), Some(catalog)) => {
                let catalog_routes = service.catalog_routes(Arc::clone(catalog));
                let format = ListenerErrorFormat::ByPath(rest::envelope_at);
                routes.merge(with_unlimited_middleware(&self.gateway.permits, format, catalog_routes))
            }
            _ => routes,
        }
    }

    /// Builds the router of a process that serves these subgraphs, each at `/NAME/graphql`, to routers with this installation's keys.
    /// Skips names that no subgraph has.
    pub fn subgraph_router(&self, settings: &Settings, access: AnonymousAccess, names: &[String]) -> axum::Router {
        let front = http::FrontConfig {
            storage: self.services.db.storage(),
            anonymous_access: access,
            readiness: Some(self.readiness.clone()),
            metrics: settings.telemetry.metrics_listen.0.is_none().then(|| self.metrics()),
            ..http::FrontConfig::default()
        };
        let subgraphs = names.iter().filter_map(|name| {
            let subgraph = SharingReads(Arc::clone(self.subgraphs.get(name)?));
            let auth = self.gateway.auth.for_subgraph(name, Arc::clone(&self.services.keys));
            let gateway = self.gateway.with_graph(Arc::new(subgraph)).with_auth(Arc::new(auth));
            // A router sends whole documents.
            let gateway = gateway.with_documents(Arc::default(), 0);
            Some((name.as_str(), gateway))
        });
        let routes = http::subgraph_router(&self.gateway, front, subgraphs);
        http::with_middleware(&self.gateway, |_| None, routes)
    }

    /// Finishes queued writes and closes the database.
    ///
    /// # Errors
    /// When the database cannot be closed.
    pub async fn close(self) -> contract::Result<()> {
        if let Err(error) = self.services.order_log.flush(&self.services).await {
            tracing::warn!(
                error = error.details(),
                "numbers of trades are not written yet; the next start asks the order replicas for them"
            );
        }
        if let Some(traces) = &self.traces {
            traces.stop().await;
        }
        Ok(self.services.db.close().await?)
    }
}

fn to_revocations(sessions: Vec<accounts::SessionEnd>) -> Vec<SessionRevocation> {
    let revocation = |accounts::SessionEnd { user, session, at_us }| SessionRevocation {
        user,
        session: Some(session),
        at_us,
    };
    sessions.into_iter().map(revocation).collect()
}

/// Opens the database of the folder and migrates its tables.
async fn open_database(settings: &Settings, folder: &DataFolder, bus: Arc<dyn Bus>) -> Result<Db, OpenError> {
    let db = connect(settings, folder, bus).await?;
    db.migrate(async |connection| {
        Migrator::up(connection, None).await?;
        let missing = migrations::missing_objects(connection).await?;
        if missing.is_empty() {
            Ok(())
        } else {
            Err(DbErr::Migration(format!(
                "the database has no {}, which its migrations made: restore it from a backup",
                missing.join(", ")
            )))
        }
    })
    .await?;
    Ok(db)
}

/// Opens the database of the folder without migrating it; its events go to `bus`. The caller must hold the folder's
/// [`lock`].
///
/// # Errors
/// When the database cannot be opened.
pub async fn connect(settings: &Settings, folder: &DataFolder, bus: Arc<dyn Bus>) -> Result<Db, OpenError> {
    // Created before SQLite opens it: the write-ahead log and its index inherit the file's mode, so they stay
    // private even in a folder that others may enter.
    private_file(&folder.database())?;
    let bounds = &settings.database;
    let options = DbOptions {
        path: folder.database(),
        // With one for each thread, no read waits while the statements of other requests share transactions.
        readers: bounds.readers.max(request_threads()),
        inline_read_time: Duration::from_micros(bounds.read_inline_us_max),
        slow_readers: bounds.slow_readers,
        read_time: Duration::from_millis(bounds.read_ms_max),
        queue: bounds.write_queue_max,
        queue_wait: Duration::from_millis(bounds.write_queue_wait_ms_max),
        group: bounds.write_group_max,
        group_time: Duration::from_millis(bounds.write_group_ms_max),
        write_time: Duration::from_millis(bounds.write_ms_max),
        check_time: Duration::from_millis(bounds.check_ms_max),
        accept_data_loss: bounds.accept_data_loss,
    };
    Ok(Db::open(options, bus).await?)
}

/// Returns the number of threads that run requests by default: one of each priority for each processor.
fn request_threads() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(2 * processors).unwrap_or(u32::MAX)
}

async fn open_gateway(settings: &Settings, services: &Services, graph: &Supergraph) -> Result<Gateway, OpenError> {
    let limits = Arc::new(settings.limits.clone());
    let auth = Authenticator::new(
        Arc::clone(&services.keys),
        Arc::clone(&services.clock),
        limits.verified_tokens_max,
    );
    let folder = DataFolder::new(&settings.server.data);
    let auth = Arc::new(auth.with_credentials(folder.credentials()));
    let (auth_services, access_us) = (
        services.clone(),
        i64::from(settings.accounts.access_seconds) * 1_000_000,
    );
    auth.watch_ended_sessions(&*services.bus, move || {
        let services = auth_services.clone();
        async move {
            accounts::ended_sessions(&services.db, services.clock.now_us() - access_us)
                .await
                .map(to_revocations)
        }
    })
    .await?;
    let sharing = Arc::new(SharingReads(Arc::new(graph.clone())));
    let gateway = Gateway::new(sharing, auth, Arc::clone(&services.clock), limits);
    let gateway = gateway.with_long_operations(graph.long_operations());
    Ok(gateway.with_trusted_proxies(&settings.server.trusted_proxies.0))
}

/// Locks the folder for this process, and creates it if it does not exist.
///
/// # Errors
/// When another process holds the lock, or the folder cannot be created.
pub fn lock(folder: &DataFolder) -> Result<File, OpenError> {
    // Only the owner may read the users' data and the signing keys.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder.path())
        .map_err(|error| folder_error(folder.path(), error))?;
    let path = folder.lock();
    let file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(folder_error(
            folder.path(),
            io::Error::other("another agora is using this folder"),
        )),
        Err(fs::TryLockError::Error(error)) => Err(folder_error(&path, error)),
    }
}

fn private_file(path: &std::path::Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path).map_err(|error| folder_error(path, error))
}

fn folder_error(path: &std::path::Path, error: io::Error) -> OpenError {
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
