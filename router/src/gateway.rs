//! What every door of the router needs: the graph, who is asking, the time, the bounds.

use std::sync::Arc;

use contract::Clock;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::Authenticator;
use crate::limits::Limits;
use crate::subgraph::Subgraph;

/// What every door of the router needs. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    /// The graph behind all doors.
    pub graph: Arc<dyn Subgraph>,
    /// Who is asking.
    pub auth: Arc<Authenticator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The bounds.
    pub limits: Arc<Limits>,
    /// Cancelled when the process has to end: streams end, nothing new begins.
    pub shutdown: CancellationToken,
    /// What is left of the bounds that all doors share.
    pub room: Room,
}

/// What is left of the bounds that all doors share.
#[derive(Clone)]
pub struct Room {
    /// Requests that may still begin.
    pub requests: Arc<Semaphore>,
    /// Subscriptions that may still be opened.
    pub subscriptions: Arc<Semaphore>,
}

impl Gateway {
    /// A gateway to that graph.
    pub fn new(graph: Arc<dyn Subgraph>, auth: Arc<Authenticator>, clock: Arc<dyn Clock>, limits: Arc<Limits>) -> Self {
        let room = Room {
            requests: Arc::new(Semaphore::new(limits.requests_max.min(Semaphore::MAX_PERMITS))),
            subscriptions: Arc::new(Semaphore::new(limits.subscriptions_max.min(Semaphore::MAX_PERMITS))),
        };
        Self {
            graph,
            auth,
            clock,
            limits,
            shutdown: CancellationToken::new(),
            room,
        }
    }
}
