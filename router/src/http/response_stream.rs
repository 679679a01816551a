//! The answers of one operation for streaming transports: bounded in size, and ended when the caller or the server must stop.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use contract::{AnswerBudget, ErrorCode, ErrorCodeSet};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::access_log::{AccessNote, OperationLogEntry};
use crate::auth::Identity;
use crate::execution_trace::ExecutionTrace;
use crate::gateway::Gateway;
use crate::http::error::HttpError;
use crate::http::params::{Params, ParamsMemory};
use crate::http::response_queue::{QueueItem, ResponseQueue};
use crate::request_meters::{Queue, Transport, operation_span};
use crate::subgraph::{
    Caller, EncodedResponse, OperationKind, PreparedRequest, RequestDocument, SubgraphRequest, SubgraphResponse,
};

/// A requested operation.
pub(super) struct OperationRequest {
    request: SubgraphRequest,
    memory: ParamsMemory,
}

impl OperationRequest {
    pub(super) fn new(params: Params, caller: Caller, request_id: Arc<str>) -> Self {
        let request = SubgraphRequest {
            document: RequestDocument::Text(params.query),
            operation_name: params.operation_name,
            variables: params.variables,
            caller,
            request_id,
            budget: None,
        };
        Self {
            request,
            memory: params.memory,
        }
    }

    /// Determines the kind of the operation, and notes it with the operation's name.
    pub(super) async fn prepare(self, gateway: &Gateway, note: Option<&AccessNote>) -> PreparedOperation {
        if let Some(note) = note {
            // All that is known of a request that is rejected.
            note.operation(self.request.operation_name.as_deref(), None);
        }
        let PreparedRequest { kind, request } = gateway.graph.prepare(self.request).await;
        if let (Some(note), Ok(request)) = (note, &request) {
            note.operation(request.document.operation_name(), Some(kind));
        }
        PreparedOperation {
            kind,
            request,
            memory_bytes: match kind {
                OperationKind::Subscription => self.memory.bytes(),
                OperationKind::Query | OperationKind::Mutation => 0,
            },
        }
    }
}

/// A requested operation whose kind is known.
pub(super) struct PreparedOperation {
    pub(super) kind: OperationKind,
    /// The request, or the response that rejects it.
    request: Result<SubgraphRequest, EncodedResponse>,
    /// The approximate memory of a subscription's request, in bytes; zero for other operations, which hold it briefly.
    memory_bytes: usize,
}

impl PreparedOperation {
    fn is_subscription(&self) -> bool {
        self.kind == OperationKind::Subscription
    }

    /// The same operation, which notes what it does there.
    pub(super) fn traced(mut self, trace: Option<&Arc<ExecutionTrace>>) -> Self {
        if let Ok(SubgraphRequest {
            document: RequestDocument::Prepared(prepared),
            ..
        }) = &mut self.request
        {
            prepared.trace = trace.cloned();
        }
        self
    }

    /// Returns the answer to a query or a mutation, as JSON.
    pub(super) async fn fetch(self, gateway: &Gateway, transport: Transport) -> EncodedResponse {
        self.fetch_response(gateway, transport).await.into_encoded()
    }

    /// Returns the answer to a query or a mutation.
    pub(super) async fn fetch_response(self, gateway: &Gateway, transport: Transport) -> SubgraphResponse {
        let budget = gateway.answer_budget();
        self.fetch_within(gateway, transport, budget).await
    }

    /// As [`fetch_response`](Self::fetch_response), within that budget.
    pub(super) async fn fetch_within(
        self,
        gateway: &Gateway,
        transport: Transport,
        budget: Arc<AnswerBudget>,
    ) -> SubgraphResponse {
        let begun = self.begun();
        let answer = match self.request {
            Ok(mut request) => {
                request.budget = Some(budget);
                let span = operation_span(self.kind, request.document.operation_name());
                let answer = spans::within(span.clone(), gateway.graph.fetch(request)).await;
                let codes = answer.codes();
                if let Some(span) = span.filter(|_| !codes.is_empty()) {
                    span.fail(codes.to_string());
                }
                answer
            }
            Err(rejection) => SubgraphResponse::Json(rejection),
        };
        let meters = &gateway.permits.meters;
        meters.record_operation(self.kind, transport, begun.into_std(), answer.codes());
        answer
    }

    /// When preparing the operation began; now, if the subgraph did not say so. It saves most requests a look at the clock.
    fn begun(&self) -> Instant {
        match &self.request {
            Ok(SubgraphRequest {
                document: RequestDocument::Prepared(prepared),
                ..
            }) => prepared.begun,
            _ => Instant::now(),
        }
    }

