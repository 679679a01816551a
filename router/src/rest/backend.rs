//! The backends of services: the graph, or a program that serves the routes itself.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;

/// Where the requests of a service are handled.
#[derive(Clone)]
pub enum Backend {
    /// The graph executes the operations of the routes.
    Graph,
    /// The upstream handles the requests. An operation with an idempotency key stays with the graph, because a key holds for
    /// all instances of a service; it is executed only while the upstream responds.
    Forward(Arc<dyn Upstream>),
}

/// A program that serves the routes of a service itself.
pub trait Upstream: Send + Sync {
    /// Whether it responds and can handle requests.
    fn is_responding(&self) -> BoxFuture<'_, bool>;

    /// Sends it a request, whose path is the one inside the service, and returns its response.
    fn forward(&self, request: Request) -> BoxFuture<'_, Response>;
}
