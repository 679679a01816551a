//! Listening on an address, and the signals that end a process: for the server and for a replica of the order service.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// An error that stops the server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The server cannot listen on an address.
    #[error("{setting}: cannot listen on {address}: {error}")]
    Listen {
        /// The setting with the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The reason.
        error: std::io::Error,
    },
    /// `--rest-listen` names a mount or a service that does not exist.
    #[error("server.rest_listen: {0}")]
    NoMount(String),
    /// The data folder has users with the demo's public password, and other machines can reach the address.
    #[error(
        "{setting}: {address} is not a loopback address, and the data folder has users with the demo's public password: {}. Give \
         them other passwords or deactivate them while the server listens on a loopback address, or serve another folder",
        .people.join(", ")
    )]
    PublicPassword {
        /// The setting with the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The usernames.
        people: Vec<String>,
    },
    /// The database cannot be closed.
    #[error("database: {}", .0.details())]
    Database(#[from] contract::Error),
}

impl ServeError {
    /// Whether another process listens on the address.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Listen { error, .. } if error.kind() == std::io::ErrorKind::AddrInUse)
    }
}

/// An address that belongs to this process, at which it does not listen yet: clients are refused instead of kept waiting.
pub(crate) struct ReservedAddress {
    setting: &'static str,
    socket: TcpSocket,
    /// The address, with the port that was chosen for port 0.
    pub(crate) address: SocketAddr,
}

/// The connections that the system keeps until they are accepted.
const BACKLOG: u32 = 1024;

impl ReservedAddress {
    /// Reserves the address of that setting.
    ///
    /// # Errors
    /// When another process listens on it, or it is none of this machine's.
    pub(crate) fn reserve(setting: &'static str, address: SocketAddr) -> Result<Self, ServeError> {
        let reserved = || {
            let socket = if address.is_ipv4() {
                TcpSocket::new_v4()
            } else {
                TcpSocket::new_v6()
            }?;
            // Connections of an earlier process that still end do not hold the address.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let address = socket.local_addr()?;
            Ok(Self {
                setting,
                socket,
                address,
            })
        };
        reserved().map_err(|error| ServeError::Listen {
            setting,
            address,
            error,
        })
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// When another process began to listen meanwhile.
    pub(crate) fn listen(self) -> Result<TcpListener, ServeError> {
        let Self {
            setting,
            socket,
            address,
        } = self;
        let listening = socket.listen(BACKLOG);
        listening.map_err(|error| ServeError::Listen {
            setting,
            address,
            error,
        })
    }
}

/// The signals that end a process: SIGTERM and SIGINT.
pub(crate) struct StopSignals(Option<(Signal, Signal)>);

impl StopSignals {
    /// Installs them. From now on, a signal no longer ends the process by itself.
    pub(crate) fn install() -> Self {
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        Self(match signals {
            (Ok(term), Ok(int)) => Some((term, int)),
            _ => None,
        })
    }

    /// Completes with the next signal.
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            Some((term, int)) => {
                tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
            }
            None => std::future::pending().await,
        }
    }
}
