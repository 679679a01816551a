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
use crate::http::error::HttpError;
use crate::http::operation_kind::{OperationKind, operation_kind};
use crate::http::params::Params;
use crate::subgraph::{EncodedResponse, RequestDocument, SubgraphRequest, SubgraphResponse};

/// A requested operation.
pub(super) struct OperationRequest {
    pub(super) kind: OperationKind,
    pub(super) request: SubgraphRequest,
    /// Its approximate memory while it runs, in bytes.
    memory_bytes: usize,
}

impl OperationRequest {
    pub(super) fn new(params: Params, identity: &Identity, request_id: Arc<str>) -> Self {
        let kind = operation_kind(&params.query, params.operation_name.as_deref());
        let memory_bytes = params.memory_bytes;
        let request = SubgraphRequest {
            document: RequestDocument::Text(params.query.into()),
            operation_name: params.operation_name,
            variables: params.variables,
            viewer: identity.viewer.clone(),
            session: identity.session,
            request_id,
            queries_only: false,
            budget: None,
        };
        Self {
            kind,
            request,
            memory_bytes,
        }
    }

    fn is_subscription(&self) -> bool {
        self.kind == OperationKind::Subscription
    }
}

/// Builds an HTTP response with a streamed body.
pub(super) fn streaming_response(media: &'static str, pieces: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let mut response = Response::new(Body::from_stream(pieces.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    // Some proxies buffer an answer unless this header disables it.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// An item that a streaming transport sends.
#[derive(Clone)]
pub(super) enum StreamItem {
    /// The next answer.
    Response(EncodedResponse),
    /// The operation has completed. The last part.
    Completed,
    /// The reason that the operation ended before it completed. The last part.
    Ended(HttpError),
}

/// The answers of one operation. Dropping it ends the operation.
pub(super) struct ResponseStream {
    queue: mpsc::Receiver<QueuedResponse>,
    last_item: Arc<OnceLock<StreamItem>>,
    is_finished: bool,
}

/// An answer that waits for its client, with its permits of the limits in bytes.
struct QueuedResponse {
    answer: EncodedResponse,
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

/// The limits in bytes of the waiting answers: of one operation, and of all.
struct QueueBudget {
    own: Arc<Semaphore>,
    own_max: usize,
    all: Arc<Semaphore>,
    all_max: usize,
}

impl QueueBudget {
    fn new(gateway: &Gateway) -> Self {
        let own_max = gateway.limits.subscriber_queue_bytes_max;
        Self {
            own: Arc::new(Semaphore::new(own_max.min(Semaphore::MAX_PERMITS))),
            own_max,
            all: Arc::clone(&gateway.permits.queued_bytes),
            all_max: gateway.limits.unread_bytes_max,
        }
    }

    /// Waits until there is room for the answer; an answer that exceeds the limit takes all of it. Always returns `Some`,
    /// because the semaphores are never closed.
    async fn acquire(&self, answer: EncodedResponse) -> Option<QueuedResponse> {
        let permits = |most: usize| u32::try_from(answer.body.len().min(most)).unwrap_or(u32::MAX);
        let own = Arc::clone(&self.own)
            .acquire_many_owned(permits(self.own_max))
            .await
            .ok()?;
        let all = Arc::clone(&self.all)
            .acquire_many_owned(permits(self.all_max))
            .await
            .ok()?;
        Some(QueuedResponse {
            answer,
            _own: own,
            _all: all,
        })
    }
}

impl ResponseStream {
    /// Starts an operation in a task of its own.
    ///
    /// A bounded queue holds the answers that the client has not read yet. While it is full, the operation does not read from
    /// its source; if it stays full, the operation ends. So memory stays bounded, and no task waits for a client that is stuck.
    ///
    /// # Errors
    /// `UNAVAILABLE` when too many operations are open, or the process is shutting down.
    pub(super) fn start(
        gateway: &Gateway,
        identity: Identity,
        mut operation: OperationRequest,
    ) -> Result<Self, HttpError> {
        if gateway.shutdown.is_cancelled() {
            return Err(HttpError::shutting_down());
        }
        let permit = acquire_permit(gateway, &operation)?;
        let bytes_permit = acquire_bytes(gateway, &operation)?;
        operation.request.budget = Some(gateway.answer_budget());
        let (sender, queue) = mpsc::channel(gateway.limits.subscriber_queue_max);
        let last_item = Arc::new(OnceLock::new());
        let responses = Self {
            queue,
            last_item: Arc::clone(&last_item),
            is_finished: false,
        };
        let gateway = gateway.clone();
        let address = contract::client_address();
        tokio::spawn(async move {
            let (_permit, _bytes_permit) = (permit, bytes_permit);
            let item = contract::with_client_address(address, forward(&gateway, &identity, operation, &sender)).await;
            // Set before the sender is dropped, because the receiver reads it when the queue ends.
            let _ = last_item.set(item);
            drop(sender);
        });
        Ok(responses)
    }
}

fn acquire_permit(gateway: &Gateway, operation: &OperationRequest) -> Result<OwnedSemaphorePermit, HttpError> {
    let (semaphore, message) = if operation.is_subscription() {
        (
            &gateway.permits.subscriptions,
            "too many open subscriptions, try again later",
        )
    } else {
        (&gateway.permits.requests, "too many requests at once, try again")
    };
    Arc::clone(semaphore)
        .try_acquire_owned()
        .map_err(|_| HttpError::new("UNAVAILABLE", message))
}

/// Takes permits for the memory of a subscription's request while it is open: the limit on their number does not bound their
/// size.
fn acquire_bytes(gateway: &Gateway, operation: &OperationRequest) -> Result<Option<OwnedSemaphorePermit>, HttpError> {
    if !operation.is_subscription() {
        return Ok(None);
    }
    let memory_bytes = operation.memory_bytes.min(gateway.limits.subscriptions_bytes_max);
    let bytes = Arc::clone(&gateway.permits.subscription_bytes);
    let bytes_permit = bytes.try_acquire_many_owned(u32::try_from(memory_bytes).unwrap_or(u32::MAX));
    let refused = |_| HttpError::new("UNAVAILABLE", "too many large subscriptions are open, try again later");
    bytes_permit.map(Some).map_err(refused)
}

async fn forward(
    gateway: &Gateway,
    identity: &Identity,
    operation: OperationRequest,
    queue: &mpsc::Sender<QueuedResponse>,
) -> StreamItem {
    let is_subscription = operation.is_subscription();
    let termination = termination(gateway, identity, is_subscription);
    tokio::pin!(termination);
    let wait_max = Duration::from_millis(gateway.limits.subscriber_ms_max);
    let bytes = QueueBudget::new(gateway);
    let mut responses = graph_responses(gateway, operation);
    loop {
        let answer = tokio::select! {
            biased;
            error = &mut termination => return StreamItem::Ended(error),
            () = queue.closed() => return StreamItem::Completed,
            answer = responses.next() => answer,
        };
        let Some(answer) = answer else {
            return StreamItem::Completed;
        };
        // Checks the token again, because it may have expired since the last event. The answer to a sign-out is still
        // delivered to its caller, since only subscriptions are checked.
        if let (true, Err(error)) = (is_subscription, gateway.auth.require_valid(identity)) {
            return StreamItem::Ended(error.into());
        }
        let slot = timeout(wait_max, async {
            let slot = queue.reserve().await.ok()?;
            Some((slot, bytes.acquire(answer.into_encoded()).await?))
        });
        let slot = tokio::select! {
            biased;
            error = &mut termination => return StreamItem::Ended(error),
            () = queue.closed() => return StreamItem::Completed,
            slot = slot => slot,
        };
        match slot {
            Ok(Some((slot, queued))) => slot.send(queued),
            Ok(None) => return StreamItem::Completed,
            Err(_elapsed) => return StreamItem::Ended(too_slow()),
        }
    }
}

/// Waits until the operation has to end. A shutdown ends only subscriptions: queries and mutations are short, and a mutation
/// may be changing data.
async fn termination(gateway: &Gateway, identity: &Identity, is_subscription: bool) -> HttpError {
    if !is_subscription {
        return std::future::pending().await;
    }
    tokio::select! {
        error = gateway.auth.until_invalidated(identity) => error.into(),
        () = gateway.shutdown.cancelled() => HttpError::shutting_down(),
    }
}

fn too_slow() -> HttpError {
    HttpError::new(
        "TOO_SLOW",
        "the answers were not read in time: the subscription has ended",
    )
}

fn graph_responses(gateway: &Gateway, operation: OperationRequest) -> BoxStream<'static, SubgraphResponse> {
    if operation.is_subscription() {
        return gateway.graph.subscribe(operation.request);
    }
    let graph = Arc::clone(&gateway.graph);
    stream::once(async move { graph.fetch(operation.request).await }).boxed()
}

impl Stream for ResponseStream {
    type Item = StreamItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        if self.is_finished {
            return Poll::Ready(None);
        }
        if let Some(queued) = ready!(self.queue.poll_recv(cx)) {
            return Poll::Ready(Some(StreamItem::Response(queued.answer)));
        }
        self.is_finished = true;
        // The task sets the ending before it drops the sender. Without an ending, the task panicked.
        let last_item = self.last_item.get().cloned();
        Poll::Ready(Some(
            last_item.unwrap_or_else(|| StreamItem::Ended(HttpError::internal())),
        ))
    }
}
