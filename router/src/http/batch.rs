//! Several operations in one POST, as a JSON array (batching of Apollo Client and others). The answers are an array in the same
//! order.
//!
//! The operations run at the same time. A batch is one request for the limits on sizes, which hold for the sum over its operations
//! ([`BatchBudget`]), and it is as many requests as it has operations for the limits on concurrent requests and on writes.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use contract::{BatchBudget, ErrorCode, ErrorCodeSet};
use futures_util::future::join_all;
use tokio::sync::OwnedSemaphorePermit;

use crate::access_log::AccessNote;
use crate::documents::DocumentError;
use crate::gateway::Gateway;
use crate::http::accept::{AcceptedMediaTypes, ResponseMediaType};
use crate::http::error::HttpError;
use crate::http::params::Params;
use crate::http::response_stream::OperationRequest;
use crate::request_id::RequestId;
use crate::request_meters::{Queue, Transport};
use crate::subgraph::{Caller, EncodedResponse, OperationKind, ResponseKind};

/// Returns the media type of the answers.
///
/// # Errors
/// `NOT_ACCEPTABLE` for a client that accepts only streams.
pub(super) fn media_type(accepted: &AcceptedMediaTypes) -> Result<ResponseMediaType, HttpError> {
    let refusal = || HttpError::new(ErrorCode::NotAcceptable, "a batch is answered as application/json");
    accepted.single.ok_or_else(refusal)
}

/// Answers all operations, in their order.
///
/// # Errors
/// `UNAVAILABLE` when so many more requests cannot be answered at once.
pub(super) async fn fetch_all(
    gateway: &Gateway,
    operations: Vec<Result<Params, DocumentError>>,
    caller: &Caller,
    id: &RequestId,
    note: Option<&AccessNote>,
) -> Result<Vec<EncodedResponse>, HttpError> {
    // The middleware has taken the permit of the first one.
    let _permits = further_permits(gateway, operations.len().saturating_sub(1))?;
    let budget = Arc::new(BatchBudget::default());
    let answers = operations.into_iter().map(async |operation| match operation {
        Ok(params) => {
            let operation = OperationRequest::new(params, caller.clone(), Arc::clone(&id.0));
            fetch(gateway, operation, &budget).await
        }
        Err(error) => refusal(&error.into()),
    });
    let answers = join_all(answers).await;
    if let Some(note) = note {
        let codes = answers.iter().flat_map(|answer| answer.codes.iter());
        note.codes(codes.collect());
    }
    Ok(answers)
}

fn further_permits(gateway: &Gateway, count: usize) -> Result<OwnedSemaphorePermit, HttpError> {
    let requests = Arc::clone(&gateway.permits.requests);
    let permits = requests.try_acquire_many_owned(u32::try_from(count).unwrap_or(u32::MAX));
    permits.map_err(|_| {
        gateway.permits.meters.record_refusal(Queue::Requests);
        HttpError::new(ErrorCode::Unavailable, "too many requests at once, try again")
    })
}

async fn fetch(gateway: &Gateway, operation: OperationRequest, batch: &Arc<BatchBudget>) -> EncodedResponse {
    let operation = operation.prepare(gateway, None).await;
    if operation.kind == OperationKind::Subscription {
        return refusal(&HttpError::invalid(
            "a batch has no subscriptions: send them one at a time",
        ));
    }
    let budget = gateway.answer_budget_of(batch);
    let answer = operation.fetch_within(gateway, Transport::Http, budget).await;
    answer.into_encoded()
}

fn refusal(error: &HttpError) -> EncodedResponse {
    EncodedResponse {
        body: error.body(),
        kind: ResponseKind::RequestError(error.code()),
        codes: ErrorCodeSet::from(error.code()),
    }
}

/// Builds the response. Its status tells nothing of the single answers.
pub(super) fn respond(answers: &[EncodedResponse], media: ResponseMediaType) -> Response {
    let bytes: usize = answers.iter().map(|answer| answer.body.len() + 1).sum();
    let mut body = Vec::with_capacity(bytes + 1);
    for (index, answer) in answers.iter().enumerate() {
        body.push(if index == 0 { b'[' } else { b',' });
        body.extend_from_slice(&answer.body);
    }
    body.push(b']');
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media.content_type());
    response
}
