//! The operations of a supergraph: each document is validated once, and each operation is planned once. Bounded caches
//! keep both, and the results of introspections.
//!
//! A long text never becomes a key of these caches ([`Limits::cached_document_bytes_max`]). They keep the key of a removed
//! entry in its place until they reorganize, which is up to about 800 keys each, and `try_get_with` inserts and removes a
//! key even if it caches nothing. The weigher does not count those keys.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Variables;
use foundation::Scalar;
use futures_util::future::{BoxFuture, FutureExt};
use moka::sync::Cache;

use super::cached_operation::{CachedOperation, OperationKey};
use super::error::SupergraphError;
use super::introspect::{self, IntrospectionKey, IntrospectionResult};
use super::lanes::{ExpectedDuration, Lanes};
use super::meters::OperationMeters;
use super::plan::model::{Fetches, Plan};
use super::plan::planner::{OperationPlanner, PlannerInput};
use super::request_error::RequestError;
use super::schema::{PublicSchema, public_schema, supergraph_document};
use super::validate::{self, ConditionValues, ValidOperation};
use crate::cache::bytes_of;
use crate::limits::Limits;
use crate::subgraph::Caller;

/// The schema of a supergraph, its planner, and the caches of their results.
pub struct Operations {
    /// The public schema.
    pub schema: PublicSchema,
    planner: OperationPlanner,
    limits: Arc<Limits>,
    operations: Cache<OperationKey, Arc<CachedOperation>>,
    fetches: Cache<Arc<str>, Arc<Fetches>>,
    introspections: Cache<IntrospectionKey, Arc<IntrospectionResult>>,
    lanes: Arc<Lanes>,
    /// How many operations found their document and their plan in the caches.
    pub meters: Arc<OperationMeters>,
}

impl Operations {
    /// Reads a supergraph.
    ///
    /// # Errors
    /// When the supergraph is invalid.
    pub fn new(supergraph_sdl: &str, scalars: &'static [Scalar], limits: Arc<Limits>) -> Result<Self, SupergraphError> {
        let types = public_schema(supergraph_sdl)?;
        let document = supergraph_document(supergraph_sdl)?;
        let schema = PublicSchema::new(types, &document, scalars);
        let planner = OperationPlanner::new(&document, &schema)?;
        // An entry's weight grows with the size of its document; a small document weighs one.
        let operations = Cache::builder()
            .max_capacity(limits.plans_max)
            .weigher(|key: &OperationKey, _: &Arc<CachedOperation>| cache_weight(&key.0))
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
        Ok(Self {
            schema,
            planner,
            limits,
            operations,
            fetches,
            introspections,
            lanes: Arc::new(Lanes::new()),
            meters: Arc::default(),
        })
    }

    /// Shares the lanes and goes on with the counts of the operations that these replace.
    pub fn take_over(&mut self, replaced: &Self) {
        self.lanes = Arc::clone(&replaced.lanes);
        self.meters = Arc::clone(&replaced.meters);
    }

    /// Returns the names of the subgraphs, in the order of [`Fetch::subgraph`](super::plan::model::Fetch::subgraph).
    pub fn subgraph_names(&self) -> Vec<&str> {
        self.planner.subgraph_names()
    }

    /// Returns the number of cached plans.
    pub fn cached_plans(&self) -> u64 {
        self.fetches.run_pending_tasks();
        self.fetches.entry_count()
    }

    /// Returns the number of cached documents.
    pub fn cached_documents(&self) -> u64 {
        self.operations.run_pending_tasks();
        self.operations.entry_count()
    }

    /// Returns the number of operations that found the lanes full.
    pub fn planning_refusals(&self) -> u64 {
        self.lanes.refusals()
    }

    /// Returns the valid operation of a document if it is cached. The caller counts the hit.
    pub fn known_operation(&self, key: &OperationKey) -> Option<Arc<CachedOperation>> {
        if self.is_cacheable(key_bytes(key)) {
            self.operations.get(key)
        } else {
            None
        }
    }

    /// Whether a key of this size may be in a cache.
    fn is_cacheable(&self, key_bytes: usize) -> bool {
        key_bytes <= self.limits.cached_document_bytes_max
    }

    /// Returns the valid operation of a document, from the cache or by validating it in a lane.
    ///
    /// # Errors
    /// When the document is invalid, or the lanes are full.
    pub async fn operation(self: &Arc<Self>, key: &OperationKey) -> Result<Arc<CachedOperation>, RequestError> {
        match self.known_operation(key) {
            Some(operation) => {
                self.meters.documents.hits.increment();
                Ok(operation)
            }
            None => {
                self.meters.documents.misses.increment();
                let (key, duration) = (key.clone(), self.text_duration(&key.0));
                self.compute(duration, move |operations| operations.load_operation(key))
                    .await
            }
        }
    }

    /// The expected duration of validating and translating a document, by its length: the limits bound the fields that
    /// it can expand to.
    fn text_duration(&self, text: &str) -> ExpectedDuration {
        if text.len() <= self.limits.planning_quick_bytes_max {
            ExpectedDuration::Short
        } else {
            ExpectedDuration::Long
        }
    }

