//! The settings: one struct; defaults, then a TOML file, then `AGORA_*` in the environment, then flags.

mod data_folder;
mod error;
mod lists;
mod log;
mod orders;
mod problems;
mod router;
mod supergraph;
mod telemetry;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

pub use data_folder::DataFolder;
pub use error::ConfigError;
pub use lists::{AllowedOrigins, RestListener, RestListeners, TrustedProxies};
pub use log::LogFormat;
pub use orders::{
    OrderFlags, OrderReplicas, OrderServiceSettings, ReplicaFlags, ReplicaSettings, ReplicaUrl, http_url, replica_id,
    urls_by_id,
};
pub use router::RouterFlags;
pub use supergraph::{SupergraphFlags, SupergraphSettings};
pub use telemetry::{MetricsListen, TelemetryFlags, TelemetrySettings};

use crate::documents::{DocumentFlags, DocumentSettings};
use crate::limits::{LimitFlags, Limits};
use crate::rest_access::RestAccess;
use contract::{DbOptions, InProcessBus, settings};
use remote::RemoteSettings;

settings! {
    /// The server's addresses, folders and logs.
    ServerSettings with flags ServerFlags under "Server" {
        /// The address of the graph and of the REST mounts.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 4000)),
        /// The folder of the persistent files: the database and the signing keys.
        data: PathBuf = PathBuf::from("./data/agora"),
        /// Extra addresses for a REST mount, or one of its services, at `/`: `bookstore.catalog=127.0.0.1:5001`; several with commas.
        rest_listen: RestListeners = RestListeners::default(),
        /// Access to REST routes whose document has no authentication: `open` serves every caller, `token` requires a bearer token.
        /// `auto` is `open` on loopback addresses, for callers that use a loopback name and no proxy, and `token` elsewhere.
        rest_access: RestAccess = RestAccess::Auto,
        /// Proxies whose `X-Forwarded-For` gives a client's address: addresses and networks, `127.0.0.1,10.0.0.0/8`. None by default. A
        /// request through a proxy never counts as one from this machine.
        trusted_proxies: TrustedProxies = TrustedProxies::default(),
        /// Origins of other sites whose pages may call the graph and the REST mounts from a browser: `https://app.example`, several with
        /// commas, or `*` for all. None by default.
        allowed_origins: AllowedOrigins = AllowedOrigins::default(),
        /// The log's `tracing` filters; `info,sea_orm_migration=warn` adds a line for every request.
        log: String = "info,sea_orm_migration=warn,sqlx::pool=error,openraft=off,agora::access=warn".to_owned(),
        /// The format of the log.
        log_format: LogFormat = LogFormat::Text,
        /// Milliseconds that each check of `GET /ready` may take.
        ready_ms_max: u64 = 1_000,
        /// Milliseconds between SIGTERM, after which `GET /ready` answers 503, and the end of new requests. Load balancers turn away
        /// meanwhile.
        shutdown_delay_ms: u64 = 0,
        /// Milliseconds that open requests have to finish after SIGTERM and the delay.
        shutdown_ms_max: u64 = 10_000,
        /// Milliseconds that each part behind the requests has to end then: long operations, background tasks, the database.
        shutdown_close_ms_max: u64 = 5_000,
    }
}

settings! {
    /// The limits of the database.
    DatabaseSettings with flags DatabaseFlags under "Database" {
        /// Database connections for reads on the threads of the requests; at least two for each processor.
        readers: u32 = DbOptions::READERS,
        /// Microseconds that a read has on the thread of its request; a slower one moves to a connection for slow reads.
        read_inline_us_max: u64 = DbOptions::INLINE_READ_TIME_US,
        /// Database connections for slow reads; further ones wait.
        slow_readers: u32 = DbOptions::SLOW_READERS,
        /// Milliseconds that a slow read may wait and run before it is answered UNAVAILABLE.
        read_ms_max: u64 = DbOptions::READ_TIME_MS,
        /// Writes in the queue; one more waits for a place.
        write_queue_max: usize = DbOptions::QUEUE,
        /// Milliseconds a write waits for a place in a full queue before it is answered UNAVAILABLE.
        write_queue_wait_ms_max: u64 = DbOptions::QUEUE_WAIT_MS,
        /// The most writes that share one commit.
        write_group_max: usize = DbOptions::GROUP,
        /// Milliseconds for which a commit accepts further writes that arrive meanwhile.
        write_group_ms_max: u64 = DbOptions::GROUP_TIME_MS,
        /// Milliseconds one write may hold the writer.
        write_ms_max: u64 = DbOptions::WRITE_TIME_MS,
        /// Milliseconds that the check of the database at start may take; 0 disables the check.
        check_ms_max: u64 = DbOptions::CHECK_TIME_MS,
        /// Starts although the database is damaged or lacks changes that were acknowledged. Set it to `true` for one start only.
        accept_data_loss: bool = false,
        /// Events that a slow receiver in this process may fall behind before it has to read the database again.
        event_queue_max: usize = InProcessBus::EVENTS_MAX,
    }
}

