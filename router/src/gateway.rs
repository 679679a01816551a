//! The state that every listener of the router shares: the graph, authentication, the clock and the limits.

use std::ops::Deref;
use std::sync::Arc;

use contract::{AnswerBudget, AnswerPool, Clock};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::Authenticator;
use crate::ip_network::IpNetwork;
use crate::limits::Limits;
use crate::server::{Connections, ReceivingBodies, UnreadResponses};
use crate::subgraph::Subgraph;

/// The shared state of every listener. Cheap to clone: every request clones it several times.
#[derive(Clone)]
pub struct Gateway(Arc<GatewayState>);

/// The content of a [`Gateway`].
#[derive(Clone)]
pub struct GatewayState {
    /// The graph behind all listeners.
    pub graph: Arc<dyn Subgraph>,
    /// Authenticates callers.
    pub auth: Arc<Authenticator>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The limits.
    pub limits: Arc<Limits>,
    /// Cancelled when the process has to end: streams end, and no new requests begin.
    pub shutdown: CancellationToken,
    /// The remaining permits under the limits that all listeners share.
    pub permits: Permits,
}

impl Deref for Gateway {
    type Target = GatewayState;

    fn deref(&self) -> &GatewayState {
        &self.0
    }
}

/// The remaining permits under the limits that all listeners share.
#[derive(Clone)]
pub struct Permits {
    /// The limits.
    pub(crate) limits: Arc<Limits>,
    /// Requests that may still begin.
    pub requests: Arc<Semaphore>,
    /// Subscriptions that may still be opened.
    pub subscriptions: Arc<Semaphore>,
    /// WebSockets that may still be opened.
    pub sockets: Arc<Semaphore>,
    /// Bytes of request data that large requests may still hold.
    pub(crate) request_bytes: Arc<Semaphore>,
    /// Bytes of request data that subscriptions may still hold.
    pub(crate) subscription_bytes: Arc<Semaphore>,
    /// Bytes of answers that may still wait for slow subscribers.
    pub(crate) queued_bytes: Arc<Semaphore>,
    /// The connections.
    pub(crate) connections: Arc<Connections>,
    /// The request bodies that are being received.
    pub(crate) bodies: Arc<ReceivingBodies>,
    /// The answers that wait for their clients to read them.
    pub(crate) unread_responses: Arc<UnreadResponses>,
    /// Bytes that answers may hold while they are built.
    pub(crate) answer_pool: Arc<AnswerPool>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub(crate) trusted_proxies: Arc<[IpNetwork]>,
}

impl Permits {
    /// All permits of these limits.
    pub fn new(limits: &Arc<Limits>) -> Self {
        let semaphore = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            limits: Arc::clone(limits),
            requests: semaphore(limits.requests_max),
            subscriptions: semaphore(limits.subscriptions_max),
            sockets: semaphore(limits.sockets_max),
            request_bytes: semaphore(limits.requests_bytes_max),
            subscription_bytes: semaphore(limits.subscriptions_bytes_max),
            queued_bytes: semaphore(limits.unread_bytes_max),
            connections: Connections::new(limits),
            bodies: Arc::new(ReceivingBodies::new(limits)),
            unread_responses: Arc::new(UnreadResponses::new(limits)),
            answer_pool: Arc::new(AnswerPool::new(limits.answer_pool_bytes_max)),
            trusted_proxies: Arc::default(),
        }
    }

    /// Closes connections that have exceeded their time limits.
    pub(crate) fn sweep(&self) {
        self.connections.sweep();
        self.unread_responses.sweep();
    }
}

impl Gateway {
    /// A gateway to that graph.
    pub fn new(graph: Arc<dyn Subgraph>, auth: Arc<Authenticator>, clock: Arc<dyn Clock>, limits: Arc<Limits>) -> Self {
        let permits = Permits::new(&limits);
        Self(Arc::new(GatewayState {
            graph,
            auth,
            clock,
            limits,
            shutdown: CancellationToken::new(),
            permits,
        }))
    }

    /// The same gateway behind these proxies, whose `X-Forwarded-For` it trusts.
    #[must_use]
    pub fn with_trusted_proxies(&self, trusted_proxies: &[IpNetwork]) -> Self {
        let mut state = GatewayState::clone(self);
        state.permits.trusted_proxies = trusted_proxies.into();
        Self(Arc::new(state))
    }

    /// The same gateway in front of another graph.
    #[must_use]
    pub fn with_graph(&self, graph: Arc<dyn Subgraph>) -> Self {
        Self(Arc::new(GatewayState {
            graph,
            ..GatewayState::clone(self)
        }))
    }

    /// Returns a new budget of the bytes that one answer may hold.
    pub fn answer_budget(&self) -> Arc<AnswerBudget> {
        let pool = Arc::clone(&self.permits.answer_pool);
        Arc::new(AnswerBudget::new(self.limits.answer_bytes_max, Some(pool)))
    }

    /// Waits until no WebSocket is open and no stream runs. The server calls it after a shutdown began: waiting only for
    /// the HTTP connections would cut WebSockets off before their clients receive the reason.
    pub async fn until_drained(&self) {
        let semaphores = [
            (&self.permits.sockets, self.limits.sockets_max),
            (&self.permits.subscriptions, self.limits.subscriptions_max),
        ];
        for (left, most) in semaphores {
            let all = u32::try_from(most.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
            // Never closed, so this always succeeds.
            let _ = left.acquire_many(all).await;
        }
    }
}
