//! `agora order-replica`: one replica of the order service, as a process.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use contract::{Clock, ErrorCode, SystemClock};
use order_log::{ClientAccess, Credentials, Dependencies, HttpCatalog, NodeConfig, Replica, ReplicaId, SetupError};
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{credential, file_error};
use crate::config::{ConfigError, LogFormat, ReplicaFlags, ReplicaUrl, Settings, http_url, replica_id, urls_by_id};
use crate::http::{ListenerErrorFormat, with_middleware_within, with_unlimited_middleware};
use crate::listen::{ReservedAddress, ServeError, StopSignals};
use crate::rest::{self, RestError};
use crate::rest_access::{AnonymousAccess, RestAccess, is_for_another_site};
use crate::server::{self, Permits};

/// The command-line arguments of a replica.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplicaArgs {
    /// The replica's id: a number from 1 that no other replica has or ever had.
    #[arg(long, value_name = "N", value_parser = replica_id)]
    id: ReplicaId,
    /// The address at which the others reach each replica, including this one. Once for each replica, or several with commas.
    #[arg(long = "peer", value_name = "ID=URL", value_delimiter = ',')]
    peers: Vec<ReplicaUrl>,
    /// The address of the catalog, which is the server in front of the replicas.
    #[arg(long, value_name = "URL", value_parser = http_url)]
    catalog: String,
    /// Waits to be added to running replicas (`agora order-members add`), instead of being one of the first members.
    #[arg(long)]
    joins: bool,
    /// Ends when its standard input ends, so that a replica does not outlive the process that started it.
    #[arg(long)]
    ends_with_input: bool,
    #[command(flatten)]
    flags: ProcessFlags,
}

/// The settings of a replica as flags.
#[derive(Clone, Debug, clap::Args, Serialize)]
struct ProcessFlags {
    /// A TOML file, from which a replica reads `[server]`, `[orders]`, `[replicas]` and `[limits]`.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    #[command(flatten)]
    server: ServerPart,
    #[command(flatten)]
    orders: CredentialPart,
    #[command(flatten)]
    replicas: ReplicaFlags,
    #[command(flatten)]
    limits: LimitsPart,
}

/// The server settings that a replica uses.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Server")]
struct ServerPart {
    /// The address where the replica answers clients and the other replicas.
    #[arg(long, value_name = "SocketAddr")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// The folder of the replica's file, on persistent storage: a replica that lost its file can never return under its id.
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// Access to the documented routes: `open` serves every caller, `token` requires the credential. `auto` is `open` on loopback
    /// addresses, for callers that use a loopback name and no proxy, and `token` elsewhere.
    #[arg(long, value_name = "RestAccess")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rest_access: Option<RestAccess>,
    /// The log's `tracing` filters.
    #[arg(long, value_name = "String")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    /// The format of the log.
    #[arg(long, value_name = "LogFormat")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<LogFormat>,
    /// Milliseconds that open requests have to finish after SIGTERM.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_ms_max: Option<u64>,
}

/// The credential, which every process of the order service needs.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Order service")]
pub(super) struct CredentialPart {
    /// A file (mode 0600) with the secret that all replicas and the server in front of them share, at least 32 characters.
    #[arg(long = "credential", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    order_credential: Option<PathBuf>,
}

