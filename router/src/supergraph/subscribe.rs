//! Subscriptions: the first step of the plan is a subgraph's stream, and the other steps run on every event.

use std::pin::Pin;
use std::sync::Arc;

use apollo_compiler::executable::OperationType;
use async_graphql::{Response, ServerError, Value};
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::abort::Abort;
use super::execute::{Allowance, receive};
use super::refusal::Refusal;
use super::{Inner, Prepared};
use crate::subgraph::{Answer, SubgraphData, SubgraphRequest};

/// Answers any operation as a stream: a query or a mutation with one answer, a subscription with one per event.
///
/// The next event is requested when the client has taken the last answer, so a slow client applies backpressure to
/// the source.
pub fn subscribe(inner: Arc<Inner>, request: SubgraphRequest) -> BoxStream<'static, SubgraphData> {
    let answers = async move {
        open(inner, request)
            .await
            .unwrap_or_else(|refusal| once(refusal.into_answer()))
    };
    stream::once(answers).flatten().map(SubgraphData::Json).boxed()
}

async fn open(inner: Arc<Inner>, request: SubgraphRequest) -> Result<BoxStream<'static, Answer>, Refusal> {
    let queries_only = request.queries_only;
    let prepared = inner.prepare_in_time(request).await?;
    match prepared.operation.kind() {
        OperationType::Subscription => {}
        OperationType::Mutation if queries_only => return Err(Refusal::QueriesOnly("mutation")),
        _ => {
            return Ok(once(
                inner
                    .execute(&prepared, inner.gathered(&prepared), &prepared.allowance)
                    .await,
            ));
        }
    }
    let prepared = Arc::new(prepared);
    let source = prepared.plan.fetches.source.as_ref().ok_or(Refusal::Internal)?;
    let run = inner.run(&prepared, inner.gathered(&prepared), &prepared.allowance);
    let events = inner.subgraphs[source.subgraph].subscribe(run.request(source, run.variables_of(source)));
    let mut events = events
        .map({
            let (name, inner, prepared) = (source.name.clone(), inner.clone(), prepared.clone());
            move |event| Event::receive(&name, event, inner.allowance(Some(&prepared.allowance.budget)))
        })
        .boxed()
        .peekable();
    // A subgraph that rejects the subscription sends one error and ends; after an error in a single event, the
    // stream goes on.
    let first = events.next().await;
    if let Some(Event {
        response: Ok(first), ..
    }) = &first
        && let Some(refusal) = refusal(first)
        && matches!(Pin::new(&mut events).peek().now_or_never(), Some(None))
    {
        return Err(refusal);
    }
    let answers = stream::iter(first).chain(events).then(move |event| {
        let (inner, prepared) = (inner.clone(), prepared.clone());
        async move { answer(&inner, &prepared, event).await }
    });
    Ok(answers.boxed())
}

fn once(answer: Answer) -> BoxStream<'static, Answer> {
    stream::once(async { answer }).boxed()
}

/// An event of the source, and the allowance of its answer.
struct Event {
    response: Result<Response, Abort>,
    allowance: Allowance,
}

impl Event {
    fn receive(subgraph: &str, data: SubgraphData, allowance: Allowance) -> Self {
        Self {
            response: receive(subgraph, data, &allowance.budget),
            allowance,
        }
    }
}

async fn answer(inner: &Inner, prepared: &Prepared, event: Event) -> Answer {
    let response = match event.response {
        Ok(response) => response,
        Err(abort) => return abort.into_answer(),
    };
    let mut gathered = inner.gathered(prepared);
    if let Some(source) = &prepared.plan.fetches.source {
        gathered.take_root(source, response);
    }
    inner.execute(prepared, gathered, &event.allowance).await
}

/// Returns the error of a response without data, with which a subgraph may reject the subscription.
fn refusal(response: &Response) -> Option<Refusal> {
    let error = response.errors.first()?;
    if response.data != Value::Null {
        return None;
    }
    let given = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    let code = CODES.iter().find(|code| given == Some(&Value::from(**code)));
    let mut said = ServerError::new(error.message.clone(), None);
    said.extensions.clone_from(&error.extensions);
    Some(Refusal::Source(code.unwrap_or(&"INTERNAL"), Box::new(said)))
}

/// The codes with which a subgraph can reject a subscription.
const CODES: [&str; 10] = [
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "NOT_FOUND",
    "INVALID_INPUT",
    "CONFLICT",
    "RATE_LIMITED",
    "UNAVAILABLE",
    "TIMEOUT",
    "QUERY_TOO_COMPLEX",
    "INTERNAL",
];
