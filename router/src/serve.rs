//! Serves the main address and the mounts with ports of their own, and shuts down cleanly on SIGTERM.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use futures_util::future::{FutureExt, join, join_all};
use sd_notify::NotifyState;
use sea_orm::ConnectionTrait;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::config::{LogFormat, RestListener, ServerSettings, Settings};
use crate::gateway::Gateway;
use crate::listen::{ReservedAddress, ServeError, StopSignals};
use crate::order_service::ReplicaProcesses;
use crate::remote_app::RemoteApp;
use crate::rest::MountServices;
use crate::rest_access::AnonymousAccess;
use crate::workers::Workers;
use crate::{http, rest, server};

/// The addresses of a server: they belong to this process, which does not listen on them yet.
pub struct Addresses {
    main: ReservedAddress,
    /// Those of mounts.
    extra: Vec<(RestListener, ReservedAddress)>,
    /// That of the metrics, if they have one of their own.
    metrics: Option<ReservedAddress>,
}

impl Addresses {
    /// Reserves the addresses of the settings. Nothing else has been opened yet, so a refusal leaves no trace.
    ///
    /// # Errors
    /// Every address that is taken, and every mount that does not exist.
    pub fn reserve(settings: &Settings) -> Result<Self, Vec<ServeError>> {
        let server = &settings.server;
        let mut problems = Vec::new();
        let main = ReservedAddress::reserve("server.listen", server.listen);
        let main = main.map_err(|error| problems.push(error)).ok();
        let replicas = settings.orders.order_replicas.ids();
        let mut extra = Vec::new();
        for listener in &server.rest_listen.0 {
            if let Err(why) = rest::require_service(&listener.mount, listener.service.as_deref(), &replicas) {
                problems.push(ServeError::NoMount(why));
            }
            match ReservedAddress::reserve("server.rest_listen", listener.address) {
                Ok(reserved) => extra.push((listener.clone(), reserved)),
                Err(error) => problems.push(error),
            }
        }
        let metrics = settings.telemetry.metrics_listen.0.and_then(|address| {
            let reserved = ReservedAddress::reserve("telemetry.metrics_listen", address);
            reserved.map_err(|error| problems.push(error)).ok()
        });
        match main {
            Some(main) if problems.is_empty() => Ok(Self { main, extra, metrics }),
            _ => Err(problems),
        }
    }
}

/// Refuses a data folder whose users have the demo's password, where other machines could sign in with it.
///
/// # Errors
/// The address, and the users.
pub async fn require_no_public_password(settings: &Settings, db: &impl ConnectionTrait) -> Result<(), ServeError> {
    let Some((setting, address)) = settings.first_public_address() else {
        return Ok(());
    };
    let people = accounts::demo::with_public_password(db).await?;
    if people.is_empty() {
        return Ok(());
    }
    Err(ServeError::PublicPassword {
        setting,
        address,
        people,
    })
}

/// The content of the main address.
#[derive(Clone, Debug)]
pub enum Front {
    /// The graph, its pages and every REST mount.
    Graph,
    /// The same, for the demo: its pages offer to sign in as its people.
    Demo,
    /// These subgraphs, for routers.
    Subgraphs(Vec<String>),
}

/// Serves until SIGTERM or SIGINT, then gives open requests time to finish, and stops `replicas` after them. A second signal ends the
/// process at once.
///
/// # Errors
/// When the server cannot listen on an address, other machines could sign in with the demo's password, or the database cannot be
/// closed.
pub async fn run(
    app: App,
    replicas: Option<ReplicaProcesses>,
    addresses: Addresses,
    settings: &Settings,
    front: &Front,
) -> Result<(), ServeError> {
    let demo = matches!(front, Front::Demo);
    if let Err(refusal) = require_no_public_password(settings, app.services.db.read()).await {
        if let Some(replicas) = replicas {
            replicas.stop().await;
        }
        app.close().await?;
        return Err(refusal);
    }
    let listeners = open_listeners(&app, addresses, settings, front)?;
    // Installed before the announcement: a process that reads it may send SIGTERM at once.
    let signals = StopSignals::install();
    if demo && settings.server.log_format == LogFormat::Text {
        print_addresses(&listeners);
    }
    announce(&listeners, Some(&settings.server.data));
    let gateway = app.gateway.clone();
    let workers = Workers::start(
        &app.services,
        &app.ledger_check,
        &settings.workers,
        &gateway.shutdown,
        demo,
    );
    let stop = stop(app, workers, replicas, &settings.server);
    serve_until_signal(&gateway, listeners, signals, &settings.server, stop).await
}

