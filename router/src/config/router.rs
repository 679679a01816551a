//! The settings of `agora router` as flags.

use std::net::SocketAddr;
use std::path::PathBuf;

use remote::RemoteFlags;
use serde::Serialize;

use super::{
    AllowedOrigins, ConfigError, LogFormat, RestListeners, Settings, SupergraphFlags, TelemetryFlags, TrustedProxies,
};
use crate::documents::DocumentFlags;
use crate::limits::LimitFlags;
use crate::rest_access::RestAccess;

/// The settings that a router over remote subgraphs uses.
#[derive(Clone, Debug, Default, clap::Args, Serialize)]
pub struct RouterFlags {
    /// A TOML file, from which a router reads `[server]`, `[supergraph]`, `[subgraphs]`, `[documents]`, `[telemetry]` and `[limits]`.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    #[command(flatten)]
    server: ServerPart,
    #[command(flatten)]
    supergraph: SupergraphFlags,
    #[command(flatten)]
    subgraphs: RemoteFlags,
    #[command(flatten)]
    documents: DocumentFlags,
    #[command(flatten)]
    telemetry: TelemetryFlags,
    #[command(flatten)]
    limits: LimitFlags,
}

/// The server settings that a router uses.
#[derive(Clone, Debug, Default, clap::Args, Serialize)]
#[command(next_help_heading = "Server")]
#[group(skip)]
struct ServerPart {
    /// The address of the graph.
    #[arg(long, value_name = "SocketAddr")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// Extra addresses for a REST mount, or one of its services, at `/`: `bookstore.catalog=127.0.0.1:5001`; several with commas. Only
    /// over the subgraphs of an Agora installation.
    #[arg(long, value_name = "RestListeners", requires = "internal_keys")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rest_listen: Option<RestListeners>,
    /// Access to REST routes whose document has no authentication, as of `agora serve`. Only over the subgraphs of an Agora
    /// installation.
    #[arg(long, value_name = "RestAccess", requires = "internal_keys")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rest_access: Option<RestAccess>,
    /// Proxies whose `X-Forwarded-For` gives a client's address: addresses and networks, `127.0.0.1,10.0.0.0/8`. None by default.
    #[arg(long, value_name = "TrustedProxies")]
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_proxies: Option<TrustedProxies>,
    /// Origins of other sites whose pages may call the graph from a browser: `https://app.example`, several with commas, or `*` for
    /// all. None by default.
    #[arg(long, value_name = "AllowedOrigins")]
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_origins: Option<AllowedOrigins>,
    /// The log's `tracing` filters; `info` adds a line for every request.
    #[arg(long, value_name = "String")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    /// The format of the log.
    #[arg(long, value_name = "LogFormat")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<LogFormat>,
    /// Milliseconds between SIGTERM, after which `GET /ready` answers 503, and the end of new requests. Load balancers turn away
    /// meanwhile.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_delay_ms: Option<u64>,
    /// Milliseconds that open requests have to finish after SIGTERM and the delay.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_ms_max: Option<u64>,
    /// Milliseconds that long operations have to end then.
    #[arg(long, value_name = "u64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_close_ms_max: Option<u64>,
}

impl RouterFlags {
    /// Returns the settings. Those of parts that a router does not have are the defaults, also where the file sets them; only a router
    /// over the subgraphs of an installation has REST mounts.
    ///
    /// # Errors
    /// Names the invalid setting and the reason.
    pub fn settings(&self, has_mounts: bool) -> Result<Settings, ConfigError> {
        let mut settings = Settings::read_from(Settings::default(), self.config.as_deref(), self)?;
        if !has_mounts {
            settings.server.rest_listen = RestListeners::default();
        }
        // The replicas of the order service belong to the process of the subgraphs.
        settings.orders = Settings::default().orders;
        Ok(settings)
    }
}
