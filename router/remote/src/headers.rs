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
}

/// No headers: the subgraph learns nothing about the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHeaders;

impl RequestHeaders for NoHeaders {
    fn headers(&self, _: &SubgraphRequest) -> Result<HeaderMap, ServerError> {
        Ok(HeaderMap::new())
    }
}