settings! {
    /// The background tasks.
    WorkerSettings with flags WorkerFlags under "Workers" {
        /// Milliseconds between two changes of a stock's price in `agora demo`; 0 disables them.
        price_feed_ms: u64 = 1_000,
        /// Milliseconds between two searches for overdue authorizations and orders. A request for one of them does not wait for the search.
        expiry_ms: u64 = 1_000,
        /// Milliseconds between two checks of the database's files. A full disk is tried again at the same interval.
        storage_ms: u64 = 2_000,
        /// Milliseconds between two checks that money, shares, products and votes add up, as `agora verify` checks them; 0 disables them.
        ledger_check_ms: u64 = 3_600_000,
        /// Milliseconds between two deletions of expired idempotency keys and sessions.
        sweep_ms: u64 = 60_000,
        /// Rows that one write deletes.
        sweep_rows_max: u64 = 500,
        /// Hours for which an idempotency key is known; clients are promised 24.
        idempotency_key_hours: u32 = 48,
        /// Hours for which a session is kept after it has ended or expired.
        ended_session_hours: u32 = 24,
    }
}

/// Settings that may be 0, which disables a feature or has a meaning of its own; every other number must be positive.
const ZERO_ALLOWED: [&str; 11] = [
    "batch_operations_max",
    "shutdown_delay_ms",
    "supergraph_poll_ms",
    "subgraph_retries_max",
    "subgraph_failures_max",
    "subgraph_resubscriptions_max",
    "price_feed_ms",
    "ledger_check_ms",
    "check_ms_max",
    "long_operation_threads",
    "long_operation_niceness",
];

/// All settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The server's addresses, folders and logs.
    pub server: ServerSettings,
    /// The limits of the database.
    pub database: DatabaseSettings,
    /// The limits of authentication.
    pub accounts: accounts::Settings,
    /// The limits of wallets.
    pub wallet: wallet::Settings,
    /// The limits of the brokerage.
    pub brokerage: brokerage::Settings,
    /// The effects of votes beside being counted.
    pub votes: votes::Settings,
    /// The locations of the order service's replicas.
    pub orders: OrderServiceSettings,
    /// The limits of a replica of the order service, and of its clients.
    pub replicas: ReplicaSettings,
    /// The background tasks.
    pub workers: WorkerSettings,
    /// The supergraph file of a router.
    pub supergraph: SupergraphSettings,
    /// Requests to subgraphs behind HTTP.
    pub subgraphs: RemoteSettings,
    /// Documents that clients name, and batches.
    pub documents: DocumentSettings,
    /// Metrics and traces.
    pub telemetry: TelemetrySettings,
    /// The limits of everything that a caller can send or keep open.
    pub limits: Limits,
}

/// Every setting as a flag.
#[derive(Clone, Debug, Default, clap::Args, Serialize)]
pub struct SettingsFlags {
    /// A TOML file with `[server]`, `[database]`, `[accounts]`, `[wallet]`, `[brokerage]`, `[votes]`, `[orders]`, `[replicas]`,
    /// `[workers]`, `[documents]`, `[telemetry]` and `[limits]`.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    accounts: accounts::SettingsFlags,
    #[command(flatten)]
    wallet: wallet::SettingsFlags,
    #[command(flatten)]
    brokerage: brokerage::SettingsFlags,
    #[command(flatten)]
    votes: votes::SettingsFlags,
    #[command(flatten)]
    orders: OrderFlags,
    #[command(flatten)]
    replicas: ReplicaFlags,
    #[command(flatten)]
    workers: WorkerFlags,
    #[command(flatten)]
    documents: DocumentFlags,
    #[command(flatten)]
    telemetry: TelemetryFlags,
    #[command(flatten)]
    limits: LimitFlags,
}

