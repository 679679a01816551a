//! The state that every listener of the router shares: the graph, authentication, the clock and the limits.

use std::ops::Deref;
use std::sync::Arc;

use contract::{AnswerBudget, BatchBudget, Clock};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::Authenticator;
use crate::callers::Callers;
use crate::documents::Documents;
use crate::ip_network::IpNetwork;
use crate::limits::Limits;
use crate::server::Permits;
use crate::subgraph::Subgraph;
use crate::supergraph::LongOperations;
use crate::traces::Traces;

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
    /// Makes the callers that the graph's subgraphs read.
    pub callers: Callers,
    /// The documents that requests may name.
    pub documents: Arc<Documents>,
    /// The operations that one request may hold; 0 if it may hold no list of them.
    pub batch_operations_max: usize,
    /// Whether clients may ask for the plans and the fetches of their requests.
    pub exposes_traces: bool,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The limits.
    pub limits: Arc<Limits>,
    /// The threads for operations that take long.
    pub long_operations: LongOperations,
    /// Cancelled when the server is about to shut down: load balancers should send no more requests. All requests are still served.
    pub draining: CancellationToken,
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

impl Gateway {
    /// A gateway to that graph.
    pub fn new(graph: Arc<dyn Subgraph>, auth: Arc<Authenticator>, clock: Arc<dyn Clock>, limits: Arc<Limits>) -> Self {
        let permits = Permits::new(&limits);
        Self(Arc::new(GatewayState {
            graph,
            auth,
            callers: Callers::default(),
            documents: Arc::default(),
            batch_operations_max: 0,
            exposes_traces: false,
            clock,
            long_operations: LongOperations::new(&limits),
            limits,
            draining: CancellationToken::new(),
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

    /// The same gateway with these traces.
    #[must_use]
    pub fn with_traces(&self, traces: Option<Arc<Traces>>) -> Self {
        let mut state = GatewayState::clone(self);
        state.permits.traces = traces;
        Self(Arc::new(state))
    }

    /// The same gateway with these threads for operations that take long; by default, it has its own.
    #[must_use]
    pub fn with_long_operations(&self, long_operations: &LongOperations) -> Self {
        let mut state = GatewayState::clone(self);
        state.long_operations = long_operations.clone();
        Self(Arc::new(state))
    }

    /// The same gateway with another authenticator.
    #[must_use]
    pub fn with_auth(&self, auth: Arc<Authenticator>) -> Self {
        let mut state = GatewayState::clone(self);
        state.auth = auth;
        Self(Arc::new(state))
    }

    /// The same gateway, whose callers are of that form.
    #[must_use]
    pub fn with_callers(&self, callers: Callers) -> Self {
        let mut state = GatewayState::clone(self);
        state.callers = callers;
        Self(Arc::new(state))
    }

    /// The same gateway, whose requests may name these documents, and hold so many operations.
    #[must_use]
    pub fn with_documents(&self, documents: Arc<Documents>, batch_operations_max: usize) -> Self {
        Self(Arc::new(GatewayState {
            documents,
            batch_operations_max,
            ..GatewayState::clone(self)
        }))
    }

    /// The same gateway, whose clients may ask for the plans and the fetches of their requests.
    #[must_use]
    pub fn with_exposed_traces(&self, exposes_traces: bool) -> Self {
        Self(Arc::new(GatewayState {
            exposes_traces,
            ..GatewayState::clone(self)
        }))
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
        Arc::new(self.new_budget())
    }

    /// As [`answer_budget`](Self::answer_budget), for an answer that is part of a batch.
    pub fn answer_budget_of(&self, batch: &Arc<BatchBudget>) -> Arc<AnswerBudget> {
        Arc::new(self.new_budget().of_batch(Arc::clone(batch)))
    }

    fn new_budget(&self) -> AnswerBudget {
        let pool = Arc::clone(&self.permits.answer_pool);
        AnswerBudget::new(self.limits.answer_bytes_max, Some(pool))
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
