//! The bounds of everything a caller can send or keep open. Every one is a setting.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The bounds of everything a caller can send or keep open.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a request body, and of one WebSocket message.
    pub body_bytes_max: usize,
    /// Lexical tokens of a GraphQL document.
    pub query_tokens_max: usize,
    /// Levels of nested selections, fragments followed.
    pub query_depth_max: usize,
    /// Aliases in a document, fragments followed.
    pub query_aliases_max: usize,
    /// Root fields of an operation, fragments followed.
    pub query_root_fields_max: usize,
    /// Directives in a document.
    pub query_directives_max: usize,
    /// Fields of an operation once its fragments are followed: a small document can mean a huge one.
    pub query_fields_max: usize,
    /// Milliseconds a query or mutation may take.
    pub request_ms_max: u64,
    /// Errors in one response; the rest is counted, not listed.
    pub errors_max: usize,
    /// Entities one fetch may ask of a subgraph.
    pub entities_max: usize,
    /// Requests being answered at once; one more is answered 503.
    pub requests_max: usize,
    /// Open subscriptions of this process; one more is refused.
    pub subscriptions_max: usize,
    /// Subscriptions of one WebSocket; one more is refused.
    pub subscriptions_per_socket_max: usize,
    /// Answers waiting for a slow subscriber; one more ends the subscription.
    pub subscriber_queue_max: usize,
    /// Milliseconds a WebSocket client has for its `connection_init`.
    pub connection_init_ms_max: u64,
    /// Cached query plans.
    pub plans_max: u64,
    /// Whether introspection is answered.
    pub introspection: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 1024 * 1024,
            query_tokens_max: 10_000,
            query_depth_max: 30,
            query_aliases_max: 200,
            query_root_fields_max: 50,
            query_directives_max: 100,
            query_fields_max: 5_000,
            request_ms_max: 10_000,
            errors_max: 100,
            entities_max: 10_000,
            requests_max: 1_024,
            subscriptions_max: 10_000,
            subscriptions_per_socket_max: 100,
            subscriber_queue_max: 64,
            connection_init_ms_max: 5_000,
            plans_max: 2_000,
            introspection: true,
        }
    }
}

impl Limits {
    /// [`request_ms_max`](Self::request_ms_max) as a duration.
    pub fn request_time_max(&self) -> Duration {
        Duration::from_millis(self.request_ms_max)
    }
}
