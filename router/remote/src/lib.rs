//! Subgraphs behind HTTP.
//!
//! A [`RemoteSubgraph`] is an [`engine::subgraph::Subgraph`] whose GraphQL server is another process. A program makes one for
//! each subgraph and gives them to the engine:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use remote::{NoHeaders, RemoteError, RemoteSettings, RemoteSubgraph};
//! # fn subgraph() -> Result<RemoteSubgraph, RemoteError> {
//! let settings = Arc::new(RemoteSettings::default());
//! let url = http::Uri::from_static("http://127.0.0.1:4001/graphql");
//! let reviews = RemoteSubgraph::new("reviews", url, settings, Arc::new(NoHeaders))?;
//! # Ok(reviews)
//! # }
//! ```
//!
//! - [`RemoteSubgraph::new`] reads the files of TLS and opens no connection. The name is the one that error messages use.
//! - [`RequestHeaders`] gives each request the headers that carry the caller's identity. The crate adds `host`, `content-type`,
//!   `accept`, `x-request-id` and `traceparent` by itself.
//! - [`RemoteSettings`] has the limits; [`RemoteFlags`] are its command-line flags.
//! - A subgraph that fails yields a response with one error. Its message names the subgraph and the fault, and its code is
//!   `UNAVAILABLE` or `TIMEOUT`. No failure is a panic, and none delays a request beyond `subgraph_ms_max`.
//! - A subscription of a [`RemoteSubgraph`] needs the runtime of tokio: a task reads its events.

mod answer;
mod circuit_breaker;
mod connector;
mod endpoint;
mod headers;
mod http_client;
mod json;
mod pool;
mod remote_error;
mod request;
mod response;
mod sender;
mod settings;
mod shared_reads;
mod subgraph;
mod subgraph_error;
mod subscription;
mod tls;

pub use headers::{NoHeaders, RequestHeaders, SubscriberKey};
pub use remote_error::RemoteError;
pub use settings::{RemoteFlags, RemoteSettings, SubscriptionProtocol, SubscriptionSharing};
pub use subgraph::RemoteSubgraph;
