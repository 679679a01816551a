//! Executes a plan: independent steps run in parallel, dependent steps in order.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::{PathSegment, Response, ServerError, Value, Variables};
use contract::{AnswerBudget, BudgetError, Viewer};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join_all};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::abort::Abort;
use super::entities;
use super::field_errors::{FetchError, FieldErrors};
use super::plan::{Fetch, MutationStep, PlanStep};
use super::project;
use super::projection_plan::ObjectProjection;
use super::tree::{merge, merge_into, rewrite, rewrite_path, size_of, visit};
use crate::cache::ResponseCache;
use crate::limits::Limits;
use crate::subgraph::{Subgraph, SubgraphRequest, SubgraphResponse};

/// The caller's identity, as the gateway passes it to every subgraph.
#[derive(Clone)]
pub struct CallerIdentity {
    /// The authenticated caller.
    pub viewer: Viewer,
    /// The caller's session.
    pub session: Option<i64>,
    /// Correlates the log lines of one request.
    pub request_id: Arc<str>,
}

/// The memory and the time that one answer may use.
#[derive(Clone)]
pub struct Allowance {
    /// The bytes that the answer may hold.
    pub budget: Arc<AnswerBudget>,
    /// The time by which the answer must be complete.
    pub deadline: Instant,
}

/// One execution of a plan.
pub struct PlanExecution<'a> {
    /// The subgraphs, in the order of [`Fetch::subgraph`].
    pub subgraphs: &'a [Arc<dyn Subgraph>],
    /// The values of the plan's arguments.
    pub variables: &'a Variables,
    /// The caller.
    pub caller: &'a CallerIdentity,
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

/// The data and errors fetched so far.
#[derive(Debug)]
pub struct ExecutionState {
    /// The merged trees, an object.
    pub data: Value,
    /// The field errors.
    pub field_errors: FieldErrors,
}