/// The beginning of the name of every environment variable.
const PREFIX: &str = "AGORA_";

/// The longest lifetime of an access token, in seconds.
const ACCESS_SECONDS_MAX: u32 = 24 * 3600;

/// The highest niceness of a thread on Linux.
const NICENESS_MAX: u8 = 19;

impl Settings {
    /// Reads the settings: defaults, then the file, then `AGORA_SERVER_LISTEN`, `AGORA_LIMITS_REQUEST_MS_MAX` …, then flags.
    ///
    /// # Errors
    /// Names the invalid setting and the reason.
    pub fn read(flags: &SettingsFlags) -> Result<Self, ConfigError> {
        Self::read_with_defaults(Self::default(), flags)
    }

    /// As [`read`](Self::read), over other defaults.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with_defaults(defaults: Self, flags: &SettingsFlags) -> Result<Self, ConfigError> {
        Self::read_from(defaults, flags.config.as_deref(), flags)
    }

    /// As [`read`](Self::read), over other defaults, with an optional file and a subset of the flags.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(defaults: Self, file: Option<&Path>, flags: &impl Serialize) -> Result<Self, ConfigError> {
        // The list of problems is never empty.
        Self::read_all(defaults, file, flags).map_err(|mut problems| problems.swap_remove(0))
    }

    /// As [`read`](Self::read), but finds all problems.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn read_or_problems(flags: &SettingsFlags) -> Result<Self, Vec<ConfigError>> {
        Self::read_all(Self::default(), flags.config.as_deref(), flags)
    }

    fn read_all(defaults: Self, file: Option<&Path>, flags: &impl Serialize) -> Result<Self, Vec<ConfigError>> {
        let mut figment = Figment::from(Serialized::defaults(defaults));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(vec![ConfigError::new(
                    "config",
                    format!("{} is no file", file.display()),
                )]);
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        problems::read(&figment.merge(environment()).merge(Serialized::defaults(flags)))
    }

    /// The defaults of `agora demo`, which uses a folder of its own.
    pub fn demo() -> Self {
        let mut settings = Self::default();
        settings.server.data = PathBuf::from("./data/demo");
        settings
    }

    /// The defaults of `agora order-replica`, which uses neither the folder nor the port of the server.
    pub fn order_replica() -> Self {
        let mut settings = Self::default();
        settings.server.data = PathBuf::from("./data/order-replica");
        settings.server.listen = SocketAddr::from(([127, 0, 0, 1], 4100));
        settings
    }

    /// The defaults of `agora subgraph`, whose requests come from routers: a fetch of entities is longer than a request of a client.
    pub fn subgraph() -> Self {
        let mut settings = Self::default();
        settings.server.listen = SocketAddr::from(([127, 0, 0, 1], 4200));
        settings.limits.body_bytes_max = 16 * 1024 * 1024;
        settings.limits.request_values_max = 1_000_000;
        settings.limits.requests_bytes_max = 256 * 1024 * 1024;
        settings
    }

    /// Returns every setting's value as text, by the name of its flag.
    pub fn by_name(&self) -> BTreeMap<String, String> {
        let value = serde_json::to_value(self).expect("settings are plain values");
        let sections = value
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, section)| section.as_object());
        let word = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = |value: &serde_json::Value| match value.as_array() {
            Some(list) => list.iter().map(word).collect::<Vec<_>>().join(","),
            None => word(value),
        };
        let listed = |value: &serde_json::Value| value.as_array().is_none_or(|list| !list.is_empty());
        sections
            .flatten()
            .filter(|(_, value)| listed(value))
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }

    /// Returns the settings of a replica of the order service and of its clients.
    pub fn order_log(&self) -> order_log::OrderLogSettings {
        self.replicas.order_log(&self.limits)
    }

    /// Returns the settings whose values do not fit, or do not fit together.
    fn violations(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        let mut require = |holds: bool, name: &str, why: &str| {
            if !holds {
                found.push(ConfigError::new(name, why));
            }
        };
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.server.log) {
            require(false, "server.log", &error.to_string());
        }
        // The server remembers ended sessions for a day, so no token may live longer.
        require(
            self.accounts.access_seconds <= ACCESS_SECONDS_MAX,
            "accounts.access_seconds",
            &format!("must be at most {ACCESS_SECONDS_MAX}, a day"),
        );
        require(
            self.limits.long_operation_niceness <= NICENESS_MAX,
            "limits.long_operation_niceness",
            &format!("must be at most {NICENESS_MAX}, the lowest priority of a thread"),
        );
        require(
            self.workers.idempotency_key_hours >= 24,
            "workers.idempotency_key_hours",
            "must be at least 24: clients are promised a day",
        );
        require(
            self.workers.ended_session_hours >= 24,
            "workers.ended_session_hours",
            "must be at least 24: a process that starts reads which sessions ended within a day",
        );
        require(
            !matches!(self.orders.order_replicas, OrderReplicas::External(_))
                || !self.orders.order_credential.as_os_str().is_empty(),
            "orders.order_credential",
            "is needed with replicas that run elsewhere: a file with the secret that all of them share",
        );
        require(
            self.replicas.order_election_ms > self.replicas.order_heartbeat_ms,
            "replicas.order_election_ms",
            "must be more than order_heartbeat_ms",
        );
        if let Some((name, address)) = self.shared_address() {
            let why = format!("{address} is the address of two listeners; each needs a port of its own");
            require(false, name, &why);
        }
        let sections = serde_json::to_value(self).expect("settings are plain values");
        for (section, values) in sections.as_object().into_iter().flatten() {
            for (name, value) in values.as_object().into_iter().flatten() {
                let fits = value.as_u64() != Some(0) || ZERO_ALLOWED.contains(&name.as_str());
                require(fits, &format!("{section}.{name}"), "must be more than 0");
            }
        }
        if let Some((name, why)) = self.documents.violation() {
            found.push(ConfigError::new(name, why));
        }
        found.extend(self.telemetry.violations());
        found
    }

    /// Rejects any address that is not loopback, because the demo's password is public.
    ///
    /// # Errors
    /// Names the setting with the address.
    pub fn require_loopback(&self) -> Result<(), ConfigError> {
        match self.first_public_address() {
            None => Ok(()),
            Some((name, address)) => {
                let why =
                    format!("{address} is not a loopback address, and the demo's password is public; use `serve`");
                Err(ConfigError::new(name, why))
            }
        }
    }

    /// Returns the first address that other machines can reach, with the name of its setting.
    pub fn first_public_address(&self) -> Option<(&'static str, SocketAddr)> {
        self.addresses().find(|(_, address)| !address.ip().is_loopback())
    }

    /// Returns the address of every listener, with the name of its setting: the main one, those of mounts, that of the metrics.
    pub fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let listeners = self.server.rest_listen.0.iter();
        let extra = listeners.map(|listener| ("server.rest_listen", listener.address));
        let metrics = self.telemetry.metrics_listen.0;
        let metrics = metrics.map(|address| ("telemetry.metrics_listen", address));
        std::iter::once(("server.listen", self.server.listen))
            .chain(extra)
            .chain(metrics)
    }

    /// Returns an address that two listeners would share, with the setting of the second. Port 0 is another port each time.
    fn shared_address(&self) -> Option<(&'static str, SocketAddr)> {
        let all: Vec<(&'static str, SocketAddr)> = self.addresses().collect();
        let overlap = |one: &SocketAddr, other: &SocketAddr| {
            let any = one.ip().is_unspecified() || other.ip().is_unspecified();
            one.port() != 0 && one.port() == other.port() && (any || one.ip() == other.ip())
        };
        let is_taken = |index: usize| all[..index].iter().any(|(_, earlier)| overlap(earlier, &all[index].1));
        (0..all.len()).find(|index| is_taken(*index)).map(|index| all[index])
    }

    /// Returns the settings as a TOML file that [`read`](Self::read) reads back.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are plain tables")
    }
}

/// Maps environment variables to settings. `AGORA_LIMITS_QUERY_DEPTH_MAX` is `limits.query_depth_max`: only the first word names a table.
fn environment() -> Env {
    let all = serde_json::to_value(Settings::default()).expect("settings are plain values");
    let tables: Vec<String> = all
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    Env::prefixed(PREFIX).map(move |key| {
        let key = key.as_str().to_ascii_lowercase();
        let found = tables
            .iter()
            .find_map(|table| Some((table, key.strip_prefix(table.as_str())?.strip_prefix('_')?)));
        match found {
            Some((table, name)) => format!("{table}.{name}").into(),
            None => key.into(),
        }
    })
}
