//! Subscriptions: the first step of the plan is a subgraph's stream, and the other steps run on every event.

use std::pin::Pin;
use std::sync::Arc;

use async_graphql::{Response, ServerError, Value};
use foundation::ErrorCode;
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::task::unconstrained;

use super::abort::Abort;
use super::allowance::Allowance;
use super::pipeline::{Pipeline, PlannedRequest};
use super::plan_execution::receive;
use super::request_error::RequestError;
use crate::subgraph::{EncodedResponse, OperationKind, SubgraphRequest, SubgraphResponse, code_of};

/// Answers any operation as a stream: a query or a mutation with one answer, a subscription with one per event.
///
/// The next event is requested when the client has taken the last answer, so a slow client applies backpressure to
/// the source.
pub fn subscribe(pipeline: Arc<Pipeline>, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
    let answers = async move {
        open(pipeline, request)
            .await
            .unwrap_or_else(|rejection| once(rejection.into_encoded()))
    };
    // Boxed, so that an open subscription does not keep the memory of its start.
    stream::once(answers.boxed())
        .flatten()
        .map(SubgraphResponse::Json)
        .boxed()
}

async fn open(
    pipeline: Arc<Pipeline>,
    mut request: SubgraphRequest,
) -> Result<BoxStream<'static, EncodedResponse>, RequestError> {
    let allowance = pipeline.request_allowance(&mut request);
    let planned = pipeline.plan_in_time(request, allowance).await?;
    if planned.operation.valid.kind() != OperationKind::Subscription {
        return Ok(once(pipeline.execute_planned(planned).await));
    }
    let planned = Arc::new(planned);
    let source = planned.plan.fetches.source.as_ref().ok_or(RequestError::Internal)?;
    let execution = pipeline.execution(&planned, pipeline.new_state(&planned), &planned.allowance);
    let mut request = execution.request(source, execution.fetch_variables(source));
    request.budget = Some(Arc::clone(&planned.allowance.budget));
    let events = pipeline.subgraphs[source.subgraph].subscribe(request);
    let mut events = events
        .map({
            let (name, pipeline, planned) = (source.name.clone(), pipeline.clone(), planned.clone());
            move |event| SourceEvent::receive(&name, event, pipeline.allowance(Some(&planned.allowance.budget)))
        })
        .boxed()
        .peekable();
    // A subgraph that rejects the subscription sends one error and ends; after an error in a single event, the
    // stream goes on. The end is seen even if the task has used up its budget of work.
    let first = events.next().await;
    if let Some(SourceEvent {
        response: Ok(first), ..
    }) = &first
        && let Some(rejection) = source_rejection(first)
        && matches!(unconstrained(Pin::new(&mut events).peek()).now_or_never(), Some(None))
    {
        return Err(rejection);
    }
    let answers = stream::iter(first).chain(events).then(move |event| {
        let (long_operations, planned) = (pipeline.long_operations.clone(), planned.clone());
        let pipeline = pipeline.clone();
        // Boxed, so that a subscription that waits does not hold the memory of an answer.
        let answer = async move { answer(&pipeline, &planned, event).await }.boxed();
        long_operations.run(answer, None)
    });
    Ok(answers.boxed())
}

fn once(answer: EncodedResponse) -> BoxStream<'static, EncodedResponse> {
    stream::once(async { answer }).boxed()
}

/// An event of the source, and the allowance of its answer.
struct SourceEvent {
    response: Result<Response, Abort>,
    allowance: Allowance,
}

impl SourceEvent {
    fn receive(subgraph: &str, data: SubgraphResponse, allowance: Allowance) -> Self {
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
