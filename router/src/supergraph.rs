//! Serves several subgraphs as one graph: validation, planning, execution and projection.
//!
//! An operation is validated against the public schema and measured against the limits ([`validate`], [`weight`]).
//! [`decide`] applies `@skip` and `@include`; the remaining operation is planned and compiled ([`plan`]). The plan runs
//! over the subgraphs ([`execute`], [`entities`]), and the merged trees are serialized as the response ([`project`]). Each
//! document is validated once and each operation is planned once; bounded caches keep both results.
//!
//! This module knows no domain, opens no database and listens on no socket.

mod abort;
mod arguments;
mod attribution;
mod canonical;
mod decide;
mod entities;
mod execute;
mod faults;
mod introspect;
mod introspection_fields;
mod lanes;
mod measure;
mod places;
mod plan;
mod project;
mod refusal;
mod remember;
mod schema;
mod shape;
mod subscribe;
mod text_bounds;
mod tree;
mod validate;
mod variables;
mod weight;
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

pub use self::refusal::{Complaint, Location, Refusal};
pub use self::schema::{public_schema, public_sdl};

use self::abort::Abort;
use self::execute::{Allowance, Caller, Gathered, Run};
use self::introspect::{Introspected, IntrospectionKey};
use self::lanes::{Lanes, Pace};
use self::plan::{Draft, Fetches, Plan, Plans};
use self::schema::{PublicSchema, supergraph_document};
use self::validate::{Decisions, Operation};
use self::write_budget::WriteBudget;
use crate::cache::AnswerCache;
use crate::limits::Limits;
use crate::subgraph::{Answer, Document, Subgraph, SubgraphData, SubgraphRequest};

/// A supergraph over its subgraphs. Cheap to clone.
#[derive(Clone)]
pub struct Supergraph(Arc<Inner>);

