//! Serves several subgraphs as one graph: validation, planning, execution and projection.
//!
//! An operation is validated against the public schema and measured against the limits ([`validate`], [`cost`]).
//! [`conditions`] applies `@skip` and `@include`; the remaining operation is planned and compiled ([`plan`]). The plan runs
//! over the subgraphs ([`execute`], [`entities`]), and the merged trees are serialized as the response ([`project`]). Each
//! document is validated once and each operation is planned once; bounded caches keep both results.
//!
//! This module knows no domain, opens no database and listens on no socket.

mod abort;
mod arguments;
mod attribution;
mod cached_fetch;
mod canonical;
mod conditions;
mod cost;
mod entities;
mod execute;
mod field_errors;
mod introspect;
mod introspection_fields;
mod lanes;
mod operation_limits;
mod plan;
mod project;
mod projection_plan;
mod request_error;
mod response_paths;
mod schema;
mod subscribe;
mod text_bounds;
mod tree;
mod validate;
mod variables;
mod write_budget;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apollo_compiler::executable::OperationType;
use async_graphql::{Value, Variables};
use contract::AnswerBudget;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};
use moka::sync::Cache;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

pub use self::request_error::{Diagnostic, Location, RequestError};
pub use self::schema::{public_schema, public_sdl};

use self::abort::Abort;
use self::execute::{Allowance, CallerIdentity, ExecutionState, PlanExecution};
use self::introspect::{IntrospectionKey, IntrospectionResult};
use self::lanes::{ExpectedDuration, Lanes};
use self::plan::{Fetches, OperationPlanner, Plan, PlannerInput};
use self::schema::{PublicSchema, supergraph_document};
use self::validate::{ConditionValues, ValidOperation};
use self::write_budget::WriteBudget;
use crate::cache::ResponseCache;
use crate::limits::Limits;
use crate::subgraph::{EncodedResponse, RequestDocument, Subgraph, SubgraphRequest, SubgraphResponse};

/// A supergraph over its subgraphs. Cheap to clone.
#[derive(Clone)]
pub struct Supergraph(Arc<SupergraphInner>);

struct SupergraphInner {
    schema: PublicSchema,
    planner: OperationPlanner,
    subgraphs: Vec<Arc<dyn Subgraph>>,
    limits: Arc<Limits>,
    cache: Arc<ResponseCache>,
    operations: Cache<OperationKey, Arc<ValidOperation>>,
    fetches: Cache<Arc<str>, Arc<Fetches>>,
    introspections: Cache<IntrospectionKey, Arc<IntrospectionResult>>,
    lanes: Lanes,
    write_budget: WriteBudget,
}

/// The text of a document and the name of the requested operation.
type OperationKey = (Arc<str>, Option<String>);

/// An error that prevents the supergraph from being served.
#[derive(Debug, thiserror::Error)]
pub enum SupergraphError {
    /// The supergraph is invalid: it is not SDL, or it is not a composed supergraph.
    #[error("the supergraph is not valid: {0}")]
    Schema(String),
    /// The supergraph names a subgraph that was not given.
    #[error("the supergraph needs a subgraph \"{0}\"")]
    MissingSubgraph(String),
}

/// The kind and the variables of an operation, known before it runs.
#[derive(Clone, Debug)]
pub struct OperationInfo {
    /// `query`, `mutation` or `subscription`.
    pub kind: &'static str,
    /// Its variables, in their order.
    pub variables: Vec<VariableInfo>,
}

/// A variable of an operation.
#[derive(Clone, Debug)]
pub struct VariableInfo {
    /// Without the `$`.
    pub name: String,
    /// As it is written: `[ID!]!`.
    pub ty: String,
    /// The innermost type: `ID`.
    pub named_type: String,
    /// Whether the client must provide it: it is non-null and has no default.
    pub required: bool,
}

impl Supergraph {
    /// Serves a supergraph over its subgraphs, by the names that the supergraph's `join__graph` gives them. Caches no
    /// responses.
    ///
    /// # Errors
    /// When the supergraph is invalid, or a subgraph is missing.
    pub fn new(
        supergraph_sdl: &str,
        subgraphs: HashMap<String, Arc<dyn Subgraph>>,
        limits: Arc<Limits>,
    ) -> Result<Self, SupergraphError> {
        Self::with_cache(supergraph_sdl, subgraphs, limits, Arc::default())
    }

