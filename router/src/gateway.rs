//! What every door of the router needs: the graph, who is asking, the time, the bounds.

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

/// What every door of the router needs. Cheap to clone: every request does, several times.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

/// What a [`Gateway`] gives.
#[derive(Clone)]
pub struct Shared {
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
    /// The way to the order service's replicas; none where the graph is all there is.
    pub replicas: Option<FrontEnd>,
}

impl Deref for Gateway {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What is left of the bounds that all doors share.
#[derive(Clone)]
pub struct Room {
    /// The bounds.
    pub(crate) limits: Arc<Limits>,
    /// Requests that may still begin.
    pub requests: Arc<Semaphore>,
    /// Subscriptions that may still be opened.
    pub subscriptions: Arc<Semaphore>,
    /// WebSockets that may still be opened.
    pub sockets: Arc<Semaphore>,
    /// Bytes that large requests may still hold of what was sent.
    pub(crate) request_bytes: Arc<Semaphore>,
    /// Bytes that subscriptions may still hold of what was sent.
    pub(crate) subscription_bytes: Arc<Semaphore>,
    /// Bytes of answers that may still wait for slow subscribers.
    pub(crate) queued_bytes: Arc<Semaphore>,
    /// The connections.
    pub(crate) connections: Arc<Connections>,
    /// The request bodies that are being received.
    pub(crate) bodies: Arc<Bodies>,
    /// The answers that wait to be read.
    pub(crate) answers: Arc<Answers>,
    /// Bytes that answers may hold while they are made.
    pub(crate) answer_pool: Arc<AnswerPool>,
    /// The proxies whose word on a client's address is taken.
    pub(crate) trusted_proxies: Arc<[Network]>,
}

impl Room {
    /// All of it.
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

    /// Closes connections whose time is over.
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

    /// The same in front of the replicas of the order service.
    #[must_use]
    pub fn with_replicas(&self, replicas: FrontEnd) -> Self {
        Self(Arc::new(Shared {
            replicas: Some(replicas),
            ..Shared::clone(self)
        }))
    }

    /// The same behind these proxies, whose word on a client's address is taken.
    #[must_use]
    pub fn behind(&self, trusted_proxies: &[Network]) -> Self {
        let mut shared = Shared::clone(self);
        shared.room.trusted_proxies = trusted_proxies.into();
        Self(Arc::new(shared))
    }

    /// The same before another graph.
    #[must_use]
    pub fn before(&self, graph: Arc<dyn Subgraph>) -> Self {
        Self(Arc::new(Shared {
            graph,
            ..Shared::clone(self)
        }))
    }

    /// The bytes that one answer may hold.
    pub fn answer_budget(&self) -> Arc<AnswerBudget> {
        let pool = Arc::clone(&self.room.answer_pool);
        Arc::new(AnswerBudget::new(self.limits.answer_bytes_max, Some(pool)))
    }

    /// Waits until no WebSocket is open and no stream runs any more. After a shutdown began: a server that only waits for
    /// its HTTP connections would cut WebSockets off before they are told why.
    pub async fn until_drained(&self) {
        let room = [
            (&self.room.sockets, self.limits.sockets_max),
            (&self.room.subscriptions, self.limits.subscriptions_max),
        ];
        for (left, most) in room {
            let all = u32::try_from(most.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
            // Never closed, so this can only be granted.
            let _ = left.acquire_many(all).await;
        }
    }
}
