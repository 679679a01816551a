//! Subscriptions: the first step of the plan is a subgraph's stream, and the other steps run on every event.

use std::pin::Pin;
use std::sync::Arc;

use async_graphql::{Response, ServerError, Value};
use foundation::ErrorCode;
use futures_util::FutureExt;
use futures_util::future::Either;
use futures_util::stream::{self, BoxStream, Peekable, StreamExt};
use tokio::task::unconstrained;

use super::abort::Abort;
use super::allowance::Allowance;
use super::long_operations::Operation;
use super::pipeline::{Pipeline, PlannedRequest};
use super::plan::model::Fetch;
use super::plan_execution::receive;
use super::request_error::RequestError;
use crate::subgraph::{EncodedResponse, OperationKind, SubgraphRequest, SubgraphResponse, code_of};

/// Answers any operation as a stream: a query or a mutation with one answer, a subscription with one per event.
///
/// The next event is requested when the client has taken the last answer, so a slow client applies backpressure to
/// the source.
pub fn subscribe(pipeline: Arc<Pipeline>, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
    answers(async move {
        Ok(match Subscription::open(pipeline, request).await? {
            Either::Left(answer) => once(answer),
            Either::Right(subscription) => subscription.into_answers(),
        })
    })
}

/// Returns the answers that a stream gives once it has started, or the answer that rejects it.
pub fn answers(
    start: impl Future<Output = Result<BoxStream<'static, EncodedResponse>, RequestError>> + Send + 'static,
) -> BoxStream<'static, SubgraphResponse> {
    let started = start.map(|started| started.unwrap_or_else(|rejection| once(rejection.into_encoded())));
    // Boxed, so that an open subscription does not keep the memory of its start.
    stream::once(started.boxed())
        .flatten()
        .map(SubgraphResponse::Json)
        .boxed()
}

/// Returns a stream of one answer.
pub fn once(answer: EncodedResponse) -> BoxStream<'static, EncodedResponse> {
    stream::once(async { answer }).boxed()
}

/// An open subscription.
pub struct Subscription {
    pipeline: Arc<Pipeline>,
    planned: Arc<PlannedRequest>,
    /// The responses of the source.
    responses: Peekable<BoxStream<'static, SubgraphResponse>>,
    /// Whether the source has sent a response.
    has_begun: bool,
}

impl Subscription {
    /// Plans an operation and subscribes to its source. If the operation is a query or a mutation, this returns its answer.
    ///
    /// # Errors
    /// When the operation cannot be planned.
    pub async fn open(
        pipeline: Arc<Pipeline>,
        mut request: SubgraphRequest,
    ) -> Result<Either<EncodedResponse, Self>, RequestError> {
        let allowance = pipeline.request_allowance(&mut request);
        let planned = pipeline.plan_in_time(request, allowance).await?;
        if planned.operation.valid.kind() != OperationKind::Subscription {
            return Ok(Either::Left(pipeline.execute_planned(planned).await));
        }
        if planned.plan.fetches.source.is_none() {
            // The caller may not see the root field.
            return Ok(Either::Left(pipeline.execute_planned(planned).await));
        }
        Self::start(pipeline, planned).map(Either::Right)
    }

    /// Subscribes to the source of a plan.
    fn start(pipeline: Arc<Pipeline>, planned: PlannedRequest) -> Result<Self, RequestError> {
        let source = source(&planned)?;
        let execution = pipeline.execution(&planned, pipeline.new_state(&planned), &planned.allowance);
        let mut request = execution.request(source, execution.fetch_variables(source));
        drop(execution);
        request.budget = Some(Arc::clone(&planned.allowance.budget));
        let responses = pipeline.subgraphs[source.subgraph].subscribe(request).peekable();
        Ok(Self {
            planned: Arc::new(planned),
            pipeline,
            responses,
            has_begun: false,
        })
    }

    /// Whether it runs on that pipeline.
    pub fn is_on(&self, pipeline: &Arc<Pipeline>) -> bool {
        Arc::ptr_eq(&self.pipeline, pipeline)
    }

    /// Goes on over another graph. A source that is the same there goes on, so that no event is lost; otherwise that of the new graph
    /// takes its place.
    ///
    /// # Errors
    /// When the other graph cannot plan the operation of `request`, which is the one that this subscription began with.
    pub async fn move_to(&mut self, pipeline: Arc<Pipeline>, request: SubgraphRequest) -> Result<(), RequestError> {
        let allowance = pipeline.allowance(Some(&self.planned.allowance.budget));
        let planned = pipeline.plan_in_time(request, allowance).await?;
        if self.has_source_of(&pipeline, &planned)? {
            self.pipeline = pipeline;
            self.planned = Arc::new(planned);
        } else {
            *self = Self::start(pipeline, planned)?;
        }
        Ok(())
    }