/// The limits that a replica uses.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Limits")]
struct LimitsPart {
    /// Requests that are being answered, except those of other replicas; one more is answered 503.
    #[arg(long, value_name = "usize")]
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_max: Option<usize>,
    /// Bytes of the content of all large requests that are being answered; one more is answered 503.
    #[arg(long, value_name = "usize")]
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_bytes_max: Option<usize>,
    /// Connections of this process; one more closes the one that waited longest for its client.
    #[arg(long, value_name = "usize")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connections_max: Option<usize>,
    /// Connections of one client address other than this machine.
    #[arg(long, value_name = "usize")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connections_per_address_max: Option<usize>,
    /// Milliseconds for the head of a request to arrive, from its first byte.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    head_ms_max: Option<u64>,
    /// Milliseconds that a connection stays open without a request.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_ms_max: Option<u64>,
    /// Milliseconds for a request body to arrive.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    body_ms_max: Option<u64>,
    /// Milliseconds for which a request body may arrive more slowly than `body_bytes_per_second_min`.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    body_grace_ms: Option<u64>,
    /// The lowest rate at which a request body may arrive, in bytes per second.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes_per_second_min: Option<u64>,
    /// Request bodies that are being received; one more makes the server refuse the one that waited longest.
    #[arg(long, value_name = "usize")]
    #[serde(skip_serializing_if = "Option::is_none")]
    bodies_max: Option<usize>,
    /// Bytes of all request bodies that are being received. Beyond it, the server refuses the one that waited longest.
    #[arg(long, value_name = "usize")]
    #[serde(skip_serializing_if = "Option::is_none")]
    bodies_bytes_max: Option<usize>,
    /// Milliseconds that a client may leave an answer unread; then its connection is closed.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    unread_ms_max: Option<u64>,
    /// Bytes of a request body, except the bodies of other replicas.
    #[arg(long, value_name = "usize")]
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes_max: Option<usize>,
    /// Milliseconds that a request body may take to arrive.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    request_ms_max: Option<u64>,
    /// Orders that one answer of `/sync` holds.
    #[arg(long, value_name = "usize")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rest_rows_max: Option<usize>,
}

/// The reason why a replica ended without a stop signal.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The replica cannot be opened.
    #[error(transparent)]
    Open(#[from] SetupError),
    /// Its file failed, so its answers would not be reliable.
    #[error("replica {0} has stopped; the log above has the reason")]
    Stopped(ReplicaId),
    /// The others know another file of this replica, or more progress of this file.
    #[error("replica {0} is not admitted: {1}")]
    NotAdmitted(ReplicaId, String),
    /// It cannot listen or serve.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A file or a folder cannot be used.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The exit status of a replica that the others refuse: a restart does not help.
pub const NOT_ADMITTED: u8 = 3;

impl ReplicaError {
    /// The exit status of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotAdmitted(..) => NOT_ADMITTED,
            _ => 1,
        }
    }
}

impl ReplicaArgs {
    /// The settings of the process.
    ///
    /// # Errors
    /// The setting that cannot be used, and the reason.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        Settings::read_from(Settings::order_replica(), self.flags.config.as_deref(), &self.flags)
    }

    fn node_config(&self, folder: &Path) -> Result<NodeConfig, ConfigError> {
        let urls = urls_by_id(self.peers.clone()).map_err(|why| ConfigError::new("peer", why))?;
        // The first replicas write the members into their logs, so all of them need the same list.
        if !self.joins && !urls.contains_key(&self.id) {
            let why = format!("has to say where replica {} itself is, as the others reach it", self.id);
            return Err(ConfigError::new("peer", why));
        }
        Ok(NodeConfig {
            id: self.id,
            folder: folder.to_owned(),
            urls,
            joins: self.joins,
        })
    }
}

