//! The remaining permits under the limits that all listeners share.

use std::sync::Arc;

use contract::AnswerPool;
use tokio::sync::Semaphore;

use super::bodies::ReceivingBodies;
use super::connections::Connections;
use super::unread::UnreadResponses;
use crate::ip_network::IpNetwork;
use crate::limits::Limits;
use crate::request_meters::RequestMeters;
use crate::traces::Traces;

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
    /// The traces; `None` if no request has one.
    pub(crate) traces: Option<Arc<Traces>>,
    /// The counters that requests add to.
    pub meters: Arc<RequestMeters>,
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
            traces: None,
            meters: Arc::default(),
            trusted_proxies: Arc::default(),
        }
    }

    /// Closes connections that have exceeded their time limits.
    pub(crate) fn sweep(&self) {
        self.connections.sweep();
        self.unread_responses.sweep();
    }
}
