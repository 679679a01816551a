//! The state that every listener of the router shares: the graph, authentication, the clock and the limits.

use std::ops::Deref;
use std::sync::Arc;

use contract::{AnswerBudget, AnswerPool, Clock};
use order_log::FrontEnd;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::Authenticator;
use crate::http::Network;
use crate::limits::Limits;
use crate::server::{Answers, Bodies, Connections};
use crate::subgraph::Subgraph;

/// The shared state of every listener. Cheap to clone: every request clones it several times.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

/// The content of a [`Gateway`].
#[derive(Clone)]
pub struct Shared {
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
    pub room: Room,
    /// The client of the order service's replicas; `None` if the order log is a table of the database.
    pub replicas: Option<FrontEnd>,
}

impl Deref for Gateway {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The remaining permits under the limits that all listeners share.
#[derive(Clone)]
pub struct Room {
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
    pub(crate) bodies: Arc<Bodies>,
    /// The answers that wait for their clients to read them.
    pub(crate) answers: Arc<Answers>,
    /// Bytes that answers may hold while they are built.
    pub(crate) answer_pool: Arc<AnswerPool>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub(crate) trusted_proxies: Arc<[Network]>,
}

impl Room {
    /// All permits of these limits.
    pub fn new(limits: &Arc<Limits>) -> Self {
        let room_for = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            limits: Arc::clone(limits),
            requests: room_for(limits.requests_max),
            subscriptions: room_for(limits.subscriptions_max),
            sockets: room_for(limits.sockets_max),
            request_bytes: room_for(limits.requests_bytes_max),
            subscription_bytes: room_for(limits.subscriptions_bytes_max),
            queued_bytes: room_for(limits.unread_bytes_max),
            connections: Connections::new(limits),
            bodies: Arc::new(Bodies::new(limits)),
            answers: Arc::new(Answers::new(limits)),
            answer_pool: Arc::new(AnswerPool::new(limits.answer_pool_bytes_max)),
            trusted_proxies: Arc::default(),
        }
    }

    /// Closes connections that have exceeded their time limits.
    pub(crate) fn sweep(&self) {
        self.connections.sweep();
        self.answers.sweep();
    }
}

impl Gateway {
    /// A gateway to that graph.
    pub fn new(graph: Arc<dyn Subgraph>, auth: Arc<Authenticator>, clock: Arc<dyn Clock>, limits: Arc<Limits>) -> Self {
        let room = Room::new(&limits);
        Self(Arc::new(Shared {
            graph,
            auth,
            clock,
            limits,
            shutdown: CancellationToken::new(),
            room,
            replicas: None,
        }))
    }

    /// The same gateway, with a client of the order service's replicas.
    #[must_use]
    pub fn with_replicas(&self, replicas: FrontEnd) -> Self {
        Self(Arc::new(Shared {
            replicas: Some(replicas),
            ..Shared::clone(self)
        }))
    }

    /// The same gateway behind these proxies, whose `X-Forwarded-For` it trusts.
    #[must_use]
    pub fn behind(&self, trusted_proxies: &[Network]) -> Self {
        let mut shared = Shared::clone(self);
        shared.room.trusted_proxies = trusted_proxies.into();
        Self(Arc::new(shared))
    }

    /// The same gateway in front of another graph.
    #[must_use]
    pub fn before(&self, graph: Arc<dyn Subgraph>) -> Self {
        Self(Arc::new(Shared {
            graph,
            ..Shared::clone(self)
        }))
    }

    /// Returns a new budget of the bytes that one answer may hold.
    pub fn answer_budget(&self) -> Arc<AnswerBudget> {
        let pool = Arc::clone(&self.room.answer_pool);
        Arc::new(AnswerBudget::new(self.limits.answer_bytes_max, Some(pool)))
    }

    /// Waits until no WebSocket is open and no stream runs. The server calls it after a shutdown began: waiting only for
    /// the HTTP connections would cut WebSockets off before their clients receive the reason.
    pub async fn until_drained(&self) {
        let room = [
            (&self.room.sockets, self.limits.sockets_max),
            (&self.room.subscriptions, self.limits.subscriptions_max),
        ];
        for (left, most) in room {
            let all = u32::try_from(most.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
            // Never closed, so this always succeeds.
            let _ = left.acquire_many(all).await;
        }
    }
}