    /// As [`new`](Self::new), and caches the responses in `cache` that are the same for every caller. The caller connects
    /// the cache to a bus that reports every change ([`InvalidatingBus`](crate::cache::InvalidatingBus)).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_cache(
        supergraph_sdl: &str,
        mut subgraphs: HashMap<String, Arc<dyn Subgraph>>,
        limits: Arc<Limits>,
        cache: Arc<ResponseCache>,
    ) -> Result<Self, SupergraphError> {
        let types = public_schema(supergraph_sdl)?;
        let document = supergraph_document(supergraph_sdl)?;
        let schema = PublicSchema::new(types, &document);
        let planner = OperationPlanner::new(supergraph_sdl, &document)?;
        let subgraphs = planner
            .subgraph_names()
            .into_iter()
            .map(|name| {
                subgraphs
                    .remove(name)
                    .ok_or_else(|| SupergraphError::MissingSubgraph(name.to_owned()))
            })
            .collect::<Result<_, _>>()?;
        // An entry's weight grows with the size of its document; a small document weighs one.
        let operations = Cache::builder()
            .max_capacity(limits.plans_max)
            .weigher(|key: &OperationKey, _: &Arc<ValidOperation>| cache_weight(&key.0))
            .build();
        let fetches = Cache::builder()
            .max_capacity(limits.plans_max)
            .weigher(|text: &Arc<str>, _: &Arc<Fetches>| cache_weight(text))
            .build();
        let introspections = Cache::builder()
            .max_capacity(limits.introspection_cache_bytes_max)
            .weigher(|key: &IntrospectionKey, answer: &Arc<IntrospectionResult>| {
                let ((text, _), variables) = key;
                u32::try_from(answer.size + text.len() + variables.len()).unwrap_or(u32::MAX)
            })
            .build();
        let write_budget = WriteBudget::new(&limits);
        Ok(Self(Arc::new(SupergraphInner {
            schema,
            planner,
            subgraphs,
            limits,
            cache,
            operations,
            fetches,
            introspections,
            lanes: Lanes::new(),
            write_budget,
        })))
    }

    /// A supergraph that only plans: it answers every request with `UNAVAILABLE`.
    ///
    /// # Errors
    /// When the supergraph is invalid.
    pub fn without_subgraphs(supergraph_sdl: &str) -> Result<Self, SupergraphError> {
        let names = OperationPlanner::new(supergraph_sdl, &supergraph_document(supergraph_sdl)?)?;
        let absent = |name: &&str| ((*name).to_owned(), Arc::new(UnavailableSubgraph) as Arc<dyn Subgraph>);
        let subgraphs = names.subgraph_names().iter().map(absent).collect();
        Self::new(supergraph_sdl, subgraphs, Arc::default())
    }

    /// Returns the plan of an operation as text. A selection whose `@skip` or `@include` depends on a variable is kept.
    ///
    /// # Errors
    /// When the operation is not valid.
    pub fn plan_text(&self, query: &str, operation_name: Option<&str>) -> Result<String, RequestError> {
        let operation = self
            .0
            .load_operation((query.into(), operation_name.map(str::to_owned)))?;
        let condition_values = operation.maximal_conditions();
        let input = self.0.planner_input(&operation, &condition_values)?;
        Ok(plan::text::format_plan(&*self.0.load_plan(
            &operation,
            condition_values,
            input,
        )?))
    }

    /// Returns the number of cached plans.
    pub fn cached_plans(&self) -> u64 {
        self.0.fetches.run_pending_tasks();
        self.0.fetches.entry_count()
    }

    /// Returns the cost of planning an operation, in the units of [`Limits::planning_cost_max`].
    ///
    /// # Errors
    /// When the operation is not valid, or its cost exceeds that limit.
    pub fn planning_cost(&self, query: &str) -> Result<u64, RequestError> {
        let operation = self.0.load_operation((query.into(), None))?;
        Ok(self.0.planner_input(&operation, &operation.maximal_conditions())?.cost)
    }

    /// Validates and plans an operation without running it, and returns its kind and its variables.
    ///
    /// # Errors
    /// When the operation is not valid.
    pub fn check_operation(&self, query: &str) -> Result<OperationInfo, RequestError> {
        let operation = self.0.load_operation((query.into(), None))?;
        let condition_values = operation.maximal_conditions();
        let input = self.0.planner_input(&operation, &condition_values)?;
        self.0.load_plan(&operation, condition_values, input)?;
        let variables = operation.definition.variables.iter().map(|variable| VariableInfo {
            name: variable.name.to_string(),
            ty: variable.ty.to_string(),
            named_type: variable.ty.inner_named_type().to_string(),
            required: variable.ty.is_non_null() && variable.default_value.is_none(),
        });
        Ok(OperationInfo {
            kind: operation.kind().name(),
            variables: variables.collect(),
        })
    }
}