/// Runs the replica until SIGTERM or SIGINT, then lets open requests finish within their timeout.
///
/// # Errors
/// When it cannot be opened, cannot listen, or its file fails.
pub async fn run(args: &ReplicaArgs, settings: &Settings) -> Result<(), ReplicaError> {
    let node_config = args.node_config(&settings.server.data)?;
    let credentials = shared_secret(settings)?;
    let log_settings = settings.order_log();
    let catalog = HttpCatalog::new(&args.catalog, Arc::clone(&credentials), log_settings.clone())?;
    let reserved = ReservedAddress::reserve("server.listen", settings.server.listen)?;
    let address = reserved.address;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&node_config.folder)?;
    let dependencies = Dependencies {
        credentials,
        catalog: Arc::new(catalog),
        now_us: Arc::new(|| SystemClock.now_us()),
    };
    let mut stop_signals = StopSignals::install();
    let replica = Replica::open(node_config, log_settings, dependencies).await?;
    let open = settings.server.rest_access.anonymous_access(address);
    if open == AnonymousAccess::Anyone && !address.ip().is_loopback() {
        tracing::warn!(%address, "the documented routes are open to every caller on this address");
    }
    let listener = reserved.listen()?;
    let shutdown = CancellationToken::new();
    let permits = Permits::new(&Arc::new(settings.limits.clone()));
    let error_format = ListenerErrorFormat::Mount(rest::order_service_envelope());
    let routes = routes(&replica, open, &shutdown);
    let router = RoutesByCaller {
        clients: with_middleware_within(&permits, error_format, routes),
        // The routes between replicas need the credential with any access.
        peers: with_unlimited_middleware(&permits, error_format, replica.routes(ClientAccess::Token)),
    };
    let router = Router::new().fallback(answer_caller).with_state(router);
    tracing::info!(id = replica.id(), %address, "the replica listens");
    let served = server::serve(listener, router, &permits, shutdown.clone());
    let parent = parent_ended(args.ends_with_input);
    tokio::pin!(served, parent);
    let mut outcome = Ok(());
    let announced = async {
        replica.ready().await;
        tracing::info!(id = replica.id(), %address, "the replica is ready");
        if settings.server.log_format == LogFormat::Text {
            // A closed standard output is no reason to stop serving.
            let _ = writeln!(
                std::io::stdout(),
                "Order replica {} is ready at http://{address}",
                replica.id()
            );
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = &mut served => {}
        () = replica.stopped() => outcome = Err(match replica.refusal_reason() {
            Some(why) => ReplicaError::NotAdmitted(replica.id(), why),
            None => ReplicaError::Stopped(replica.id()),
        }),
        () = stop_signals.next() => {}
        () = &mut parent => tracing::info!(id = replica.id(), "the parent process has ended"),
        () = announced => {}
    }
    tracing::info!(id = replica.id(), "stopping: no new requests");
    shutdown.cancel();
    let time = Duration::from_millis(settings.server.shutdown_ms_max);
    if tokio::time::timeout(time, &mut served).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    if tokio::time::timeout(time, replica.close()).await.is_err() {
        tracing::warn!("the replica did not end in time; its file is intact");
    }
    outcome
}

/// Reads the secret from the file that the settings name.
///
/// # Errors
/// When none is named, or it cannot be used.
pub(super) fn shared_secret(settings: &Settings) -> Result<Arc<dyn Credentials>, ConfigError> {
    let path = &settings.orders.order_credential;
    if path.as_os_str().is_empty() {
        let why = "is needed: a file with the secret that all replicas and the server in front of them share";
        return Err(ConfigError::new("orders.order_credential", why));
    }
    let secret = credential::read(path);
    let secret = secret.map_err(|error| ConfigError::new("orders.order_credential", file_error(path, &error)))?;
    Ok(Arc::new(secret))
}

