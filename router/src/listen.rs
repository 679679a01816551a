//! Listening on an address, and the signals that end a process: for the server and for a replica of the order service.

use std::future::Future;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// An error that stops the server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The server cannot listen on an address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        error: std::io::Error,
    },
    /// `--rest-listen` names a mount or a service that does not exist.
    #[error("server.rest_listen: there is no REST mount {0}")]
    NoMount(String),
    /// The database cannot be closed.
    #[error("database: {}", .0.details())]
    Database(#[from] contract::Error),
}

/// Listens on an address, and returns the address that was bound.
pub(crate) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |error| ServeError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Completes when the process receives SIGTERM or SIGINT.
pub(crate) fn shutdown_signal() -> impl Future<Output = ()> {
    // Installed now, not at the first poll: a signal in between would kill the process.
    let term = signal(SignalKind::terminate());
    let int = signal(SignalKind::interrupt());
    async move {
        match (term, int) {
            (Ok(mut term), Ok(mut int)) => {
                tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
            }
            _ => std::future::pending().await,
        }
    }
}