    /// Returns the answers to an operation of any kind.
    fn into_responses(self, gateway: &Gateway, transport: Transport) -> BoxStream<'static, SubgraphResponse> {
        match self.request {
            Ok(mut request) if self.kind == OperationKind::Subscription => {
                request.budget = Some(gateway.answer_budget());
                gateway.graph.subscribe(request)
            }
            request => {
                let (operation, gateway) = (Self { request, ..self }, gateway.clone());
                let answer = async move { operation.fetch_response(&gateway, transport).await };
                stream::once(spans::carried(answer)).boxed()
            }
        }
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
    queue: Arc<ResponseQueue<StreamItem>>,
    is_finished: bool,
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
        operation: PreparedOperation,
        transport: Transport,
    ) -> Result<Self, HttpError> {
        refuse_at_shutdown(gateway)?;
        let permits = if operation.is_subscription() {
            OperationPermits::of_subscription(gateway, &operation)?
        } else {
            OperationPermits::of_request(gateway)?
        };
        // A query belongs to the span of its request, also in a task of its own.
        let span = spans::current();
        Ok(Self::spawn(gateway, move |gateway, queue| async move {
            let start = || RunningOperation::start(&gateway, operation, permits, transport);
            let mut operation = match span {
                Some(span) => span.scope(start),
                None => start(),
            };
            forward(&gateway, &identity, &mut operation, &queue).await
        }))
    }

    /// As [`start`](Self::start), for a transport that does not need the kind of the operation: its task prepares the operation,
    /// so the transport goes on meanwhile. Until then, the operation counts as a request.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub(super) fn prepare_and_start(
        gateway: &Gateway,
        identity: Identity,
        operation: OperationRequest,
        transport: Transport,
    ) -> Result<Self, HttpError> {
        let started = start_operation(gateway, &identity, operation, transport)?;
        Ok(Self::spawn(gateway, move |gateway, queue| async move {
            let started = tokio::select! {
                biased;
                () = queue.closed() => return StreamItem::Completed,
                started = started => started,
            };
            match started {
                Ok(mut operation) => forward(&gateway, &identity, &mut operation, &queue).await,
                Err(error) => StreamItem::Ended(error),
            }
        }))
    }

    /// Runs an operation in a task, which puts its answers into the queue and returns the last item.
    fn spawn<F>(gateway: &Gateway, run: impl FnOnce(Gateway, Arc<ResponseQueue<StreamItem>>) -> F) -> Self
    where
        F: Future<Output = StreamItem> + Send + 'static,
    {
        let queue = ResponseQueue::new(&gateway.limits, &gateway.permits.queued_bytes);
        let writer = QueueWriter(Arc::clone(&queue));
        // Boxed, because each future around it has two places for it: one from its creation, one from its first poll.
        let operation = run(gateway.clone(), Arc::clone(&queue)).boxed();
        let operation = contract::with_client_address(contract::client_address(), operation);
        tokio::spawn(async move {
            let item = operation.await;
            writer.0.end(Some(item));
        });
        Self {
            queue,
            is_finished: false,
        }
    }
}

/// Ends the queue also when the operation panicked.
struct QueueWriter(Arc<ResponseQueue<StreamItem>>);

impl Drop for QueueWriter {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

/// Begins an operation: its line of the access log and its span. The future prepares it, and counts as a request until the kind of the
/// operation is known.
///
/// # Errors
/// As [`ResponseStream::start`].
pub(super) fn start_operation(
    gateway: &Gateway,
    identity: &Identity,
    operation: OperationRequest,
    transport: Transport,
) -> Result<BoxFuture<'static, Result<RunningOperation, HttpError>>, HttpError> {
    refuse_at_shutdown(gateway)?;
    let permits = OperationPermits::of_request(gateway)?;
    let log_entry = OperationLogEntry::begin(&operation.request.request_id, transport, &identity.viewer);
    let traces = gateway.permits.traces.as_ref();
    let span = traces.and_then(|traces| traces.begin_operation(&operation.request.request_id));
    let gateway = gateway.clone();
    let start =
        async move { RunningOperation::prepare_and_start(&gateway, operation, permits, transport, log_entry).await };
    // Boxed, so that an open subscription does not keep the memory of its start.
    Ok(spans::within(span, start).boxed())
}

fn refuse_at_shutdown(gateway: &Gateway) -> Result<(), HttpError> {
    if gateway.shutdown.is_cancelled() {
        return Err(HttpError::shutting_down());
    }
    Ok(())
}

/// The permits of a running operation.
struct OperationPermits {
    _operation: OwnedSemaphorePermit,
    _bytes: Option<OwnedSemaphorePermit>,
}

impl OperationPermits {
    /// Takes the permit of a query or a mutation.
    fn of_request(gateway: &Gateway) -> Result<Self, HttpError> {
        let refused = |_| {
            gateway.permits.meters.record_refusal(Queue::Requests);
            HttpError::new(ErrorCode::Unavailable, "too many requests at once, try again")
        };
        Ok(Self {
            _operation: Arc::clone(&gateway.permits.requests)
                .try_acquire_owned()
                .map_err(refused)?,
            _bytes: None,
        })
    }

