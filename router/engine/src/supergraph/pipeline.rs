//! The steps of a request: it is prepared (validated), planned, executed and projected.

use std::any::Any;
use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_graphql::{Name, Value, Variables};
use foundation::AnswerBudget;
use futures_util::future::{BoxFuture, Either, FutureExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::abort::Abort;
use super::allowance::Allowance;
use super::batch_limits;
use super::cached_fetch;
use super::cached_operation::{CachedOperation, OperationKey};
use super::cost;
use super::execution_state::ExecutionState;
use super::introspect::IntrospectionResult;
use super::long_operations::{LongOperations, Operation};
use super::merged_tapes::MergedTapes;
use super::meters::FetchMeter;
use super::operations::Operations;
use super::plan::model::Plan;
use super::plan::text::format_plan;
use super::plan_execution::PlanExecution;
use super::project;
use super::project_tapes;
use super::request_error::RequestError;
use super::shared_answers::SharedAnswers;
use super::tree;
use super::variables;
use super::write_budget::WriteBudget;
use crate::cache::ResponseCache;
use crate::limits::Limits;
use crate::subgraph::{
    Caller, EncodedResponse, OperationKind, Preparation, PreparedDocument, PreparedRequest, RequestDocument, Subgraph,
    SubgraphRequest, SubgraphResponse,
};

/// A supergraph with its subgraphs and caches.
pub struct Pipeline {
    /// The operations, valid and planned.
    pub operations: Arc<Operations>,
    /// Moves operations that take long to threads of their own.
    pub long_operations: LongOperations,
    /// The subgraphs, in the order of the supergraph's list.
    pub subgraphs: Vec<Arc<dyn Subgraph>>,
    /// Whether the answers of all of them are tapes.
    pub has_tapes: bool,
    /// The limits.
    pub limits: Arc<Limits>,
    /// The cached responses that are the same for every caller.
    pub cache: Arc<ResponseCache>,
    /// The rate limit of anonymous mutations.
    pub write_budget: Arc<WriteBudget>,
    /// The last answers of subscriptions.
    pub shared_answers: SharedAnswers,
    /// The times and errors of the subgraphs, in their order.
    pub fetch_meters: Vec<Arc<FetchMeter>>,
}

/// A request that has been validated and planned.
pub struct PlannedRequest {
    /// The operation.
    pub operation: Arc<CachedOperation>,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// The values of the plan's arguments.
    arguments: Variables,
    introspection: Option<Arc<IntrospectionResult>>,
    /// Whether `introspection` came from the cache.
    is_introspection_cached: bool,
    caller: Caller,
    request_id: Arc<str>,
    /// The memory and the time that its answer may use.
    pub allowance: Allowance,
}

impl PlannedRequest {
    /// Returns the value of an argument of the plan.
    pub fn argument(&self, name: &Name) -> Option<&Value> {
        self.arguments.get(name)
    }
}

/// An answer of at least this many bytes is serialized on a blocking thread.
const LARGE_ANSWER_BYTES: usize = 256 * 1024;
/// As [`LARGE_ANSWER_BYTES`], for data on tapes, which are written in a fraction of the time.
const LARGE_TAPES_BYTES: usize = 1024 * 1024;

impl Pipeline {
    /// Takes over from the pipeline that this one replaces: the bounds are those of the process, and the counts go on.
    pub fn take_over(&mut self, replaced: &Self) {
        self.long_operations = replaced.long_operations.clone();
        self.write_budget = Arc::clone(&replaced.write_budget);
        if let Some(operations) = Arc::get_mut(&mut self.operations) {
            operations.take_over(&replaced.operations);
        }
        for meter in &mut self.fetch_meters {
            if let Some(same) = replaced.fetch_meters.iter().find(|same| same.name() == meter.name()) {
                *meter = Arc::clone(same);
            }
        }
    }

    /// Answers a query or a mutation. A known plan is looked up before the future exists, which therefore stays small:
    /// moving it costs more than a cached answer does otherwise.
    pub fn execute_request(self: &Arc<Self>, mut request: SubgraphRequest) -> BoxFuture<'static, SubgraphResponse> {
        let document_bytes = request.document.text().len();
        let allowance = self.request_allowance(&mut request);
        let Some((operation, plan)) = self.known_plan(&request) else {
            let pipeline = Arc::clone(self);
            let answer = async move {
                let planned = pipeline.plan_in_time(request, allowance).await?;
                match pipeline.cached_answer(planned, document_bytes)? {
                    Either::Left(answer) => Ok(answer),
                    Either::Right(planned) => Ok(pipeline.execute_planned(planned).await),
                }
            };
            return answer.map(encoded).boxed();
        };
        let planned = self.bind(request, operation, plan, allowance);
        match planned.and_then(|planned| self.cached_answer(planned, document_bytes)) {
            Ok(Either::Left(answer)) => ready(encoded(Ok(answer))).boxed(),
            Ok(Either::Right(planned)) => self.execute_planned(planned).map(SubgraphResponse::Json).boxed(),
            Err(rejection) => ready(encoded(Err(rejection))).boxed(),
        }
    }

    /// Returns the cached answer of a request if there is one, and otherwise the request. Here `execute_request` rejects what
    /// it does not run.
    fn cached_answer(
        &self,
        planned: PlannedRequest,
        document_bytes: usize,
    ) -> Result<Either<EncodedResponse, PlannedRequest>, RequestError> {
        match planned.operation.valid.kind() {
            OperationKind::Subscription => return Err(RequestError::SubscriptionNotSupported),
            OperationKind::Mutation => {
                let caller = &planned.caller;
                self.write_budget.admit(caller, document_bytes, &planned.arguments)?;
            }
            OperationKind::Query => {}
        }
        let PlannedRequest {
            plan,
            arguments,
            allowance,
            ..
        } = &planned;
        if let Some(trace) = &allowance.trace {
            trace.note_plan(format_plan(plan));
        }
        match cached_fetch::cached_response(&self.cache, plan, arguments, allowance) {
            Some(answer) => Ok(Either::Left(answer)),
            None => Ok(Either::Right(planned)),
        }
    }

    /// Executes and projects; an operation that takes long moves to threads of its own.
    pub fn execute_planned(self: &Arc<Self>, planned: PlannedRequest) -> Operation<EncodedResponse> {
        let pipeline = Arc::clone(self);
        let is_query = planned.operation.valid.kind() == OperationKind::Query;
        let refusal = is_query.then_some((|| RequestError::TooManyLong.into_encoded()) as fn() -> EncodedResponse);
        let answer = async move {
            let mut state = pipeline.new_state(&planned);
            state.tapes = (is_query && pipeline.has_tapes).then(MergedTapes::default);
            pipeline.execute(&planned, state, &planned.allowance).await
        };
        self.long_operations.run(answer.boxed(), refusal)
    }

    /// The allowance of the next answer: a budget like the last one, or a new one, and the full request time from now on.
    pub fn allowance(&self, last: Option<&Arc<AnswerBudget>>) -> Allowance {
        Allowance {
            budget: self.budget(last),
            deadline: deadline(Instant::now(), self.limits.request_time_max()),
            trace: None,
        }
    }

    /// An unused budget like the last one, or a new one.
    fn budget(&self, last: Option<&Arc<AnswerBudget>>) -> Arc<AnswerBudget> {
        Arc::new(match last {
            Some(last) => last.unused_copy(),
            None => AnswerBudget::new(self.limits.answer_bytes_max, None),
        })
    }

    /// Validates a document and selects its operation, within the time limit of the request.
    pub fn prepare(self: &Arc<Self>, mut request: SubgraphRequest) -> Preparation<'static> {
        let begun = Instant::now();
        let key = (Arc::clone(request.document.text()), request.operation_name.take());
        let deadline = deadline(begun, self.limits.request_time_max());
        if let Some(operation) = self.operations.known_operation(&key) {
            self.operations.meters.documents.hits.increment();
            return Either::Left(ready(prepared_request(request, key, operation, begun, deadline)));
        }
        let pipeline = Arc::clone(self);
        let prepare = async move {
            let operation = timeout_at(deadline, pipeline.operations.operation(&key)).await;
            match operation.unwrap_or(Err(RequestError::Timeout)) {
                Ok(operation) => prepared_request(request, key, operation, begun, deadline),
                Err(rejection) => PreparedRequest {
                    kind: OperationKind::Query,
                    request: Err(rejection.into_encoded()),
                },
            }
        };
        Either::Right(prepare.boxed())
    }

    /// The allowance of a request, whose budget it takes.
    pub fn request_allowance(&self, request: &mut SubgraphRequest) -> Allowance {
        let (deadline, trace) = match &mut request.document {
            RequestDocument::Prepared(prepared) => (prepared.deadline, prepared.trace.take()),
            RequestDocument::Text(_) | RequestDocument::Parsed { .. } => {
                (deadline(Instant::now(), self.limits.request_time_max()), None)
            }
        };
        let budget = match request.budget.take() {
            Some(budget) if Arc::strong_count(&budget) == 1 && budget.is_unused() => budget,
            budget => self.budget(budget.as_ref()),
        };
        Allowance {
            budget,
            deadline,
            trace,
        }
    }

    /// Validates and plans, within the time limit of the request.
    pub async fn plan_in_time(
        self: &Arc<Self>,
        request: SubgraphRequest,
        allowance: Allowance,
    ) -> Result<PlannedRequest, RequestError> {
        let deadline = allowance.deadline;
        let plan = pin!(self.plan(request, allowance));
        let planned = timeout_at(deadline, plan).await;
        planned.unwrap_or(Err(RequestError::Timeout))
    }

    /// Validates and plans.
    async fn plan(
        self: &Arc<Self>,
        request: SubgraphRequest,
        allowance: Allowance,
    ) -> Result<PlannedRequest, RequestError> {
        let key = (Arc::clone(request.document.text()), request.operation_name);
        let operation = match prepared_operation(&request.document) {
            Some(operation) => operation,
            None => self.operations.operation(&key).await?,
        };
        let variables = self.coerce(&operation, request.variables, &allowance)?;
        let plan = self
            .operations
            .plan(&key.0, &operation, &variables, &request.caller)
            .await?;
        let arguments = plan.arguments.bind(&self.operations.schema.types, &variables)?;
        let (introspection, is_introspection_cached) = if plan.introspects {
            let (introspection, is_known) = self.operations.load_introspection(key, &operation, variables).await?;
            (Some(introspection), is_known)
        } else {
            (None, false)
        };
        Ok(PlannedRequest {
            operation,
            plan,
            arguments,
            introspection,
            is_introspection_cached,
            caller: request.caller,
            request_id: request.request_id,
            allowance,
        })
    }

    /// Returns the operation of a request with its plan, if both are known and need no variables and no introspection.
    fn known_plan(&self, request: &SubgraphRequest) -> Option<(Arc<CachedOperation>, Arc<Plan>)> {
        let prepared = prepared_operation(&request.document);
        let is_prepared = prepared.is_some();
        let operation = prepared.or_else(|| {
            let key = (Arc::clone(request.document.text()), request.operation_name.clone());
            self.operations.known_operation(&key)
        });
        let operation = operation.filter(|operation| !operation.valid.has_conditions())?;
        let plan = operation.stored_plan(&[]).filter(|plan| !plan.introspects)?;
        let meters = &self.operations.meters;
        if !is_prepared {
            meters.documents.hits.increment();
        }
        meters.plans.hits.increment();
        Some((operation, plan))
    }

    /// Whether the plan of a request is known.
    pub fn knows_plan(&self, request: &SubgraphRequest) -> bool {
        self.known_plan(request).is_some()
    }

    /// As [`plan`](Self::plan), for a [known plan](Self::known_plan).
    fn bind(
        &self,
        request: SubgraphRequest,
        operation: Arc<CachedOperation>,
        plan: Arc<Plan>,
        allowance: Allowance,
    ) -> Result<PlannedRequest, RequestError> {
        let variables = self.coerce(&operation, request.variables, &allowance)?;
        let arguments = plan.arguments.bind(&self.operations.schema.types, &variables)?;
        Ok(PlannedRequest {
            operation,
            plan,
            arguments,
            introspection: None,
            is_introspection_cached: false,
            caller: request.caller,
            request_id: request.request_id,
            allowance,
        })
    }

    /// Returns the variables of an operation as its types require, and checks what depends on their values.
    fn coerce(
        &self,
        operation: &CachedOperation,
        sent: Variables,
        allowance: &Allowance,
    ) -> Result<Variables, RequestError> {
        let valid = &operation.valid;
        let variables = variables::coerce(&self.operations.schema, &valid.variables, sent)?;
        valid
            .deferred_literals
            .iter()
            .try_for_each(|literal| literal.check(&variables))?;
        let estimate = match valid.estimate {
            Some(estimate) => estimate,
            None => cost::check_cost(
                &valid.document,
                &valid.definition,
                &variables,
                &self.operations.schema.texts,
                &self.limits,
            )?,
        };
        if let Some(batch) = allowance.budget.batch() {
            batch_limits::check_batch(batch, valid.size, estimate, &self.limits)?;
        }
        Ok(variables)
    }

    /// Executes and projects.
    pub async fn execute(
        &self,
        planned: &PlannedRequest,
        state: ExecutionState,
        allowance: &Allowance,
    ) -> EncodedResponse {
        let answer = self.try_execute(planned, state, allowance).await;
        answer.unwrap_or_else(Abort::into_encoded)
    }

    async fn try_execute(
        &self,
        planned: &PlannedRequest,
        state: ExecutionState,
        allowance: &Allowance,
    ) -> Result<EncodedResponse, Abort> {
        let plan = &planned.plan;
        // A cached introspection result is in memory anyway, so it does not count.
        if let Some(introspection) = planned
            .introspection
            .as_ref()
            .filter(|_| !planned.is_introspection_cached)
        {
            allowance.budget.charge_response(introspection.size)?;
        }
        let execution = self.execution(planned, state, allowance);
        execution.run(&plan.fetches.steps).await?;
        let mut state = execution.finish();
        let introspection = planned.introspection.clone();
        if introspection.is_none()
            && let Some(answer) = self.write_tapes(planned, &mut state, allowance).await?
        {
            return Ok(answer);
        }
        state.leave_tapes(&allowance.budget)?;
        let ExecutionState {
            mut data, field_errors, ..
        } = state;
        let introspection_bytes = introspection.as_ref().map_or(0, |introspection| introspection.size);
        let is_fetched = !matches!(&data, Value::Object(fields) if fields.is_empty());
        if is_fetched {
            allowance.budget.charge_response(introspection_bytes)?;
        }
        let data_bytes = allowance.budget.response_bytes();
        let is_shared = planned.operation.valid.kind() == OperationKind::Subscription
            && introspection.is_none()
            && field_errors.is_empty()
            && self.shared_answers.accepts(data_bytes);
        if is_shared && let Some(answer) = self.shared_answers.get(&plan.projection, &data) {
            return Ok(answer);
        }
        let projection = Arc::clone(&plan.projection);
        let write = {
            let allowance = allowance.clone();
            move || {
                let answer = match introspection {
                    None => project::project(&projection, &data, field_errors, &allowance),
                    Some(introspection) if !is_fetched => {
                        project::project(&projection, &introspection.data, field_errors, &allowance)
                    }
                    Some(introspection) => {
                        tree::merge(&mut data, introspection.data.clone());
                        project::project(&projection, &data, field_errors, &allowance)
                    }
                };
                // Data that are not shared are dropped on this thread.
                Ok((answer?, is_shared.then_some(data)))
            }
        };
        let (answer, shared_data) = if data_bytes.max(introspection_bytes) < LARGE_ANSWER_BYTES {
            write()?
        } else {
            let written = pace::spawn_blocking(write).await;
            written.unwrap_or_else(|_| Err(Abort::internal()))?
        };
        if let Some(data) = shared_data {
            self.shared_answers.insert(&plan.projection, data, data_bytes, &answer);
        }
        Ok(answer)
    }

    /// Writes an answer without errors whose data are on tapes. Returns `None` if it needs values.
    async fn write_tapes(
        &self,
        planned: &PlannedRequest,
        state: &mut ExecutionState,
        allowance: &Allowance,
    ) -> Result<Option<EncodedResponse>, Abort> {
        if !state.field_errors.is_empty() || state.tapes.is_none() {
            return Ok(None);
        }
        let tapes = state.tapes.take().unwrap_or_default();
        let (projection, allowance) = (Arc::clone(&planned.plan.projection), allowance.clone());
        let data_bytes = allowance.budget.response_bytes();
        let write = move || {
            let written = project_tapes::project(&projection, &tapes, &allowance)?;
            Ok(match written {
                Some(answer) => (Some(answer), None),
                None => (None, Some(tapes)),
            })
        };
        let written = if data_bytes < LARGE_TAPES_BYTES {
            write()
        } else {
            let written = pace::spawn_blocking(write).await;
            written.unwrap_or_else(|_| Err(Abort::internal()))
        };
        let (answer, tapes) = written?;
        state.tapes = tapes;
        Ok(answer)
    }

    /// Starts an execution of the prepared plan.
    pub fn execution<'a>(
        &'a self,
        planned: &'a PlannedRequest,
        state: ExecutionState,
        allowance: &'a Allowance,
    ) -> PlanExecution<'a> {
        PlanExecution {
            allowance,
            subgraphs: &self.subgraphs,
            meters: &self.fetch_meters,
            variables: &planned.arguments,
            caller: &planned.caller,
            request_id: &planned.request_id,
            limits: &self.limits,
            cache: &self.cache,
            projection: &planned.plan.projection,
            writing: (planned.operation.valid.kind() == OperationKind::Mutation).then(watch::Sender::default),
            state: Mutex::new(state),
        }
    }

    /// The empty state of an answer.
    pub fn new_state(&self, planned: &PlannedRequest) -> ExecutionState {
        ExecutionState::new(self.limits.errors_max, Arc::clone(&planned.plan.projection))
    }
}