/// As [`run`], for a router over remote subgraphs.
///
/// # Errors
/// When the server cannot listen on an address.
pub async fn run_router(app: RemoteApp, addresses: Addresses, settings: &Settings) -> Result<(), ServeError> {
    let Addresses { main, extra, metrics } = addresses;
    let access = settings.server.rest_access.anonymous_access(main.address);
    let mut listeners = vec![Listener {
        name: GRAPH.to_owned(),
        address: main.address,
        tcp: main.listen()?,
        router: app.router(settings, access),
    }];
    if let Some(mounts) = &app.mounts {
        for (extra, reserved) in extra {
            listeners.push(Listener::of_mount(
                mounts,
                &app.gateway,
                &extra,
                reserved,
                &settings.server,
            )?);
        }
        warn_of_open_routes(&settings.server, access);
    }
    if let Some(reserved) = metrics {
        listeners.push(Listener::of_metrics(reserved, app.metrics_router())?);
    }
    let signals = StopSignals::install();
    app.start_reloads(settings);
    announce(&listeners, None);
    let gateway = app.gateway.clone();
    let stop = async {
        let time_max = Duration::from_millis(settings.server.shutdown_close_ms_max);
        stop_long_operations(&app.gateway, time_max).await;
        app.close().await;
        tracing::info!("stopped");
        Ok(())
    };
    serve_until_signal(&gateway, listeners, signals, &settings.server, stop).await
}

/// Serves these listeners until a signal, then gives open requests time to finish, and then runs `stop`.
async fn serve_until_signal(
    gateway: &Gateway,
    listeners: Vec<Listener>,
    mut signals: StopSignals,
    settings: &ServerSettings,
    stop: impl Future<Output = Result<(), ServeError>>,
) -> Result<(), ServeError> {
    let served = join_all(listeners.into_iter().map(|listener| {
        server::serve(
            listener.tcp,
            listener.router,
            &gateway.permits,
            gateway.shutdown.clone(),
        )
    }));
    // Shared, because the shutdown waits for its end too.
    let served = served.map(drop).shared();
    tokio::select! {
        () = served.clone() => {}
        () = signals.next() => {}
    }
    let ended = async {
        drain(gateway, settings, served).await;
        stop.await
    };
    tokio::select! {
        ended = ended => ended,
        () = signals.next() => {
            tracing::warn!("a second signal: ending at once, without an answer to open requests");
            // As after a kill, every acknowledged write is on the disk, and the replicas end with their input.
            std::process::exit(1);
        }
    }
}

/// Lets load balancers turn away, and then lets open requests and WebSockets end, within their times.
async fn drain(gateway: &Gateway, settings: &ServerSettings, served: impl Future<Output = ()> + Clone) {
    gateway.draining.cancel();
    tell_service_manager(NotifyState::Stopping);
    if settings.shutdown_delay_ms > 0 {
        tracing::info!(
            delay_ms = settings.shutdown_delay_ms,
            "draining: not ready for new clients"
        );
        // The listeners accept connections as long as they are polled.
        let delay = sleep(Duration::from_millis(settings.shutdown_delay_ms));
        tokio::select! { () = served.clone() => {} () = delay => {} }
    }
    tracing::info!("stopping: no new requests");
    gateway.shutdown.cancel();
    let time_max = Duration::from_millis(settings.shutdown_ms_max);
    if timeout(time_max, join(served, gateway.until_drained())).await.is_err() {
        tracing::warn!(
            ms_max = settings.shutdown_ms_max,
            "some requests did not finish in time"
        );
    }
}

/// Ends everything behind the requests: long operations that did not finish, the tasks, the replicas, and the database.
async fn stop(
    app: App,
    workers: Workers,
    replicas: Option<ReplicaProcesses>,
    settings: &ServerSettings,
) -> Result<(), ServeError> {
    let time_max = Duration::from_millis(settings.shutdown_close_ms_max);
    stop_long_operations(&app.gateway, time_max).await;
    if timeout(time_max, workers.join()).await.is_err() {
        tracing::warn!("some tasks did not end in time");
    }
    if let Some(replicas) = replicas {
        replicas.stop().await;
    }
    if let Ok(closed) = timeout(time_max, app.close()).await {
        closed?;
        tracing::info!("stopped");
    } else {
        tracing::warn!(
            ms_max = settings.shutdown_close_ms_max,
            "the database did not close in time; all acknowledged writes are in its files"
        );
    }
    Ok(())
}

async fn stop_long_operations(gateway: &Gateway, time_max: Duration) {
    let long_operations = gateway.long_operations.clone();
    let stopped = tokio::task::spawn_blocking(move || long_operations.stop(time_max));
    if let Err(error) = stopped.await {
        tracing::error!(%error, "the long operations did not stop");
    }
}