    /// Returns the plan of an operation for these variables and this caller, from the cache or by planning in a lane.
    ///
    /// # Errors
    /// When the operation costs too much to plan, or the lanes are full.
    pub async fn plan(
        self: &Arc<Self>,
        text: &str,
        operation: &Arc<CachedOperation>,
        variables: &Variables,
        caller: &Caller,
    ) -> Result<Arc<Plan>, RequestError> {
        let mut condition_values = operation.valid.condition_values(variables)?;
        let access = &self.schema.access;
        condition_values.extend(access.outcomes(&operation.valid.access_rules, caller.access()));
        if let Some(plan) = operation.stored_plan(&condition_values) {
            self.meters.plans.hits.increment();
            return Ok(plan);
        }
        let (input_operation, input_values) = (operation.clone(), condition_values.clone());
        let input = self
            .compute(self.text_duration(text), move |operations| {
                operations.planner_input(&input_operation.valid, &input_values)
            })
            .await?;
        let is_planned = self.is_cacheable(input.text.len()) && self.fetches.contains_key(&input.text);
        self.meters.plans.count(is_planned);
        let duration = if is_planned || input.cost <= self.limits.planning_quick_cost_max {
            ExpectedDuration::Short
        } else {
            ExpectedDuration::Long
        };
        let operation = operation.clone();
        self.compute(duration, move |operations| {
            operations.load_plan(&operation, condition_values, input)
        })
        .await
    }

    /// Returns the result of an introspection, and whether it came from the cache.
    pub async fn load_introspection(
        self: &Arc<Self>,
        key: OperationKey,
        operation: &Arc<CachedOperation>,
        variables: Variables,
    ) -> Result<(Arc<IntrospectionResult>, bool), RequestError> {
        let variable_bytes: usize = variables.values().map(bytes_of).sum();
        let key = if self.is_cacheable(key_bytes(&key) + variable_bytes) {
            let variables = serde_json::to_string(&variables).map_err(|_| RequestError::Internal)?;
            // Escaped characters take more bytes than `variable_bytes` counts.
            let is_cacheable = self.is_cacheable(key_bytes(&key) + variables.len());
            is_cacheable.then_some((key, variables))
        } else {
            None
        };
        if let Some(known) = key.as_ref().and_then(|key| self.introspections.get(key)) {
            return Ok((known, true));
        }
        introspect::check_cost(&self.schema, &operation.valid, self.limits.introspection_bytes_max)?;
        let operation = operation.clone();
        let work = move |operations: &Self| {
            let answered = Arc::new(introspect::introspect(
                &operations.schema,
                &operation.valid,
                &variables,
            )?);
            if let Some(key) = key {
                operations.introspections.insert(key, answered.clone());
            }
            Ok(answered)
        };
        Ok((self.compute(ExpectedDuration::Long, work).await?, false))
    }

    /// Runs computations outside of the async threads.
    ///
    /// The future is boxed, because most requests do not need it: their own futures stay small.
    fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        duration: ExpectedDuration,
        work: impl FnOnce(&Self) -> Result<T, RequestError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, RequestError>> {
        let inner = self.clone();
        self.lanes.run(duration, &self.limits, move || work(&inner)).boxed()
    }

    /// Returns the validated operation of a document. Concurrent requests with the same document validate it once, unless
    /// it is long.
    pub fn load_operation(&self, key: OperationKey) -> Result<Arc<CachedOperation>, RequestError> {
        let (text, name) = key.clone();
        let validate = || {
            validate::validate(&self.schema, &self.limits, &text, name.as_deref())
                .map(|valid| Arc::new(CachedOperation::new(valid)))
        };
        if !self.is_cacheable(key_bytes(&key)) {
            return validate();
        }
        let operation = self.operations.try_get_with(key, validate);
        operation.map_err(|error: Arc<RequestError>| (*error).clone())
    }

    /// Prepares an operation for the planner, and rejects one that costs too much to plan.
    pub fn planner_input(
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
    pub fn load_plan(
        &self,
        operation: &CachedOperation,
        condition_values: ConditionValues,
        input: PlannerInput,
    ) -> Result<Arc<Plan>, RequestError> {
        let plan_fetches = || {
            let fetches = self.planner.plan_fetches(&self.schema, &self.limits, &input);
            fetches.map(Arc::new)
        };
        let fetches = if self.is_cacheable(input.text.len()) {
            let fetches = self.fetches.try_get_with(input.text.clone(), plan_fetches);
            fetches.map_err(|error: Arc<RequestError>| (*error).clone())?
        } else {
            plan_fetches()?
        };
        let plan = Arc::new(input.into_plan(fetches));
        operation.store_plan(condition_values, plan.clone());
        Ok(plan)
    }

    /// Validates and plans an operation without the caches, and returns the times of the parts.
    ///
    /// # Errors
    /// When the operation is invalid, or cannot be planned within the limits.
    pub fn planning_times(&self, query: &str) -> Result<PlanningTimes, RequestError> {
        let begun = Instant::now();
        let valid = validate::validate(&self.schema, &self.limits, query, None)?;
        let validated = Instant::now();
        let input = self.planner_input(&valid, &valid.maximal_conditions())?;
        let prepared = Instant::now();
        let fetches = self.planner.plan_unchecked(&self.limits, &input)?;
        let planned = Instant::now();
        self.planner.check(&self.schema, &input, &fetches)?;
        Ok(PlanningTimes {
            validation: validated - begun,
            preparation: prepared - validated,
            planning: planned - prepared,
            checking: planned.elapsed(),
        })
    }
}

/// The times of the parts of planning an operation that no cache has.
#[derive(Clone, Copy, Debug)]
pub struct PlanningTimes {
    /// Parsing, measuring and validating.
    pub validation: Duration,
    /// The canonical form, the key of the plan, the shape of the answer, and the price.
    pub preparation: Duration,
    /// The search for the plan, and its documents.
    pub planning: Duration,
    /// The check of the plan.
    pub checking: Duration,
}

/// The size of a key, which is as long as the client's text.
fn key_bytes((text, name): &OperationKey) -> usize {
    text.len() + name.as_deref().map_or(0, str::len)
}

/// The weight of a document in the caches, by its size: the compiled form is many times bigger than the text.
fn cache_weight(text: &str) -> u32 {
    u32::try_from(text.len() / 256 + 1).unwrap_or(u32::MAX)
}