/// Puts a valid operation into its request.
fn prepared_request(
    mut request: SubgraphRequest,
    (text, operation_name): OperationKey,
    operation: Arc<CachedOperation>,
    begun: Instant,
    deadline: Instant,
) -> PreparedRequest {
    let kind = operation.valid.kind();
    request.operation_name = operation_name;
    request.document = RequestDocument::Prepared(PreparedDocument {
        text,
        operation,
        begun,
        deadline,
        trace: None,
    });
    PreparedRequest {
        kind,
        request: Ok(request),
    }
}

/// Returns the operation of a prepared document.
fn prepared_operation(document: &RequestDocument) -> Option<Arc<CachedOperation>> {
    match document {
        RequestDocument::Prepared(prepared) => {
            let operation: Arc<dyn Any + Send + Sync> = prepared.operation.clone();
            operation.downcast().ok()
        }
        RequestDocument::Text(_) | RequestDocument::Parsed { .. } => None,
    }
}

/// Returns the response of this answer or rejection.
fn encoded(answer: Result<EncodedResponse, RequestError>) -> SubgraphResponse {
    SubgraphResponse::Json(answer.unwrap_or_else(RequestError::into_encoded))
}

/// The deadline of a request that begins at that moment.
fn deadline(begun: Instant, time_max: Duration) -> Instant {
    // A deadline that overflows the clock becomes one year from then.
    begun
        .checked_add(time_max)
        .unwrap_or(begun + Duration::from_secs(365 * 24 * 60 * 60))
}