/// The name of the listener of the graph.
const GRAPH: &str = "graph";
/// The name of the listener of the metrics.
const METRICS: &str = "metrics";

/// One address and its router.
struct Listener {
    name: String,
    tcp: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Listener {
    /// The listener of a mount, or of one of its services, at an address of its own.
    fn of_mount(
        mounts: &MountServices,
        gateway: &Gateway,
        extra: &RestListener,
        reserved: ReservedAddress,
        settings: &ServerSettings,
    ) -> Result<Self, ServeError> {
        let address = reserved.address;
        let access = settings.rest_access.anonymous_access(address);
        let no_mount = || ServeError::NoMount(format!("there is no REST mount {extra}"));
        let router = mounts
            .router_of(gateway, access, &extra.mount, extra.service.as_deref())
            .ok_or_else(no_mount)?;
        let envelope = rest::envelope_of(&extra.mount).ok_or_else(no_mount)?;
        let router = http::with_cors(&settings.allowed_origins.0, router);
        Ok(Self {
            name: extra.to_string(),
            tcp: reserved.listen()?,
            address,
            router: http::with_mount_middleware(gateway, envelope, router),
        })
    }

    fn of_metrics(reserved: ReservedAddress, router: Router) -> Result<Self, ServeError> {
        Ok(Self {
            name: METRICS.to_owned(),
            address: reserved.address,
            tcp: reserved.listen()?,
            router,
        })
    }
}

fn open_listeners(
    app: &App,
    addresses: Addresses,
    settings: &Settings,
    front: &Front,
) -> Result<Vec<Listener>, ServeError> {
    let server = &settings.server;
    let Addresses { main, extra, metrics } = addresses;
    let address = main.address;
    let access = server.rest_access.anonymous_access(address);
    let (name, router) = match front {
        Front::Graph => (GRAPH, app.router(settings, access, false)),
        Front::Demo => (GRAPH, app.router(settings, access, true)),
        Front::Subgraphs(names) => ("subgraphs", app.subgraph_router(settings, access, names)),
    };
    let mut listeners = vec![Listener {
        name: name.to_owned(),
        router,
        tcp: main.listen()?,
        address,
    }];
    for (extra, reserved) in extra {
        listeners.push(Listener::of_mount(&app.mounts, &app.gateway, &extra, reserved, server)?);
    }
    if let Some(reserved) = metrics {
        listeners.push(Listener::of_metrics(reserved, app.metrics_router())?);
    }
    warn_of_open_routes(server, access);
    Ok(listeners)
}

fn warn_of_open_routes(settings: &ServerSettings, access: AnonymousAccess) {
    if access.is_open() && !settings.listen.ip().is_loopback() {
        tracing::warn!(address = %settings.listen, "REST routes without authentication are open to every caller on this address");
    }
}

/// Logs the addresses, and the data folder if there is one.
fn announce(listeners: &[Listener], data: Option<&Path>) {
    for Listener { name, address, .. } in listeners {
        tracing::info!(listener = name, url = format!("http://{address}"), "listening");
    }
    let addresses: Vec<_> = listeners.iter().map(|listener| listener.address.to_string()).collect();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        addresses = addresses.join(","),
        data = data.map(|data| tracing::field::display(absolute(data).display().to_string())),
        "ready"
    );
    tell_service_manager(NotifyState::Ready);
}

/// Tells systemd, if it has started this process and waits for it (`Type=notify` of the unit).
fn tell_service_manager(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager cannot be told about the state of the server");
    }
}

/// Returns the path as a process in another folder would write it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Prints the addresses to open on standard output, as the result of the command. The demo is for people; a program reads the log.
fn print_addresses(listeners: &[Listener]) {
    let main = listeners[0].address;
    let mut lines = vec![
        "Agora is ready.".to_owned(),
        format!("  Start page     http://{main}/"),
        format!("  Console        http://{main}/console"),
        format!("  GraphiQL       http://{main}/graphiql"),
        format!("  GraphQL        http://{main}/graphql"),
    ];
    let mounts = rest::mounts().iter();
    lines.extend(mounts.map(|mount| format!("  REST           http://{main}{}/docs", mount.prefix)));
    lines.extend(
        listeners[1..]
            .iter()
            .map(|Listener { name, address, .. }| match &**name {
                METRICS => format!("  Metrics        http://{address}/metrics"),
                name => format!("  REST           http://{address}/docs  ({name})"),
            }),
    );
    let (people, password) = (crate::demo::PEOPLE.join(", "), crate::demo::PASSWORD);
    lines.push(format!("People: {people}. Everyone's password: {password}"));
    lines.push(String::new());
    // A closed standard output does not stop the server.
    let _ = std::io::stdout().write_all(lines.join("\n").as_bytes());
}