impl PlanExecution<'_> {
    /// Runs a step within the time limit of the request. Fields that are not fetched by then fail with `TIMEOUT`.
    ///
    /// A root field of a mutation that has begun runs to its end, which its domain bounds: an error tells the client that
    /// the field changed nothing.
    ///
    /// # Errors
    /// When the answer is too large: the rest of it is no longer needed.
    pub async fn run(&self, step: &PlanStep) -> Result<(), Abort> {
        let running = self.run_step(step);
        tokio::pin!(running);
        if let Ok(done) = timeout_at(self.allowance.deadline, &mut running).await {
            return done;
        }
        if let Some(writing) = &self.writing {
            let mut writing = writing.subscribe();
            tokio::select! {
                biased;
                done = &mut running => return done,
                _ = writing.wait_for(|writing| !writing) => {}
            }
        }
        let cause = FetchError::new("the request took too long", "TIMEOUT");
        self.state().field_errors.fail(&[], &cause);
        Ok(())
    }

    /// Returns the fetched data and errors.
    pub fn finish(self) -> ExecutionState {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_step<'s>(&'s self, step: &'s PlanStep) -> BoxFuture<'s, Result<(), Abort>> {
        async move {
            match step {
                PlanStep::Sequence(steps) => {
                    for step in steps {
                        self.run_step(step).await?;
                    }
                }
                PlanStep::Parallel(steps) => {
                    try_join_all(steps.iter().map(|step| self.run_step(step))).await?;
                }
                PlanStep::Serial(roots) => {
                    for root in roots {
                        self.run_step(&root.step).await?;
                        if self.is_fatal(root) {
                            break;
                        }
                    }
                }
                PlanStep::Fetch(fetch) => {
                    self.set_writing(true);
                    let response = self.fetch_roots(fetch).await;
                    self.set_writing(false);
                    let response = response?;
                    self.state().merge_root(fetch, response);
                }
                PlanStep::Nested(place, fetch) => {
                    let response = self.fetch_roots(fetch).await?;
                    let mut state = self.state();
                    let mut data = response.data;
                    fetch.rewrites.iter().for_each(|change| rewrite(&mut data, change));
                    let ExecutionState {
                        data: tree,
                        field_errors,
                    } = &mut *state;
                    let bytes = size_of(&data);
                    let mut fits = Ok(());
                    visit(tree, place, &mut Vec::new(), &mut |object, at| {
                        let path: Vec<_> = at.iter().map(PathSegment::from).collect();
                        record_errors(field_errors, &response.errors, &path, fetch);
                        fits = fits.and_then(|()| self.allowance.budget.charge_response(bytes));
                        if fits.is_ok()
                            && let Value::Object(fields) = data.clone()
                        {
                            merge_into(object, fields);
                        }
                    });
                    fits?;
                }
                PlanStep::Entities(fetch, batches) => {
                    let requested = {
                        let mut state = self.state();
                        entities::collect_representations(&mut state, batches, self.limits.entities_max)
                    };
                    if requested.is_empty() {
                        return Ok(());
                    }
                    let (response, targets) = self.fetch_entities(fetch, batches, requested).await?;
                    entities::merge_response(&mut self.state(), batches, &targets, response, &self.allowance.budget)?;
                }
            }
            Ok(())
        }
        .boxed()
    }

    /// Records that a root field of a mutation begins or has ended.
    fn set_writing(&self, begins: bool) {
        if let Some(writing) = &self.writing {
            writing.send_replace(begins);
        }
    }

    /// Whether the root field's null propagates to the whole answer. The client could then not see the effects of the next
    /// root fields, so they do not begin.
    fn is_fatal(&self, root: &MutationStep) -> bool {
        let state = self.state();
        project::nulls_data(
            self.projection,
            &root.data_key,
            &state.data,
            &state.field_errors,
            self.allowance,
        )
    }

    /// Sends a fetch to its subgraph. A failed or panicking subgraph also yields a response.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn send(&self, fetch: &Fetch, variables: Variables) -> Result<Response, Abort> {
        let mut request = self.request(fetch, variables);
        request.budget = Some(Arc::clone(&self.allowance.budget));
        let sent = AssertUnwindSafe(self.subgraphs[fetch.subgraph].fetch(request)).catch_unwind();
        match sent.await {
            Ok(data) => receive(&fetch.name, data, &self.allowance.budget),
            Err(_) => {
                tracing::error!(subgraph = %fetch.name, request_id = %self.caller.request_id, "a subgraph panicked");
                Ok(error_response("something went wrong on our side", "INTERNAL"))
            }
        }
    }

    /// Builds the request of a fetch.
    pub fn request(&self, fetch: &Fetch, variables: Variables) -> SubgraphRequest {
        // A cacheable fetch is sent anonymously, so its response cannot contain data that only one caller may see.
        let (viewer, session) = if fetch.is_anonymous {
            (Viewer::Anonymous, None)
        } else {
            (self.caller.viewer.clone(), self.caller.session)
        };
        SubgraphRequest {
            document: fetch.document.clone(),
            operation_name: None,
            variables,
            viewer,
            session,
            request_id: self.caller.request_id.clone(),
            queries_only: false,
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

    fn state(&self) -> MutexGuard<'_, ExecutionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExecutionState {
    /// The empty state of an answer of that shape, with room for `errors_max` errors.
    pub fn new(errors_max: usize, projection: Arc<ObjectProjection>) -> Self {
        Self {
            data: Value::Object(Default::default()),
            field_errors: FieldErrors::new(errors_max, projection),
        }
    }

    /// Merges the response to a fetch of root fields.
    pub fn merge_root(&mut self, fetch: &Fetch, response: Response) {
        let mut data = response.data;
        fetch.rewrites.iter().for_each(|change| rewrite(&mut data, change));
        record_errors(&mut self.field_errors, &response.errors, &[], fetch);
        if matches!(data, Value::Object(_)) {
            merge(&mut self.data, data);
        }
    }
}

/// Records a response's errors. An error with a path belongs to that place. An error without a path, or at a field outside
/// of the fetch's keys, is the reason that the fetch's keys are missing.
fn record_errors(field_errors: &mut FieldErrors, errors: &[ServerError], at: &[PathSegment], fetch: &Fetch) {
    let is_asked_for = |key: &PathSegment| match key {
        PathSegment::Field(key) => fetch.keys.contains(key),
        PathSegment::Index(_) => false,
    };
    for error in errors {
        let mut inside = error.path.clone();
        let rewrites = fetch.rewrites.iter();
        rewrites.for_each(|change| rewrite_path(&mut inside, change));
        if !inside.first().is_some_and(is_asked_for) {
            let cause = FetchError::from_subgraph(error.clone());
            for key in &fetch.keys {
                let mut path = at.to_vec();
                path.push(PathSegment::Field(key.clone()));
                field_errors.fail(&path, &cause);
            }
            continue;
        }
        let mut listed = ServerError::new(error.message.clone(), None);
        listed.extensions.clone_from(&error.extensions);
        listed.path = at.iter().cloned().chain(inside).collect();
        field_errors.list(listed);
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
    match response.errors.iter().find_map(Abort::of) {
        Some(abort) => return Err(abort),
        None => budget.charge_response(size_of(&response.data))?,
    }
    Ok(response)
}

/// Converts a subgraph's response from either of its forms.
fn into_response(subgraph: &str, data: SubgraphResponse) -> Response {
    match data {
        SubgraphResponse::Tree(response) => response,
        SubgraphResponse::Json(response) => serde_json::from_slice(&response.body).unwrap_or_else(|error| {
            tracing::error!(%subgraph, %error, "the answer of a subgraph is not a GraphQL response");
            unavailable_response()
        }),
    }
}

/// The response for a subgraph that returns no valid response.
pub fn unavailable_response() -> Response {
    error_response("a part of the system does not answer as it should", "UNAVAILABLE")
}

fn error_response(message: &str, code: &str) -> Response {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", code);
    Response::from_errors(vec![error])
}