impl Subgraph for Supergraph {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        async move {
            SubgraphResponse::Json(
                self.0
                    .execute_request(request)
                    .await
                    .unwrap_or_else(RequestError::into_encoded),
            )
        }
        .boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        subscribe::subscribe(self.0.clone(), request)
    }
}

/// A placeholder for a missing subgraph: it answers every request with `UNAVAILABLE`.
struct UnavailableSubgraph;

impl Subgraph for UnavailableSubgraph {
    fn fetch(&self, _: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        std::future::ready(SubgraphResponse::Tree(execute::unavailable_response())).boxed()
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        futures_util::stream::once(async { SubgraphResponse::Tree(execute::unavailable_response()) }).boxed()
    }
}

/// A request that has been validated and planned.
struct PreparedRequest {
    operation: Arc<ValidOperation>,
    plan: Arc<Plan>,
    /// The values of the plan's arguments.
    arguments: Variables,
    introspection: Option<Arc<IntrospectionResult>>,
    /// Whether `introspection` came from the cache.
    is_introspection_cached: bool,
    caller: CallerIdentity,
    allowance: Allowance,
}

/// An answer of at least this many bytes is serialized on a blocking thread.
const LARGE_ANSWER_BYTES: usize = 256 * 1024;

impl SupergraphInner {
    async fn execute_request(self: &Arc<Self>, request: SubgraphRequest) -> Result<EncodedResponse, RequestError> {
        let queries_only = request.queries_only;
        let document_bytes = request.document.text().len();
        let prepared = self.prepare_in_time(request).await?;
        match prepared.operation.kind() {
            OperationType::Subscription => return Err(RequestError::SubscriptionNotSupported),
            OperationType::Mutation if queries_only => return Err(RequestError::QueriesOnly("mutation")),
            OperationType::Mutation => {
                let viewer = &prepared.caller.viewer;
                self.write_budget.admit(viewer, document_bytes, &prepared.arguments)?;
            }
            OperationType::Query => {}
        }
        if let Some(answer) =
            cached_fetch::cached_response(&self.cache, &prepared.plan, &prepared.arguments, &prepared.allowance)
        {
            return Ok(answer);
        }
        Ok(self
            .execute(&prepared, self.new_state(&prepared), &prepared.allowance)
            .await)
    }

    /// The allowance of the next answer: a budget like the last one, or a new one, and the full request time from now on.
    fn allowance(&self, last: Option<&Arc<AnswerBudget>>) -> Allowance {
        let budget = match last {
            Some(last) => last.unused_copy(),
            None => AnswerBudget::new(self.limits.answer_bytes_max, None),
        };
        Allowance {
            budget: Arc::new(budget),
            deadline: deadline(self.limits.request_time_max()),
        }
    }

    /// Validates and plans, within the time limit of the request.
    async fn prepare_in_time(self: &Arc<Self>, request: SubgraphRequest) -> Result<PreparedRequest, RequestError> {
        let allowance = self.allowance(request.budget.as_ref());
        let deadline = allowance.deadline;
        let prepared = timeout_at(deadline, self.prepare(request, allowance)).await;
        prepared.unwrap_or(Err(RequestError::Timeout))
    }

    /// Validates and plans.
    async fn prepare(
        self: &Arc<Self>,
        request: SubgraphRequest,
        allowance: Allowance,
    ) -> Result<PreparedRequest, RequestError> {
        let (RequestDocument::Text(text) | RequestDocument::Parsed { text, .. }) = request.document;
        let key = (text, request.operation_name);
        let operation = self.operation(&key).await?;
        let variables = variables::coerce(&self.schema.types, &operation.variables, request.variables)?;
        operation
            .deferred_literals
            .iter()
            .try_for_each(|literal| literal.check(&variables))?;
        if operation.has_variable_cost {
            cost::check_cost(
                &operation.document,
                &operation.definition,
                &variables,
                &self.schema.texts,
                &self.limits,
            )?;
        }
        let plan = self.plan(&key.0, &operation, &variables).await?;
        let arguments = plan.arguments.bind(&self.schema.types, &variables)?;
        let (introspection, is_introspection_cached) = if plan.introspects {
            let (introspection, is_known) = self.load_introspection(key, &operation, variables).await?;
            (Some(introspection), is_known)
        } else {
            (None, false)
        };
        Ok(PreparedRequest {
            operation,
            plan,
            arguments,
            introspection,
            is_introspection_cached,
            caller: CallerIdentity {
                viewer: request.viewer,
                session: request.session,
                request_id: request.request_id,
            },
            allowance,
        })
    }

