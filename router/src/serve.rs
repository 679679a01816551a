//! Serves the main address and the mounts with ports of their own, and shuts down cleanly on SIGTERM.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::Settings;
use crate::listen::{ServeError, bind, shutdown_signal};
use crate::order_service::ReplicaProcesses;
use crate::workers::Workers;
use crate::{http, rest, server};

/// Serves until SIGTERM or SIGINT, then gives open requests time to finish, and stops `replicas` after them.
///
/// # Errors
/// When the server cannot listen on an address, a mount does not exist, or the database cannot be closed.
pub async fn run(
    app: App,
    replicas: Option<ReplicaProcesses>,
    settings: &Settings,
    demo: bool,
) -> Result<(), ServeError> {
    let listeners = open_listeners(&app, settings, demo).await?;
    // Installed before the announcement: a process that reads it may send SIGTERM at once.
    let stop_signal = shutdown_signal();
    announce(&listeners, demo);
    let gateway = app.gateway.clone();
    let workers = Workers::start(&app.services, &settings.workers, &gateway.shutdown, demo);
    let time = Duration::from_millis(settings.server.shutdown_ms_max);
    let served = futures_util::future::join_all(listeners.into_iter().map(|listener| {
        server::serve(
            listener.tcp,
            listener.router,
            &gateway.permits,
            gateway.shutdown.clone(),
        )
    }));
    tokio::pin!(served, stop_signal);
    tokio::select! {
        _ = &mut served => {}
        () = &mut stop_signal => {
            tracing::info!("stopping: no new requests");
            gateway.shutdown.cancel();
            let drained = futures_util::future::join(&mut served, gateway.until_drained());
            if tokio::time::timeout(time, drained).await.is_err() {
                tracing::warn!("some requests did not finish in time");
            }
        }
    }
    gateway.shutdown.cancel();
    workers.join().await;
    if let Some(replicas) = replicas {
        replicas.stop().await;
    }
    app.close().await?;
    tracing::info!("stopped");
    Ok(())
}

/// One address and its router.
struct Listener {
    name: String,
    tcp: TcpListener,
    address: SocketAddr,
    router: Router,
}

async fn open_listeners(app: &App, settings: &Settings, demo: bool) -> Result<Vec<Listener>, ServeError> {
    let server = &settings.server;
    let main = bind(server.listen).await?;
    let access = server.rest_access.anonymous_access(main.1);
    let router = app.router(settings, access, demo);
    let mut listeners = vec![Listener {
        name: "graph".to_owned(),
        tcp: main.0,
        address: main.1,
        router,
    }];
    for extra in &server.rest_listen.0 {
        let (listener, address) = bind(extra.address).await?;
        let access = server.rest_access.anonymous_access(address);
        let router = app
            .mounts
            .router_of(&app.gateway, access, &extra.mount, extra.service.as_deref())
            .ok_or_else(|| ServeError::NoMount(extra.to_string()))?;
        let envelope = rest::envelope_of(&extra.mount).ok_or_else(|| ServeError::NoMount(extra.to_string()))?;
        let router = http::with_cors(&server.allowed_origins.0, router);
        let router = http::with_mount_middleware(&app.gateway, envelope, router);
        listeners.push(Listener {
            name: extra.to_string(),
            tcp: listener,
            address,
            router,
        });
    }
    if access.is_open() && !server.listen.ip().is_loopback() {
        tracing::warn!(address = %server.listen, "REST routes without authentication are open to every caller on this address");
    }
    Ok(listeners)
}

/// Prints the addresses to open: on standard output, as the result of the command. The log goes to standard error.
fn announce(listeners: &[Listener], demo: bool) {
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
    let extra = listeners[1..].iter();
    lines.extend(
        extra.map(|listener| format!("  REST           http://{}/docs  ({})", listener.address, listener.name)),
    );
    if demo {
        let (people, password) = (crate::demo::PEOPLE.join(", "), crate::demo::PASSWORD);
        lines.push(format!("People: {people}. Everyone's password: {password}"));
    }
    lines.push(String::new());
    // A closed standard output does not stop the server.
    let _ = std::io::stdout().write_all(lines.join("\n").as_bytes());
}
