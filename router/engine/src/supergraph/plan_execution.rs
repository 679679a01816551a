//! The context of a running plan: its caller, its subgraphs, and the requests to them.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_graphql::{Name, Response, ServerError, Value, Variables};
use bytes::Bytes;
use foundation::{AnswerBudget, BudgetError, ErrorCode};
use futures_util::FutureExt;
use spans::NewSpan;
use tokio::sync::watch;

use super::abort::Abort;
use super::allowance::Allowance;
use super::execution_state::ExecutionState;
use super::meters::FetchMeter;
use super::plan::model::{Fetch, ObjectProjection};
use super::tree::size_of;
use crate::cache::ResponseCache;
use crate::limits::Limits;
use crate::subgraph::{Caller, Subgraph, SubgraphRequest, SubgraphResponse, TapeResponse, TapeSubgraph};

/// One execution of a plan.
pub struct PlanExecution<'a> {
    /// The subgraphs, in the order of [`Fetch::subgraph`].
    pub subgraphs: &'a [Arc<dyn Subgraph>],
    /// The times and errors of the subgraphs, in the same order.
    pub meters: &'a [Arc<FetchMeter>],
    /// The values of the plan's arguments.
    pub variables: &'a Variables,
    /// The caller.
    pub caller: &'a Caller,
    /// Correlates the log lines of one request.
    pub request_id: &'a Arc<str>,
    /// The limits.
    pub limits: &'a Limits,
    /// The cache of responses that are the same for every caller.
    pub cache: &'a ResponseCache,
    /// The shape of the answer.
    pub projection: &'a ObjectProjection,
    /// Whether a root field of a mutation is executing; `None` for a query or a subscription.
    pub writing: Option<watch::Sender<bool>>,
    /// The memory and the time that the answer may use.
    pub allowance: &'a Allowance,
    /// The data and errors fetched so far. Locked between awaits, never across one.
    pub state: Mutex<ExecutionState>,
}