/// Returns when standard input ends, if `is_watched`; otherwise never.
async fn parent_ended(is_watched: bool) {
    if !is_watched {
        return std::future::pending().await;
    }
    let (ended, end) = tokio::sync::oneshot::channel();
    // The thread stays behind at the end: a blocking read of standard input cannot be interrupted.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}

/// The replica's routes within the limits, for clients, and without them, for the other replicas.
#[derive(Clone)]
struct RoutesByCaller {
    clients: Router,
    peers: Router,
}

async fn answer_caller(State(routes): State<RoutesByCaller>, request: Request) -> Response {
    let is_peer = request.uri().path().starts_with("/raft/");
    let router = if is_peer { routes.peers } else { routes.clients };
    let answered = router.oneshot(request).await;
    answered.unwrap_or_else(|never| match never {})
}

/// The replica's routes with and without anonymous access, and the rule that chooses between them.
#[derive(Clone)]
struct RoutesByAccess {
    anonymous_access: AnonymousAccess,
    open: Router,
    closed: Router,
}

fn routes(replica: &Replica, anonymous_access: AnonymousAccess, shutdown: &CancellationToken) -> Router {
    let routes = RoutesByAccess {
        anonymous_access,
        open: replica.routes(ClientAccess::Open),
        closed: replica.routes(ClientAccess::Token),
    };
    let health = get(health).with_state((replica.clone(), shutdown.clone()));
    Router::new()
        .route("/health", health)
        .fallback(answer)
        .with_state(routes)
}

/// `GET /health`: 200 from when the replica has caught up until it stops.
async fn health(State((replica, shutdown)): State<(Replica, CancellationToken)>) -> Response {
    let (status, word) = match (shutdown.is_cancelled(), replica.is_ready()) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "catching up"),
        (false, true) => (StatusCode::OK, "ok"),
    };
    let body = Json(json!({ "status": word }));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}

async fn answer(State(routes): State<RoutesByAccess>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let open = routes.anonymous_access.is_open_to(&parts);
    let reads = [Method::GET, Method::HEAD].contains(&parts.method);
    if open && !reads && is_for_another_site(&parts) {
        let refusal = RestError::new(ErrorCode::Forbidden, "another site may not do this");
        return refusal.response(rest::order_service_envelope());
    }
    let router = if open { routes.open } else { routes.closed };
    let answered = router.oneshot(Request::from_parts(parts, body)).await;
    answered.unwrap_or_else(|never| match never {}).map(Body::new)
}

/// The command line of a process that runs replica `id` with these settings, except for its address, data folder and
/// credential.
pub(super) fn arguments(
    id: ReplicaId,
    urls: &BTreeMap<ReplicaId, String>,
    catalog: &str,
    settings: &Settings,
) -> Vec<String> {
    let mut arguments = vec!["order-replica".to_owned(), "--ends-with-input".to_owned()];
    let mut add = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
    add("id", id.to_string());
    for (id, url) in urls {
        add("peer", format!("{id}={url}"));
    }
    add("catalog", catalog.to_owned());
    let all = settings.by_name();
    let replicas = serde_json::to_value(&settings.replicas).expect("settings are plain values");
    let bounds = replicas.as_object().into_iter().flat_map(|bounds| bounds.keys());
    const SHARED: [&str; 19] = [
        "rest_access",
        "log",
        "log_format",
        "shutdown_ms_max",
        "requests_max",
        "requests_bytes_max",
        "connections_max",
        "connections_per_address_max",
        "head_ms_max",
        "idle_ms_max",
        "body_ms_max",
        "body_grace_ms",
        "body_bytes_per_second_min",
        "bodies_max",
        "bodies_bytes_max",
        "unread_ms_max",
        "body_bytes_max",
        "request_ms_max",
        "rest_rows_max",
    ];
    for name in bounds.map(String::as_str).chain(SHARED) {
        if let Some(value) = all.get(name) {
            add(&name.replace('_', "-"), value.clone());
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        args: ReplicaArgs,
    }

    #[test]
    fn a_replica_accepts_all_arguments_of_its_server() {
        let mut settings = Settings::default();
        settings.limits.requests_bytes_max = 12_345;
        settings.replicas.order_waiting_max = 7;
        let urls = BTreeMap::from([(1, "http://127.0.0.1:4100".to_owned())]);
        let arguments = arguments(1, &urls, "http://127.0.0.1:4000", &settings);
        let taken = CommandLine::try_parse_from(arguments).unwrap().args.settings().unwrap();
        assert_eq!(taken.limits.requests_bytes_max, 12_345);
        assert_eq!(taken.replicas.order_waiting_max, 7);
    }
}