    /// Whether the source of another plan is the same request to the same subgraph.
    fn has_source_of(&self, pipeline: &Pipeline, planned: &PlannedRequest) -> Result<bool, RequestError> {
        let (own, other) = (source(&self.planned)?, source(planned)?);
        let (own_subgraph, other_subgraph) = (
            &self.pipeline.subgraphs[own.subgraph],
            &pipeline.subgraphs[other.subgraph],
        );
        let is_same_subgraph = std::ptr::addr_eq(Arc::as_ptr(own_subgraph), Arc::as_ptr(other_subgraph));
        let has_same_variables = || {
            let mut names = other.variables.iter();
            own.variables == other.variables && names.all(|name| self.planned.argument(name) == planned.argument(name))
        };
        Ok(is_same_subgraph && own.document.text() == other.document.text() && has_same_variables())
    }

    /// Waits for the next event of the source. A future of this method may be dropped at any time.
    ///
    /// # Errors
    /// When the subgraph rejects the subscription.
    pub async fn next_event(&mut self) -> Option<Result<SourceEvent, RequestError>> {
        let response = self.responses.next().await?;
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let event = SourceEvent::receive(&self.pipeline, &self.planned, response);
        // A subgraph that rejects the subscription sends one error and ends; after an error in a single event, the
        // stream goes on. The end is seen even if the task has used up its budget of work.
        if is_first
            && let Ok(first) = &event.response
            && let Some(rejection) = source_rejection(first)
            && matches!(
                unconstrained(Pin::new(&mut self.responses).peek()).now_or_never(),
                Some(None)
            )
        {
            return Some(Err(rejection));
        }
        Some(Ok(event))
    }

    /// Runs the other steps of the plan on an event.
    pub fn answer(&self, event: SourceEvent) -> Operation<EncodedResponse> {
        let (pipeline, planned) = (Arc::clone(&self.pipeline), Arc::clone(&self.planned));
        // Boxed, so that a subscription that waits does not hold the memory of an answer.
        let answer = async move { answer(&pipeline, &planned, event).await }.boxed();
        self.pipeline.long_operations.run(answer, None)
    }

    /// Returns all answers.
    fn into_answers(self) -> BoxStream<'static, EncodedResponse> {
        stream::unfold(self, |mut subscription| async move {
            let answer = match subscription.next_event().await? {
                Ok(event) => subscription.answer(event).await,
                Err(rejection) => rejection.into_encoded(),
            };
            Some((answer, subscription))
        })
        .boxed()
    }
}

/// Returns the source of a subscription's plan.
fn source(planned: &PlannedRequest) -> Result<&Fetch, RequestError> {
    planned.plan.fetches.source.as_ref().ok_or(RequestError::Internal)
}

/// An event of the source, and the allowance of its answer.
pub struct SourceEvent {
    response: Result<Response, Abort>,
    allowance: Allowance,
}

impl SourceEvent {
    fn receive(pipeline: &Pipeline, planned: &PlannedRequest, data: SubgraphResponse) -> Self {
        let allowance = pipeline.allowance(Some(&planned.allowance.budget));
        let subgraph = planned.plan.fetches.source.as_ref().map_or("", |source| &source.name);
        Self {
            response: receive(subgraph, data, &allowance.budget),
            allowance,
        }
    }
}

async fn answer(pipeline: &Pipeline, planned: &PlannedRequest, event: SourceEvent) -> EncodedResponse {
    let response = match event.response {
        Ok(response) => response,
        Err(abort) => return abort.into_encoded(),
    };
    let mut state = pipeline.new_state(planned);
    if let Some(source) = &planned.plan.fetches.source {
        state.merge_root(source, response);
    }
    pipeline.execute(planned, state, &event.allowance).await
}

/// Returns the error of a response without data, with which a subgraph may reject the subscription.
fn source_rejection(response: &Response) -> Option<RequestError> {
    let error = response.errors.first()?;
    if response.data != Value::Null {
        return None;
    }
    // The client gets a code that this build does not know as the subgraph sent it.
    let code = code_of(error).unwrap_or(ErrorCode::Internal);
    let mut source_error = ServerError::new(error.message.clone(), None);
    source_error.extensions.clone_from(&error.extensions);
    Some(RequestError::SubscriptionRejected(code, Box::new(source_error)))
}