    /// Executes and projects.
    async fn execute(
        &self,
        prepared: &PreparedRequest,
        state: ExecutionState,
        allowance: &Allowance,
    ) -> EncodedResponse {
        let answer = self.try_execute(prepared, state, allowance).await;
        answer.unwrap_or_else(Abort::into_encoded)
    }

    async fn try_execute(
        &self,
        prepared: &PreparedRequest,
        state: ExecutionState,
        allowance: &Allowance,
    ) -> Result<EncodedResponse, Abort> {
        let plan = &prepared.plan;
        // A cached introspection result is in memory anyway, so it does not count.
        if let Some(introspection) = prepared
            .introspection
            .as_ref()
            .filter(|_| !prepared.is_introspection_cached)
        {
            allowance.budget.charge_response(introspection.size)?;
        }
        let execution = self.execution(prepared, state, allowance);
        execution.run(&plan.fetches.steps).await?;
        let ExecutionState { mut data, field_errors } = execution.finish();
        let introspection = prepared.introspection.clone();
        let introspection_bytes = introspection.as_ref().map_or(0, |introspection| introspection.size);
        let is_fetched = !matches!(&data, Value::Object(fields) if fields.is_empty());
        if is_fetched {
            allowance.budget.charge_response(introspection_bytes)?;
        }
        let is_large = allowance.budget.response_bytes().max(introspection_bytes) >= LARGE_ANSWER_BYTES;
        let (plan, allowance) = (Arc::clone(plan), allowance.clone());
        let write = move || {
            let Some(introspection) = introspection else {
                return project::project(&plan.projection, &data, field_errors, &allowance);
            };
            if !is_fetched {
                return project::project(&plan.projection, &introspection.data, field_errors, &allowance);
            }
            tree::merge(&mut data, introspection.data.clone());
            project::project(&plan.projection, &data, field_errors, &allowance)
        };
        if !is_large {
            return write();
        }
        let written = tokio::task::spawn_blocking(write).await;
        written.unwrap_or_else(|_| Err(Abort::internal()))
    }

