//! The headers that carry a caller's identity to a subgraph.

use async_graphql::ServerError;
use engine::subgraph::SubgraphRequest;
use http::HeaderMap;
use serde_json::Value;

/// The headers of requests to subgraphs: the caller's identity, and what the program propagates from its own request.
///
/// Two reads with equal documents, variables and headers are the same read, so everything that distinguishes callers is in the
/// headers, and nothing else is: a header with another value in each request prevents that reads in flight are shared.
pub trait RequestHeaders: Send + Sync {
    /// Returns the headers of a request. Headers of the connection and of the body are replaced.
    ///
    /// # Errors
    /// When the caller may not ask this subgraph. The request is then answered with the error and not sent.
    fn headers(&self, request: &SubgraphRequest) -> Result<HeaderMap, ServerError>;

    /// Returns the payload of `connection_init` for a subscription over a WebSocket.
    fn connection_init(&self, request: &SubgraphRequest) -> Option<Value> {
        let _ = request;
        None
    }

    /// Returns the callers who receive the same events as this one, for subscriptions with equal documents and variables; `None` if this
    /// caller shares a subscription with no other. Without another implementation, they are those with equal headers and payloads.
    fn subscribers(&self, request: &SubgraphRequest) -> Option<SubscriberKey> {
        Some(SubscriberKey {
            headers: self.headers(request).ok()?,
            payload: self.connection_init(request),
        })
    }
}

/// Tells callers with different events apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberKey {
    /// The headers, without those that say nothing about the caller.
    pub headers: HeaderMap,
    /// The payload of `connection_init`, under the same condition.
    pub payload: Option<Value>,
}

/// No headers: the subgraph learns nothing about the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHeaders;

impl RequestHeaders for NoHeaders {
    fn headers(&self, _: &SubgraphRequest) -> Result<HeaderMap, ServerError> {
        Ok(HeaderMap::new())
    }
}