struct Inner {
    schema: PublicSchema,
    plans: Plans,
    subgraphs: Vec<Arc<dyn Subgraph>>,
    limits: Arc<Limits>,
    cache: Arc<AnswerCache>,
    operations: Cache<OperationKey, Arc<Operation>>,
    planned: Cache<Arc<str>, Arc<Fetches>>,
    introspections: Cache<IntrospectionKey, Arc<Introspected>>,
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
    /// the cache to a bus that reports every change ([`CachingBus`](crate::cache::CachingBus)).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_cache(
        supergraph_sdl: &str,
        mut subgraphs: HashMap<String, Arc<dyn Subgraph>>,
        limits: Arc<Limits>,
        cache: Arc<AnswerCache>,
    ) -> Result<Self, SupergraphError> {
        let types = public_schema(supergraph_sdl)?;
        let document = supergraph_document(supergraph_sdl)?;
        let schema = PublicSchema::new(types, &document);
        let plans = Plans::new(supergraph_sdl, &document)?;
        let subgraphs = plans
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
            .weigher(|key: &OperationKey, _: &Arc<Operation>| weight(&key.0))
            .build();
        let planned = Cache::builder()
            .max_capacity(limits.plans_max)
            .weigher(|text: &Arc<str>, _: &Arc<Fetches>| weight(text))
            .build();
        let introspections = Cache::builder()
            .max_capacity(limits.introspection_cache_bytes_max)
            .weigher(|key: &IntrospectionKey, answer: &Arc<Introspected>| {
                let ((text, _), variables) = key;
                u32::try_from(answer.size + text.len() + variables.len()).unwrap_or(u32::MAX)
            })
            .build();
        let write_budget = WriteBudget::new(&limits);
        Ok(Self(Arc::new(Inner {
            schema,
            plans,
            subgraphs,
            limits,
            cache,
            operations,
            planned,
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
        let names = Plans::new(supergraph_sdl, &supergraph_document(supergraph_sdl)?)?;
        let absent = |name: &&str| ((*name).to_owned(), Arc::new(Absent) as Arc<dyn Subgraph>);
        let subgraphs = names.subgraph_names().iter().map(absent).collect();
        Self::new(supergraph_sdl, subgraphs, Arc::default())
    }

    /// Returns the plan of an operation as text. A selection whose `@skip` or `@include` depends on a variable is kept.
    ///
    /// # Errors
    /// When the operation is not valid.
    pub fn plan_text(&self, query: &str, operation_name: Option<&str>) -> Result<String, Refusal> {
        let operation = self.0.validated((query.into(), operation_name.map(str::to_owned)))?;
        let decisions = operation.keep_all();
        let draft = self.0.draft(&operation, &decisions)?;
        Ok(plan::text::plan(&*self.0.planned(&operation, decisions, draft)?))
    }

    /// Returns the number of cached plans.
    pub fn plans_kept(&self) -> u64 {
        self.0.planned.run_pending_tasks();
        self.0.planned.entry_count()
    }

    /// Returns the cost of planning an operation, in the units of [`Limits::planning_cost_max`].
    ///
    /// # Errors
    /// When the operation is not valid, or its cost exceeds that limit.
    pub fn planning_cost(&self, query: &str) -> Result<u64, Refusal> {
        let operation = self.0.validated((query.into(), None))?;
        Ok(self.0.draft(&operation, &operation.keep_all())?.price)
    }

    /// Validates and plans an operation without running it, and returns its kind and its variables.
    ///
    /// # Errors
    /// When the operation is not valid.
    pub fn check_operation(&self, query: &str) -> Result<OperationInfo, Refusal> {
        let operation = self.0.validated((query.into(), None))?;
        let decisions = operation.keep_all();
        let draft = self.0.draft(&operation, &decisions)?;
        self.0.planned(&operation, decisions, draft)?;
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
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphData> {
        async move { SubgraphData::Json(self.0.answer(request).await.unwrap_or_else(Refusal::into_answer)) }.boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphData> {
        subscribe::subscribe(self.0.clone(), request)
    }
}

/// A placeholder for a missing subgraph: it answers every request with `UNAVAILABLE`.
struct Absent;

impl Subgraph for Absent {
    fn fetch(&self, _: SubgraphRequest) -> BoxFuture<'_, SubgraphData> {
        std::future::ready(SubgraphData::Tree(execute::unavailable())).boxed()
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphData> {
        futures_util::stream::once(async { SubgraphData::Tree(execute::unavailable()) }).boxed()
    }
}

/// A request that has been validated and planned.
struct Prepared {
    operation: Arc<Operation>,
    plan: Arc<Plan>,
    /// The values of the plan's arguments.
    arguments: Variables,
    introspected: Option<Arc<Introspected>>,
    /// Whether `introspected` came from the cache.
    is_introspection_known: bool,
    caller: Caller,
    allowance: Allowance,
}

/// An answer of at least this many bytes is serialized on a blocking thread.
const LARGE_ANSWER_BYTES: usize = 256 * 1024;

impl Inner {
    async fn answer(self: &Arc<Self>, request: SubgraphRequest) -> Result<Answer, Refusal> {
        let queries_only = request.queries_only;
        let document_bytes = request.document.text().len();
        let prepared = self.prepare_in_time(request).await?;
        match prepared.operation.kind() {
            OperationType::Subscription => return Err(Refusal::Subscription),
            OperationType::Mutation if queries_only => return Err(Refusal::QueriesOnly("mutation")),
            OperationType::Mutation => {
                let viewer = &prepared.caller.viewer;
                self.write_budget.admit(viewer, document_bytes, &prepared.arguments)?;
            }
            OperationType::Query => {}
        }
        if let Some(answer) =
            remember::whole_answer(&self.cache, &prepared.plan, &prepared.arguments, &prepared.allowance)
        {
            return Ok(answer);
        }
        Ok(self
            .execute(&prepared, self.gathered(&prepared), &prepared.allowance)
            .await)
    }

    /// The allowance of the next answer: a budget like the last one, or a new one, and the full request time from now on.
    fn allowance(&self, last: Option<&Arc<AnswerBudget>>) -> Allowance {
        let budget = match last {
            Some(last) => last.renewed(),
            None => AnswerBudget::new(self.limits.answer_bytes_max, None),
        };
        Allowance {
            budget: Arc::new(budget),
            deadline: deadline(self.limits.request_time_max()),
        }
    }

    /// Validates and plans, within the time limit of the request.
    async fn prepare_in_time(self: &Arc<Self>, request: SubgraphRequest) -> Result<Prepared, Refusal> {
        let allowance = self.allowance(request.budget.as_ref());
        let deadline = allowance.deadline;
        let prepared = timeout_at(deadline, self.prepare(request, allowance)).await;
        prepared.unwrap_or(Err(Refusal::Timeout))
    }

    /// Validates and plans.
    async fn prepare(self: &Arc<Self>, request: SubgraphRequest, allowance: Allowance) -> Result<Prepared, Refusal> {
        let (Document::Text(text) | Document::Parsed { text, .. }) = request.document;
        let key = (text, request.operation_name);
        let operation = self.operation(&key).await?;
        let variables = variables::coerce(&self.schema.types, &operation.variables, request.variables)?;
        operation
            .open_literals
            .iter()
            .try_for_each(|literal| literal.check(&variables))?;
        if operation.pages_by_variables {
            weight::weigh(
                &operation.document,
                &operation.definition,
                &variables,
                &self.schema.texts,
                &self.limits,
            )?;
        }
        let plan = self.plan(&key.0, &operation, &variables).await?;
        let arguments = plan.arguments.bind(&self.schema.types, &variables)?;
        let (introspected, is_introspection_known) = match plan.introspects {
            true => {
                let (introspected, is_known) = self.introspected(key, &operation, variables).await?;
                (Some(introspected), is_known)
            }
            false => (None, false),
        };
        Ok(Prepared {
            operation,
            plan,
            arguments,
            introspected,
            is_introspection_known,
            caller: Caller {
                viewer: request.viewer,
                session: request.session,
                request_id: request.request_id,
            },
            allowance,
        })
    }

    /// Executes and projects.
    async fn execute(&self, prepared: &Prepared, gathered: Gathered, allowance: &Allowance) -> Answer {
        let answer = self.try_execute(prepared, gathered, allowance).await;
        answer.unwrap_or_else(Abort::into_answer)
    }

    async fn try_execute(
        &self,
        prepared: &Prepared,
        gathered: Gathered,
        allowance: &Allowance,
    ) -> Result<Answer, Abort> {
        let plan = &prepared.plan;
        // A cached introspection result is in memory anyway, so it does not count.
        if let Some(introspected) = prepared
            .introspected
            .as_ref()
            .filter(|_| !prepared.is_introspection_known)
        {
            allowance.budget.gather(introspected.size)?;
        }
        let run = self.run(prepared, gathered, allowance);
        run.run(&plan.fetches.steps).await?;
        let Gathered { mut data, faults } = run.finish();
        let introspected = prepared.introspected.clone();
        let introspected_bytes = introspected.as_ref().map_or(0, |introspected| introspected.size);
        let is_fetched = !matches!(&data, Value::Object(fields) if fields.is_empty());
        if is_fetched {
            allowance.budget.gather(introspected_bytes)?;
        }
        let is_large = allowance.budget.gathered_bytes().max(introspected_bytes) >= LARGE_ANSWER_BYTES;
        let (plan, allowance) = (Arc::clone(plan), allowance.clone());
        let write = move || {
            let Some(introspected) = introspected else {
                return project::project(&plan.shape, &data, faults, &allowance);
            };
            if !is_fetched {
                return project::project(&plan.shape, &introspected.data, faults, &allowance);
            }
            tree::merge(&mut data, introspected.data.clone());
            project::project(&plan.shape, &data, faults, &allowance)
        };
        if !is_large {
            return write();
        }
        let written = tokio::task::spawn_blocking(write).await;
        written.unwrap_or_else(|_| Err(Abort::internal()))
    }

    fn run<'a>(&'a self, prepared: &'a Prepared, gathered: Gathered, allowance: &'a Allowance) -> Run<'a> {
        Run {
            allowance,
            subgraphs: &self.subgraphs,
            variables: &prepared.arguments,
            caller: &prepared.caller,
            limits: &self.limits,
            cache: &self.cache,
            shape: &prepared.plan.shape,
            writing: (prepared.operation.kind() == OperationType::Mutation).then(watch::Sender::default),
            gathered: Mutex::new(gathered),
        }
    }

    fn gathered(&self, prepared: &Prepared) -> Gathered {
        Gathered::new(self.limits.errors_max, Arc::clone(&prepared.plan.shape))
    }

    async fn operation(self: &Arc<Self>, key: &OperationKey) -> Result<Arc<Operation>, Refusal> {
        match self.operations.get(key) {
            Some(operation) => Ok(operation),
            None => {
                let (key, pace) = (key.clone(), self.pace_of_text(&key.0));
                self.compute(pace, move |inner| inner.validated(key)).await
            }
        }
    }

    /// The pace of validating and translating a document, by its length: the limits bound the fields that it can mean.
    fn pace_of_text(&self, text: &str) -> Pace {
        match text.len() <= self.limits.planning_quick_bytes_max {
            true => Pace::Quick,
            false => Pace::Slow,
        }
    }

    async fn plan(
        self: &Arc<Self>,
        text: &str,
        operation: &Arc<Operation>,
        variables: &Variables,
    ) -> Result<Arc<Plan>, Refusal> {
        let decisions = operation.decide(variables)?;
        if let Some(plan) = operation.plan(&decisions) {
            return Ok(plan);
        }
        let (drafted, asked) = (operation.clone(), decisions.clone());
        let draft = self
            .compute(self.pace_of_text(text), move |inner| inner.draft(&drafted, &asked))
            .await?;
        let pace = match self.planned.contains_key(&draft.text) || draft.price <= self.limits.planning_quick_cost_max {
            true => Pace::Quick,
            false => Pace::Slow,
        };
        let operation = operation.clone();
        self.compute(pace, move |inner| inner.planned(&operation, decisions, draft))
            .await
    }

    /// Returns the result of an introspection, and whether it came from the cache.
    async fn introspected(
        self: &Arc<Self>,
        key: OperationKey,
        operation: &Arc<Operation>,
        variables: Variables,
    ) -> Result<(Arc<Introspected>, bool), Refusal> {
        let key = (key, serde_json::to_string(&variables).map_err(|_| Refusal::Internal)?);
        if let Some(known) = self.introspections.get(&key) {
            return Ok((known, true));
        }
        introspect::weigh(&self.schema, operation, self.limits.introspection_bytes_max)?;
        let operation = operation.clone();
        let work = move |inner: &Self| {
            let answered = Arc::new(introspect::introspect(&inner.schema, &operation, &variables)?);
            inner.introspections.insert(key, answered.clone());
            Ok(answered)
        };
        Ok((self.compute(Pace::Slow, work).await?, false))
    }

    /// Runs computations outside of the async threads.
    async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        pace: Pace,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let inner = self.clone();
        self.lanes.run(pace, &self.limits, move || work(&inner)).await
    }

    /// Returns the validated operation of a document. Concurrent requests with the same document validate it once.
    fn validated(&self, key: OperationKey) -> Result<Arc<Operation>, Refusal> {
        let (text, name) = key.clone();
        let validated = self.operations.try_get_with(key, || {
            validate::validate(&self.schema, &self.limits, &text, name.as_deref()).map(Arc::new)
        });
        validated.map_err(|refusal: Arc<Refusal>| (*refusal).clone())
    }

    /// Prepares an operation for the planner, and rejects one that costs too much to plan.
    fn draft(&self, operation: &Operation, decisions: &[bool]) -> Result<Draft, Refusal> {
        let draft = self
            .plans
            .draft(&self.schema, &self.limits, &operation.decided(decisions))?;
        match draft.price <= self.limits.planning_cost_max {
            true => Ok(draft),
            false => Err(Refusal::TooComplex(format!(
                "planning the operation costs {}, more than the {} allowed: ask for fewer fields of fewer levels",
                draft.price, self.limits.planning_cost_max
            ))),
        }
    }

    /// Returns the plan of an operation. Operations that differ only in names, values and layout share their fetches.
    fn planned(&self, operation: &Operation, decisions: Decisions, draft: Draft) -> Result<Arc<Plan>, Refusal> {
        let fetches = self.planned.try_get_with(draft.text.clone(), || {
            self.plans.fetches(&self.schema, &self.limits, &draft).map(Arc::new)
        });
        let fetches = fetches.map_err(|refusal: Arc<Refusal>| (*refusal).clone())?;
        let plan = Arc::new(draft.into_plan(fetches));
        operation.keep(decisions, plan.clone());
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
fn weight(text: &str) -> u32 {
    u32::try_from(text.len() / 256 + 1).unwrap_or(u32::MAX)
}