    fn execution<'a>(
        &'a self,
        prepared: &'a PreparedRequest,
        state: ExecutionState,
        allowance: &'a Allowance,
    ) -> PlanExecution<'a> {
        PlanExecution {
            allowance,
            subgraphs: &self.subgraphs,
            variables: &prepared.arguments,
            caller: &prepared.caller,
            limits: &self.limits,
            cache: &self.cache,
            projection: &prepared.plan.projection,
            writing: (prepared.operation.kind() == OperationType::Mutation).then(watch::Sender::default),
            state: Mutex::new(state),
        }
    }

    fn new_state(&self, prepared: &PreparedRequest) -> ExecutionState {
        ExecutionState::new(self.limits.errors_max, Arc::clone(&prepared.plan.projection))
    }

    async fn operation(self: &Arc<Self>, key: &OperationKey) -> Result<Arc<ValidOperation>, RequestError> {
        match self.operations.get(key) {
            Some(operation) => Ok(operation),
            None => {
                let (key, duration) = (key.clone(), self.text_duration(&key.0));
                self.compute(duration, move |inner| inner.load_operation(key)).await
            }
        }
    }

    /// The pace of validating and translating a document, by its length: the limits bound the fields that it can mean.
    fn text_duration(&self, text: &str) -> ExpectedDuration {
        if text.len() <= self.limits.planning_quick_bytes_max {
            ExpectedDuration::Short
        } else {
            ExpectedDuration::Long
        }
    }

    async fn plan(
        self: &Arc<Self>,
        text: &str,
        operation: &Arc<ValidOperation>,
        variables: &Variables,
    ) -> Result<Arc<Plan>, RequestError> {
        let condition_values = operation.condition_values(variables)?;
        if let Some(plan) = operation.stored_plan(&condition_values) {
            return Ok(plan);
        }
        let (input_operation, input_values) = (operation.clone(), condition_values.clone());
        let input = self
            .compute(self.text_duration(text), move |inner| {
                inner.planner_input(&input_operation, &input_values)
            })
            .await?;
        let duration = if self.fetches.contains_key(&input.text) || input.cost <= self.limits.planning_quick_cost_max {
            ExpectedDuration::Short
        } else {
            ExpectedDuration::Long
        };
        let operation = operation.clone();
        self.compute(duration, move |inner| {
            inner.load_plan(&operation, condition_values, input)
        })
        .await
    }

    /// Returns the result of an introspection, and whether it came from the cache.
    async fn load_introspection(
        self: &Arc<Self>,
        key: OperationKey,
        operation: &Arc<ValidOperation>,
        variables: Variables,
    ) -> Result<(Arc<IntrospectionResult>, bool), RequestError> {
        let key = (
            key,
            serde_json::to_string(&variables).map_err(|_| RequestError::Internal)?,
        );
        if let Some(known) = self.introspections.get(&key) {
            return Ok((known, true));
        }
        introspect::check_cost(&self.schema, operation, self.limits.introspection_bytes_max)?;
        let operation = operation.clone();
        let work = move |inner: &Self| {
            let answered = Arc::new(introspect::introspect(&inner.schema, &operation, &variables)?);
            inner.introspections.insert(key, answered.clone());
            Ok(answered)
        };
        Ok((self.compute(ExpectedDuration::Long, work).await?, false))
    }

    /// Runs computations outside of the async threads.
    async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        duration: ExpectedDuration,
        work: impl FnOnce(&Self) -> Result<T, RequestError> + Send + 'static,
    ) -> Result<T, RequestError> {
        let inner = self.clone();
        self.lanes.run(duration, &self.limits, move || work(&inner)).await
    }

    /// Returns the validated operation of a document. Concurrent requests with the same document validate it once.
    fn load_operation(&self, key: OperationKey) -> Result<Arc<ValidOperation>, RequestError> {
        let (text, name) = key.clone();
        let operation = self.operations.try_get_with(key, || {
            validate::validate(&self.schema, &self.limits, &text, name.as_deref()).map(Arc::new)
        });
        operation.map_err(|error: Arc<RequestError>| (*error).clone())
    }

    /// Prepares an operation for the planner, and rejects one that costs too much to plan.
    fn planner_input(
        &self,
        operation: &ValidOperation,
        condition_values: &[bool],
    ) -> Result<PlannerInput, RequestError> {
        let input = self.planner.planner_input(
            &self.schema,
            &self.limits,
            &operation.resolve_conditions(condition_values),
        )?;
        if input.cost <= self.limits.planning_cost_max {
            Ok(input)
        } else {
            Err(RequestError::TooComplex(format!(
                "planning the operation costs {}, more than the {} allowed: ask for fewer fields of fewer levels",
                input.cost, self.limits.planning_cost_max
            )))
        }
    }

    /// Returns the plan of an operation. Operations that differ only in names, values and layout share their fetches.
    fn load_plan(
        &self,
        operation: &ValidOperation,
        condition_values: ConditionValues,
        input: PlannerInput,
    ) -> Result<Arc<Plan>, RequestError> {
        let fetches = self.fetches.try_get_with(input.text.clone(), || {
            self.planner
                .plan_fetches(&self.schema, &self.limits, &input)
                .map(Arc::new)
        });
        let fetches = fetches.map_err(|error: Arc<RequestError>| (*error).clone())?;
        let plan = Arc::new(input.into_plan(fetches));
        operation.store_plan(condition_values, plan.clone());
        Ok(plan)
    }
}

/// The deadline of a request that begins now.
fn deadline(time_max: Duration) -> Instant {
    let now = Instant::now();
    // A deadline that overflows the clock becomes one year from now.
    now.checked_add(time_max)
        .unwrap_or(now + Duration::from_secs(365 * 24 * 60 * 60))
}

/// The weight of a document in the caches, by its size: the compiled form is many times bigger than the text.
fn cache_weight(text: &str) -> u32 {
    u32::try_from(text.len() / 256 + 1).unwrap_or(u32::MAX)
}
