//! The counters that requests add to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use contract::{ErrorCodeCounts, ErrorCodeSet};
use meters::{Counter, DURATION_BOUNDS_US, Histogram};
use spans::{NewSpan, Span};

use crate::subgraph::OperationKind;

/// A way in which an operation arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One answer over HTTP.
    Http,
    /// Server-sent events.
    Sse,
    /// A multipart response.
    Multipart,
    /// `graphql-transport-ws`.
    WebSocket,
    /// A route of a REST mount.
    Rest,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Http, Self::Sse, Self::Multipart, Self::WebSocket, Self::Rest];

    /// Returns the value of its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sse => "sse",
            Self::Multipart => "multipart",
            Self::WebSocket => "websocket",
            Self::Rest => "rest",
        }
    }
}

/// A bound that refuses what exceeds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Requests in progress.
    Requests,
    /// The bytes of large requests in progress.
    RequestBytes,
    /// Bodies that are being received.
    Bodies,
    /// Open WebSockets.
    Sockets,
    /// Open subscriptions.
    Subscriptions,
    /// The bytes of the requests of open subscriptions.
    SubscriptionBytes,
    /// The answers that a subscriber has not read.
    SubscriberQueue,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Requests,
        Self::RequestBytes,
        Self::Bodies,
        Self::Sockets,
        Self::Subscriptions,
        Self::SubscriptionBytes,
        Self::SubscriberQueue,
    ];

    /// Returns the value of its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::RequestBytes => "request_bytes",
            Self::Bodies => "bodies",
            Self::Sockets => "sockets",
            Self::Subscriptions => "subscriptions",
            Self::SubscriptionBytes => "subscription_bytes",
            Self::SubscriberQueue => "subscriber_queue",
        }
    }
}

/// The kinds of operations that have one answer.
const ANSWERED_KINDS: [OperationKind; 2] = [OperationKind::Query, OperationKind::Mutation];

/// Returns the value of the label of a kind.
pub(crate) fn kind_label(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Query => "query",
        OperationKind::Mutation => "mutation",
        OperationKind::Subscription => "subscription",
    }
}

/// Begins the span of an operation, if its request is sampled.
pub(crate) fn operation_span(kind: OperationKind, name: Option<&str>) -> Option<Span> {
    spans::start(|| {
        let kind = kind_label(kind);
        let new = NewSpan::new(kind).with("graphql.operation.type", kind);
        // The name is a name of GraphQL, but as long as the client likes.
        let name = name.map(|name| name.chars().take(NAME_CHARS_MAX).collect::<String>());
        match name {
            Some(name) => new.with("graphql.operation.name", name),
            None => new,
        }
    })
}

/// The most characters of a client's name in an attribute.
const NAME_CHARS_MAX: usize = 64;

/// The classes of HTTP statuses, from 100 on.
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The counters that requests add to, shared by all listeners.
#[derive(Debug, Default)]
pub struct RequestMeters {
    operations: [[OperationMeter; Transport::ALL.len()]; ANSWERED_KINDS.len()],
    subscriptions: [SubscriptionMeter; Transport::ALL.len()],
    responses: StatusCounter,
    /// The REST mounts by name.
    rest: Mutex<Vec<(&'static str, Arc<StatusCounter>)>>,
    refusals: [AtomicU64; Queue::ALL.len()],
}

/// The operations of one kind that arrive in one way.
#[derive(Debug)]
pub(crate) struct OperationMeter {
    /// The microseconds of each.
    pub times: Histogram,
    /// The codes of their errors.
    pub errors: ErrorCodeCounts,
}

impl Default for OperationMeter {
    fn default() -> Self {
        Self {
            times: Histogram::new(DURATION_BOUNDS_US),
            errors: ErrorCodeCounts::default(),
        }
    }
}

/// The subscriptions that arrive in one way.
#[derive(Debug, Default)]
pub(crate) struct SubscriptionMeter {
    /// Their answers.
    pub answers: Counter,
    /// The codes of the errors of their answers.
    pub errors: ErrorCodeCounts,
}

impl RequestMeters {
    /// Records a query or a mutation that began then and is answered now.
    pub fn record_operation(&self, kind: OperationKind, transport: Transport, begun: Instant, codes: ErrorCodeSet) {
        let place = usize::from(kind == OperationKind::Mutation);
        let meter = &self.operations[place][transport as usize];
        meter.times.record_since(begun);
        meter.errors.count(codes);
    }

    /// Records an answer of a subscription.
    pub fn record_subscription_answer(&self, transport: Transport, codes: ErrorCodeSet) {
        let meter = &self.subscriptions[transport as usize];
        meter.answers.increment();
        meter.errors.count(codes);
    }

    /// Records an HTTP response.
    pub fn record_response(&self, status: u16) {
        self.responses.record(status);
    }

    /// Returns the counter of a REST mount's responses. A mount at several addresses has one.
    pub fn of_mount(&self, name: &'static str) -> Arc<StatusCounter> {
        let mut mounts = self.mounts();
        if let Some((_, known)) = mounts.iter().find(|(known, _)| *known == name) {
            return Arc::clone(known);
        }
        let counter = Arc::<StatusCounter>::default();
        mounts.push((name, Arc::clone(&counter)));
        counter
    }

    /// Records that a bound was reached.
    pub fn record_refusal(&self, queue: Queue) {
        self.refusals[queue as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = (OperationKind, Transport, &OperationMeter)> {
        ANSWERED_KINDS
            .into_iter()
            .zip(&self.operations)
            .flat_map(|(kind, meters)| {
                let meters = Transport::ALL.into_iter().zip(meters);
                meters.map(move |(transport, meter)| (kind, transport, meter))
            })
    }

    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = (Transport, &SubscriptionMeter)> {
        let able = |(transport, _): &(Transport, _)| !matches!(transport, Transport::Http | Transport::Rest);
        Transport::ALL.into_iter().zip(&self.subscriptions).filter(able)
    }

    pub(crate) fn responses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.responses.by_class()
    }

    pub(crate) fn rest(&self) -> Vec<(&'static str, &'static str, u64)> {
        let mounts = self.mounts();
        let counts = mounts.iter().flat_map(|(mount, counter)| {
            let mount = *mount;
            counter.by_class().map(move |(class, count)| (mount, class, count))
        });
        counts.collect()
    }

    fn mounts(&self) -> MutexGuard<'_, Vec<(&'static str, Arc<StatusCounter>)>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.refusals.iter().map(|count| count.load(Ordering::Relaxed));
        Queue::ALL.into_iter().map(Queue::label).zip(counts)
    }
}

/// Responses by the class of their status.
#[derive(Debug, Default)]
pub struct StatusCounter([Counter; STATUS_CLASSES.len()]);

impl StatusCounter {
    /// Records a response.
    pub fn record(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, STATUS_CLASSES.len());
        self.0[class - 1].increment();
    }

    fn by_class(&self) -> impl Iterator<Item = (&'static str, u64)> {
        STATUS_CLASSES.into_iter().zip(self.0.iter().map(Counter::value))
    }
}
