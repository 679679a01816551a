//! The answers of one operation for streaming transports: bounded in size, and ended when the caller or the server must stop.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::auth::Identity;
use crate::gateway::Gateway;
use crate::http::operation::{Kind, kind_of};
use crate::http::params::Params;
use crate::http::refusal::Refusal;
use crate::subgraph::{Answer, Document, SubgraphData, SubgraphRequest};

/// A requested operation.
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) request: SubgraphRequest,
    /// Its approximate memory while it runs, in bytes.
    weight: usize,
}

impl Operation {
    pub(super) fn new(params: Params, identity: &Identity, request_id: Arc<str>) -> Self {
        let kind = kind_of(&params.query, params.operation_name.as_deref());
        let weight = params.weight;
        let request = SubgraphRequest {
            document: Document::Text(params.query.into()),
            operation_name: params.operation_name,
            variables: params.variables,
            viewer: identity.viewer.clone(),
            session: identity.session,
            request_id,
            queries_only: false,
            budget: None,
        };
        Self { kind, request, weight }
    }

    fn is_subscription(&self) -> bool {
        self.kind == Kind::Subscription
    }
}

/// Builds an HTTP response with a streamed body.
pub(super) fn streamed(media: &'static str, pieces: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let mut response = Response::new(Body::from_stream(pieces.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    // Some proxies buffer an answer unless this header disables it.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// An item that a streaming transport sends.
#[derive(Clone)]
pub(super) enum Part {
    /// The next answer.
    Answer(Answer),
    /// The operation has completed. The last part.
    Completed,
    /// The reason that the operation ended before it completed. The last part.
    Ended(Refusal),
}

/// The answers of one operation. Dropping it ends the operation.
pub(super) struct Answers {
    queue: mpsc::Receiver<Queued>,
    ending: Arc<OnceLock<Part>>,
    over: bool,
}

/// An answer that waits for its client, with its permits of the limits in bytes.
struct Queued {
    answer: Answer,
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

/// The limits in bytes of the waiting answers: of one operation, and of all.
struct QueueBytes {
    own: Arc<Semaphore>,
    own_max: usize,
    all: Arc<Semaphore>,
    all_max: usize,
}

impl QueueBytes {
    fn new(gateway: &Gateway) -> Self {
        let own_max = gateway.limits.subscriber_queue_bytes_max;
        Self {
            own: Arc::new(Semaphore::new(own_max.min(Semaphore::MAX_PERMITS))),
            own_max,
            all: Arc::clone(&gateway.room.queued_bytes),
            all_max: gateway.limits.unread_bytes_max,
        }
    }

    /// Waits until there is room for the answer; an answer that exceeds the limit takes all of it. Always returns `Some`,
    /// because the semaphores are never closed.
    async fn room_for(&self, answer: Answer) -> Option<Queued> {
        let permits = |most: usize| u32::try_from(answer.body.len().min(most)).unwrap_or(u32::MAX);
        let own = Arc::clone(&self.own)
            .acquire_many_owned(permits(self.own_max))
            .await
            .ok()?;
        let all = Arc::clone(&self.all)
            .acquire_many_owned(permits(self.all_max))
            .await
            .ok()?;
        Some(Queued {
            answer,
            _own: own,
            _all: all,
        })
    }
}

impl Answers {
    /// Starts an operation in a task of its own.
    ///
    /// A bounded queue holds the answers that the client has not read yet. While it is full, the operation does not read from
    /// its source; if it stays full, the operation ends. So memory stays bounded, and no task waits for a client that is stuck.
    ///
    /// # Errors
    /// `UNAVAILABLE` when too many operations are open, or the process is shutting down.
    pub(super) fn begin(gateway: &Gateway, identity: Identity, mut operation: Operation) -> Result<Self, Refusal> {
        if gateway.shutdown.is_cancelled() {
            return Err(Refusal::shutting_down());
        }
        let permit = permit(gateway, &operation)?;
        let held = held(gateway, &operation)?;
        operation.request.budget = Some(gateway.answer_budget());
        let (sender, queue) = mpsc::channel(gateway.limits.subscriber_queue_max);
        let ending = Arc::new(OnceLock::new());
        let answers = Self {
            queue,
            ending: Arc::clone(&ending),
            over: false,
        };
        let gateway = gateway.clone();
        let address = contract::client_address();
        tokio::spawn(async move {
            let (_permit, _held) = (permit, held);
            let how = contract::for_client(address, pump(&gateway, &identity, operation, &sender)).await;
            // Set before the sender is dropped, because the receiver reads it when the queue ends.
            let _ = ending.set(how);
            drop(sender);
        });
        Ok(answers)
    }
}

fn permit(gateway: &Gateway, operation: &Operation) -> Result<OwnedSemaphorePermit, Refusal> {
    let (room, what) = if operation.is_subscription() {
        (
            &gateway.room.subscriptions,
            "too many open subscriptions, try again later",
        )
    } else {
        (&gateway.room.requests, "too many requests at once, try again")
    };
    Arc::clone(room)
        .try_acquire_owned()
        .map_err(|_| Refusal::new("UNAVAILABLE", what))
}

/// Takes permits for the memory of a subscription's request while it is open: the limit on their number does not bound their
/// size.
fn held(gateway: &Gateway, operation: &Operation) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
    if !operation.is_subscription() {
        return Ok(None);
    }
    let weight = operation.weight.min(gateway.limits.subscriptions_bytes_max);
    let bytes = Arc::clone(&gateway.room.subscription_bytes);
    let held = bytes.try_acquire_many_owned(u32::try_from(weight).unwrap_or(u32::MAX));
    let refused = |_| Refusal::new("UNAVAILABLE", "too many large subscriptions are open, try again later");
    held.map(Some).map_err(refused)
}

async fn pump(gateway: &Gateway, identity: &Identity, operation: Operation, queue: &mpsc::Sender<Queued>) -> Part {
    let subscription = operation.is_subscription();
    let must_end = must_end(gateway, identity, subscription);
    tokio::pin!(must_end);
    let patience = Duration::from_millis(gateway.limits.subscriber_ms_max);
    let bytes = QueueBytes::new(gateway);
    let mut answers = answers_of(gateway, operation);
    loop {
        let answer = tokio::select! {
            biased;
            refusal = &mut must_end => return Part::Ended(refusal),
            () = queue.closed() => return Part::Completed,
            answer = answers.next() => answer,
        };
        let Some(answer) = answer else {
            return Part::Completed;
        };
        // Checks the token again, because it may have expired since the last event. The answer to a sign-out is still
        // delivered to its caller, since only subscriptions are checked.
        if let (true, Err(error)) = (subscription, gateway.auth.check(identity)) {
            return Part::Ended(error.into());
        }
        let room = timeout(patience, async {
            let room = queue.reserve().await.ok()?;
            Some((room, bytes.room_for(answer.into_answer()).await?))
        });
        let room = tokio::select! {
            biased;
            refusal = &mut must_end => return Part::Ended(refusal),
            () = queue.closed() => return Part::Completed,
            room = room => room,
        };
        match room {
            Ok(Some((room, queued))) => room.send(queued),
            Ok(None) => return Part::Completed,
            Err(_elapsed) => return Part::Ended(too_slow()),
        }
    }
}

/// Waits until the operation has to end. A shutdown ends only subscriptions: queries and mutations are short, and a mutation
/// may be changing data.
async fn must_end(gateway: &Gateway, identity: &Identity, subscription: bool) -> Refusal {
    if !subscription {
        return std::future::pending().await;
    }
    tokio::select! {
        error = gateway.auth.until_void(identity) => error.into(),
        () = gateway.shutdown.cancelled() => Refusal::shutting_down(),
    }
}

fn too_slow() -> Refusal {
    Refusal::new(
        "TOO_SLOW",
        "the answers were not read in time: the subscription has ended",
    )
}

fn answers_of(gateway: &Gateway, operation: Operation) -> BoxStream<'static, SubgraphData> {
    if operation.is_subscription() {
        return gateway.graph.subscribe(operation.request);
    }
    let graph = Arc::clone(&gateway.graph);
    stream::once(async move { graph.fetch(operation.request).await }).boxed()
}

impl Stream for Answers {
    type Item = Part;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Part>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Some(queued) = ready!(self.queue.poll_recv(cx)) {
            return Poll::Ready(Some(Part::Answer(queued.answer)));
        }
        self.over = true;
        // The task sets the ending before it drops the sender. Without an ending, the task panicked.
        let ending = self.ending.get().cloned();
        Poll::Ready(Some(ending.unwrap_or_else(|| Part::Ended(Refusal::internal()))))
    }
}
