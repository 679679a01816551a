//! The settings of requests to subgraphs behind HTTP.

use std::path::PathBuf;
use std::time::Duration;

use foundation::settings;

use engine::tape::Bounds;

settings! {
    /// Requests to subgraphs behind HTTP. Each subgraph has these limits for itself.
    RemoteSettings with flags RemoteFlags under "Subgraphs" {
        /// Milliseconds that a request to a subgraph may take, from its wait for a connection to the end of the answer.
        subgraph_ms_max: u64 = 5_000,
        /// Milliseconds that connecting to a subgraph may take, with the name look-up and TLS.
        subgraph_connect_ms_max: u64 = 1_000,
        /// Whether queries and mutations are sent over HTTP/2, where many requests share a connection. Without TLS, subgraphs must expect
        /// it. Between programs of one network HTTP/1.1 needs less processor time.
        subgraph_http2: bool = false,
        /// Concurrent requests to one subgraph; one more waits.
        subgraph_requests_max: usize = 256,
        /// Milliseconds that a request waits for one of them to end; then the subgraph counts as unavailable.
        subgraph_wait_ms_max: u64 = 1_000,
        /// Milliseconds that a connection to a subgraph is kept without a request. The default is below the five seconds after which
        /// servers on Node.js close it.
        subgraph_idle_ms_max: u64 = 4_000,
        /// Bytes of a subgraph's answer, decompressed; a longer one is an error of the subgraph.
        subgraph_answer_bytes_max: usize = 16 * 1024 * 1024,
        /// Levels of nested objects and lists in a subgraph's answer, at most 256.
        subgraph_answer_depth_max: usize = 127,
        /// JSON values in a subgraph's answer.
        subgraph_answer_values_max: usize = 1_000_000,
        /// Further attempts of a query that finds a subgraph unreachable or is answered with the status 502, 503 or 504. The first wait is
        /// 50 milliseconds, each following one twice as long, and all attempts share the time of one request.
        subgraph_retries_max: u32 = 0,
        /// Requests in a row that find a subgraph unreachable or slower than `subgraph_ms_max`, before further ones fail at once; 0 for
        /// never.
        subgraph_failures_max: u32 = 5,
        /// Milliseconds after which one request in place of all is sent to such a subgraph again, to see whether it is back.
        subgraph_probe_ms: u64 = 500,
        /// Whether queries of the same document, variables and headers that are in flight at the same time share one request.
        subgraph_share_reads: bool = true,
        /// Whether subgraphs may compress their answers with gzip: for slow networks, as it costs processor time on both sides.
        subgraph_gzip: bool = false,
        /// Whether errors that subgraphs report keep their extensions, such as `code`.
        subgraph_error_extensions: bool = true,
        /// Whether errors of subgraphs have `extensions.service`, the name of the subgraph.
        subgraph_error_service: bool = false,
        /// The protocol of subscriptions to subgraphs.
        subgraph_subscriptions: SubscriptionProtocol = SubscriptionProtocol::Websocket,
        /// The path of WebSockets at subgraphs. Empty: that of the subgraph's URL.
        subgraph_websocket_path: String = String::new(),
        /// When clients with equal subscriptions and headers share one subscription to the subgraph.
        subgraph_share_subscriptions: SubscriptionSharing = SubscriptionSharing::Start,
        /// Events of a subscription that wait for a slow client; then the router reads no further ones from the subgraph.
        subgraph_events_max: usize = 16,
        /// Milliseconds without a message after which a subscription's connection counts as broken. Over a WebSocket the subgraph is pinged
        /// after half of them; a server of server-sent events has to send something by itself.
        subgraph_silence_ms_max: u64 = 30_000,
        /// Attempts in a row to replace a subscription's broken connection; then the subscription ends with an error.
        subgraph_resubscriptions_max: u32 = 60,
        /// The longest wait in milliseconds before such an attempt; the first waits are shorter.
        subgraph_resubscribe_ms_max: u64 = 1_000,
        /// A PEM file with the authorities whose certificates subgraphs may have. Empty: those that the system trusts.
        subgraph_ca_file: PathBuf = PathBuf::new(),
        /// A PEM file with the certificate that the router shows to subgraphs. Empty: none.
        subgraph_certificate_file: PathBuf = PathBuf::new(),
        /// A PEM file with the private key of that certificate.
        subgraph_key_file: PathBuf = PathBuf::new(),
    }
}

/// A protocol of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionProtocol {
    /// `graphql-transport-ws` over a WebSocket for each subscription.
    Websocket,
    /// Server-sent events, a request for each subscription.
    Sse,
}

/// When a client may join an equal subscription of another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionSharing {
    /// Never: each client has a subscription of its own.
    Never,
    /// Until its first event. All of its clients receive what they would receive by themselves.
    Start,
    /// At any time. A client that joins later receives the events from then on, also if the subgraph sends the present state, or the
    /// beginning, to each new subscription.
    Always,
}

/// The deepest answer that can be parsed: the parser calls itself for each level.
const DEPTH_MAX: usize = 256;

impl RemoteSettings {
    /// [`subgraph_ms_max`](Self::subgraph_ms_max) as a duration.
    pub fn request_time_max(&self) -> Duration {
        Duration::from_millis(self.subgraph_ms_max)
    }

    /// [`subgraph_connect_ms_max`](Self::subgraph_connect_ms_max) as a duration.
    pub fn connect_time_max(&self) -> Duration {
        Duration::from_millis(self.subgraph_connect_ms_max)
    }

    /// [`subgraph_wait_ms_max`](Self::subgraph_wait_ms_max) as a duration.
    pub fn wait_time_max(&self) -> Duration {
        Duration::from_millis(self.subgraph_wait_ms_max)
    }

    /// [`subgraph_probe_ms`](Self::subgraph_probe_ms) as a duration.
    pub fn probe_interval(&self) -> Duration {
        Duration::from_millis(self.subgraph_probe_ms)
    }

    /// [`subgraph_idle_ms_max`](Self::subgraph_idle_ms_max) as a duration.
    pub fn idle_time_max(&self) -> Duration {
        Duration::from_millis(self.subgraph_idle_ms_max)
    }

    /// [`subgraph_silence_ms_max`](Self::subgraph_silence_ms_max) as a duration.
    pub fn silence_max(&self) -> Duration {
        Duration::from_millis(self.subgraph_silence_ms_max)
    }

    /// [`subgraph_resubscribe_ms_max`](Self::subgraph_resubscribe_ms_max) as a duration.
    pub fn resubscribe_wait_max(&self) -> Duration {
        Duration::from_millis(self.subgraph_resubscribe_ms_max)
    }

    /// The bounds of the JSON of an answer.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds {
            depth_max: self.subgraph_answer_depth_max.min(DEPTH_MAX),
            values_max: self.subgraph_answer_values_max,
        }
    }
}