    /// Takes the permits of a subscription, also for the memory of its request while it is open: the limit on the number of
    /// subscriptions does not bound their size.
    fn of_subscription(gateway: &Gateway, operation: &PreparedOperation) -> Result<Self, HttpError> {
        let refused = |_| {
            gateway.permits.meters.record_refusal(Queue::Subscriptions);
            HttpError::new(ErrorCode::Unavailable, "too many open subscriptions, try again later")
        };
        let subscription = Arc::clone(&gateway.permits.subscriptions)
            .try_acquire_owned()
            .map_err(refused)?;
        let memory_bytes = operation.memory_bytes.min(gateway.limits.subscriptions_bytes_max);
        let refused = |_| {
            gateway.permits.meters.record_refusal(Queue::SubscriptionBytes);
            HttpError::new(
                ErrorCode::Unavailable,
                "too many large subscriptions are open, try again later",
            )
        };
        let bytes = Arc::clone(&gateway.permits.subscription_bytes)
            .try_acquire_many_owned(u32::try_from(memory_bytes).unwrap_or(u32::MAX))
            .map_err(refused)?;
        Ok(Self {
            _operation: subscription,
            _bytes: Some(bytes),
        })
    }
}

/// An operation that has begun.
pub(super) struct RunningOperation {
    pub(super) responses: BoxStream<'static, SubgraphResponse>,
    pub(super) is_subscription: bool,
    transport: Transport,
    /// The line of an operation that has no response of its own.
    log_entry: Option<OperationLogEntry>,
    _permits: OperationPermits,
}

impl RunningOperation {
    fn start(gateway: &Gateway, operation: PreparedOperation, permits: OperationPermits, transport: Transport) -> Self {
        Self {
            is_subscription: operation.is_subscription(),
            transport,
            log_entry: None,
            responses: operation.into_responses(gateway, transport),
            _permits: permits,
        }
    }

    /// Prepares and starts an operation, which has the permits of a request until its kind is known.
    async fn prepare_and_start(
        gateway: &Gateway,
        operation: OperationRequest,
        mut permits: OperationPermits,
        transport: Transport,
        log_entry: Option<OperationLogEntry>,
    ) -> Result<Self, HttpError> {
        let note = log_entry.as_ref().map(OperationLogEntry::note);
        let operation = operation.prepare(gateway, note).await;
        if operation.is_subscription() {
            permits = OperationPermits::of_subscription(gateway, &operation).inspect_err(|error| {
                if let Some(note) = note {
                    note.codes(error.code().into());
                }
            })?;
        }
        Ok(Self {
            log_entry,
            ..Self::start(gateway, operation, permits, transport)
        })
    }

    /// Records an answer with these codes for the access log and the metrics.
    pub(super) fn record_answer(&mut self, gateway: &Gateway, codes: ErrorCodeSet) {
        if let Some(log_entry) = &mut self.log_entry {
            log_entry.answered(codes);
        }
        if self.is_subscription {
            let meters = &gateway.permits.meters;
            meters.record_subscription_answer(self.transport, codes);
        }
    }
}

async fn forward(
    gateway: &Gateway,
    identity: &Identity,
    operation: &mut RunningOperation,
    queue: &ResponseQueue<StreamItem>,
) -> StreamItem {
    let is_subscription = operation.is_subscription;
    let termination = termination(gateway, identity, is_subscription);
    tokio::pin!(termination);
    let wait_max = Duration::from_millis(gateway.limits.subscriber_ms_max);
    loop {
        let answer = tokio::select! {
            biased;
            error = &mut termination => return StreamItem::Ended(error),
            () = queue.closed() => return StreamItem::Completed,
            answer = operation.responses.next() => answer,
        };
        let Some(answer) = answer else {
            return StreamItem::Completed;
        };
        // Checks the token again, because it may have expired since the last event. The answer to a sign-out is still
        // delivered to its caller, since only subscriptions are checked.
        if let (true, Err(error)) = (is_subscription, gateway.auth.require_valid(identity)) {
            return StreamItem::Ended(error.into());
        }
        let answer = answer.into_encoded();
        operation.record_answer(gateway, answer.codes);
        // Boxed, so that a subscription that waits for its next answer does not hold the memory of this wait.
        let pushed = timeout(wait_max, queue.push(answer)).boxed();
        let pushed = tokio::select! {
            biased;
            error = &mut termination => return StreamItem::Ended(error),
            () = queue.closed() => return StreamItem::Completed,
            pushed = pushed => pushed,
        };
        match pushed {
            Ok(true) => {}
            Ok(false) => return StreamItem::Completed,
            Err(_elapsed) => {
                gateway.permits.meters.record_refusal(Queue::SubscriberQueue);
                return StreamItem::Ended(too_slow());
            }
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
        ErrorCode::TooSlow,
        "the answers were not read in time: the subscription has ended",
    )
}

impl Stream for ResponseStream {
    type Item = StreamItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        if self.is_finished {
            return Poll::Ready(None);
        }
        let item = match ready!(self.queue.poll_next(cx)) {
            QueueItem::Response(answer) => return Poll::Ready(Some(StreamItem::Response(answer))),
            QueueItem::End(item) => item,
        };
        self.is_finished = true;
        // Without a last item, the task panicked.
        Poll::Ready(Some(item.unwrap_or_else(|| StreamItem::Ended(HttpError::internal()))))
    }
}

impl Drop for ResponseStream {
    fn drop(&mut self) {
        self.queue.close();
    }
}