impl PlanExecution<'_> {
    /// Sends a fetch to its subgraph. A failed or panicking subgraph also yields a response.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn send(&self, fetch: &Fetch, variables: Variables) -> Result<Response, Abort> {
        let mut request = self.request(fetch, variables);
        request.budget = Some(Arc::clone(&self.allowance.budget));
        let sent = self.subgraphs[fetch.subgraph].fetch(request);
        let receiving = async { receive(&fetch.name, sent.await, &self.allowance.budget) };
        self.observe(fetch, receiving, |response| &response.errors).await
    }

    /// Sends a fetch to a subgraph whose answers are tapes, with lists of representations as JSON. A failed or panicking subgraph also
    /// yields a response.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn send_tape(
        &self,
        subgraph: &dyn TapeSubgraph,
        fetch: &Fetch,
        lists: Vec<(Name, Bytes)>,
    ) -> Result<TapeResponse, Abort> {
        let mut request = self.request(fetch, self.fetch_variables(fetch));
        request.budget = Some(Arc::clone(&self.allowance.budget));
        let sent = subgraph.fetch_tape(request, lists);
        let receiving = async { receive_tape(sent.await, &self.allowance.budget) };
        self.observe(fetch, receiving, TapeResponse::errors).await
    }

    /// Waits for a response and records its time, its errors and its span. A panicking subgraph also yields a response.
    async fn observe<R: From<Response>>(
        &self,
        fetch: &Fetch,
        receiving: impl Future<Output = Result<R, Abort>>,
        errors: fn(&R) -> &[ServerError],
    ) -> Result<R, Abort> {
        let begun = Instant::now();
        let span = spans::start(|| {
            let name = fetch.name.to_ascii_lowercase();
            NewSpan::new(format!("fetch {name}")).with("agora.subgraph", name)
        });
        let receiving = AssertUnwindSafe(receiving).catch_unwind();
        let received = spans::within(span.clone(), receiving).await.unwrap_or_else(|_| {
            tracing::error!(subgraph = %fetch.name, request_id = %self.request_id, "a subgraph panicked");
            Ok(error_response("something went wrong on our side", ErrorCode::Internal).into())
        });
        let codes = self.meters[fetch.subgraph].record(begun, received.as_ref().map(errors));
        if let Some(trace) = &self.allowance.trace {
            trace.note_fetch(&fetch.name, begun, codes);
        }
        if let Some(span) = span.filter(|_| !codes.is_empty()) {
            span.fail(codes.to_string());
        }
        received
    }

    /// Builds the request of a fetch.
    pub fn request(&self, fetch: &Fetch, variables: Variables) -> SubgraphRequest {
        // A cacheable fetch is sent anonymously, so its response cannot contain data that only one caller may see.
        let caller = if fetch.is_anonymous && !self.cache.is_absent() {
            Caller::anonymous()
        } else {
            self.caller.clone()
        };
        SubgraphRequest {
            document: fetch.document.clone(),
            operation_name: None,
            variables,
            caller,
            request_id: self.request_id.clone(),
            budget: None,
        }
    }

    /// Returns the operation's variables that a fetch needs.
    pub fn fetch_variables(&self, fetch: &Fetch) -> Variables {
        let mut needed = Variables::default();
        for name in &fetch.variables {
            if let Some(value) = self.variables.get(name) {
                needed.insert(name.clone(), value.clone());
            }
        }
        needed
    }

    /// Locks the data and errors fetched so far.
    pub fn state(&self) -> MutexGuard<'_, ExecutionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the fetched data and errors.
    pub fn finish(self) -> ExecutionState {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Converts a subgraph's response and counts its size.
///
/// # Errors
/// When it is too large, or the subgraph reports that it would be.
pub fn receive(subgraph: &str, data: SubgraphResponse, budget: &AnswerBudget) -> Result<Response, Abort> {
    if let SubgraphResponse::Json(response) = &data
        && response.body.len() > budget.bytes_max()
    {
        return Err(BudgetError::AnswerTooLarge(budget.bytes_max()).into());
    }
    let response = into_response(subgraph, data);
    charge(&response, budget)?;
    Ok(response)
}

/// Counts the size of a response over HTTP.
fn receive_tape(response: TapeResponse, budget: &AnswerBudget) -> Result<TapeResponse, Abort> {
    match &response {
        TapeResponse::Tape(tape) => budget.charge_response(tape.bytes())?,
        TapeResponse::Values(response) => charge(response, budget)?,
    }
    Ok(response)
}

/// Counts the size of a response.
fn charge(response: &Response, budget: &AnswerBudget) -> Result<(), Abort> {
    match response.errors.iter().find_map(Abort::of) {
        Some(abort) => Err(abort),
        None => Ok(budget.charge_response(size_of(&response.data))?),
    }
}

/// Converts a subgraph's response from either of its forms.
fn into_response(subgraph: &str, data: SubgraphResponse) -> Response {
    match data {
        SubgraphResponse::Tree(response) => response,
        SubgraphResponse::Json(response) => match serde_json::from_slice(&response.body) {
            Ok(response) if explains_its_data(&response) => response,
            Ok(_) => {
                tracing::error!(%subgraph, "the answer of a subgraph has neither data nor errors");
                unavailable_response()
            }
            Err(error) => {
                tracing::error!(%subgraph, %error, "the answer of a subgraph is not a GraphQL response");
                unavailable_response()
            }
        },
    }
}

/// Whether a response has data, or an error in their place.
fn explains_its_data(response: &Response) -> bool {
    matches!(response.data, Value::Object(_)) || !response.errors.is_empty()
}

/// The response for a subgraph that returns no valid response.
pub fn unavailable_response() -> Response {
    error_response(
        "a part of the system does not answer as it should",
        ErrorCode::Unavailable,
    )
}

fn error_response(message: &str, code: ErrorCode) -> Response {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", code.as_str());
    Response::from_errors(vec![error])
}
