//! Serves several subgraphs as one graph: validation, planning, execution and projection.
//!
//! An operation is validated against the public schema and measured against the limits ([`validate`], [`cost`]).
//! [`conditions`] applies `@skip` and `@include`; the remaining operation is planned and compiled ([`plan`]). The plan runs
//! over the subgraphs ([`execute`], [`entities`]), and the merged trees are serialized as the response ([`project`]). Each
//! document is validated once and each operation is planned once; bounded caches keep both results.
//!
//! This module knows no domain, opens no database and listens on no socket.

mod abort;
mod access;
mod allowance;
mod arguments;
mod attribution;
mod batch_limits;
mod cached_fetch;
mod cached_operation;
mod canonical;
mod conditions;
mod cost;
mod entities;
mod error;
mod execute;
mod execution_state;
mod field_errors;
mod introspect;
mod introspection_fields;
mod lanes;
#[cfg(test)]
mod loader_fuzz;
mod long_operations;
mod merged_tapes;
mod meters;
mod operation_limits;
mod operations;
mod pipeline;
mod plan;
mod plan_execution;
mod project;
mod project_tapes;
mod public_document;
mod reloadable;
mod request_error;
mod response_paths;
mod schema;
mod schema_sizes;
mod shared_answers;
mod subgraph_location;
mod subscribe;
mod tape_representations;
mod tape_steps;
mod text_bounds;
mod tree;
mod validate;
mod variables;
mod write_budget;

use std::collections::HashMap;
use std::sync::Arc;

use foundation::Scalar;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};

pub use self::error::SupergraphError;
pub use self::long_operations::{LongOperationCounts, LongOperations};
pub use self::meters::{LookupCounts, SubgraphCounts, SupergraphCounts};
pub use self::operations::PlanningTimes;
pub use self::reloadable::ReloadableSupergraph;
pub use self::request_error::{Diagnostic, Location, RequestError};
pub use self::schema::{public_schema, public_sdl};
pub use self::subgraph_location::{SubgraphLocation, subgraph_locations};

use self::cached_operation::CachedOperation;
use self::meters::FetchMeter;
use self::operations::Operations;
use self::pipeline::Pipeline;
use self::plan::planner::PlannerInput;
use self::plan_execution::unavailable_response;
use self::shared_answers::SharedAnswers;
use self::validate::ConditionValues;
use self::write_budget::WriteBudget;
use crate::cache::ResponseCache;
use crate::limits::Limits;
use crate::subgraph::{OperationKind, Preparation, Subgraph, SubgraphRequest, SubgraphResponse};

/// A supergraph over its subgraphs. Cheap to clone.
#[derive(Clone)]
pub struct Supergraph(Arc<Pipeline>);

/// The kind and the variables of an operation, known before it runs.
#[derive(Clone, Debug)]
pub struct OperationInfo {
    /// Query, mutation or subscription.
    pub kind: OperationKind,
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
    /// Serves a supergraph over its subgraphs, by the names that the supergraph's `join__graph` gives them. `scalars`
    /// are the custom scalars whose formats it checks. Caches no responses.
    ///
    /// # Errors
    /// When the supergraph is invalid, or a subgraph is missing.
    pub fn new(
        supergraph_sdl: &str,
        scalars: &'static [Scalar],
        subgraphs: HashMap<String, Arc<dyn Subgraph>>,
        limits: Arc<Limits>,
    ) -> Result<Self, SupergraphError> {
        Self::with_cache(supergraph_sdl, scalars, subgraphs, limits, Arc::default())
    }

    /// As [`new`](Self::new), and caches the responses in `cache` that are the same for every caller. The caller connects
    /// the cache to a bus that reports every change (`InvalidatingBus` of the router).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_cache(
        supergraph_sdl: &str,
        scalars: &'static [Scalar],
        mut subgraphs: HashMap<String, Arc<dyn Subgraph>>,
        limits: Arc<Limits>,
        cache: Arc<ResponseCache>,
    ) -> Result<Self, SupergraphError> {
        let long_operations = LongOperations::new(&limits);
        let operations = Operations::new(supergraph_sdl, scalars, Arc::clone(&limits))?;
        let subgraphs = operations
            .subgraph_names()
            .into_iter()
            .map(|name| {
                subgraphs
                    .remove(name)
                    .ok_or_else(|| SupergraphError::MissingSubgraph(name.to_owned()))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self::assemble(operations, long_operations, subgraphs, limits, cache))
    }

    /// A supergraph that only plans: it answers every request with `UNAVAILABLE`.
    ///
    /// # Errors
    /// When the supergraph is invalid.
    pub fn without_subgraphs(supergraph_sdl: &str, scalars: &'static [Scalar]) -> Result<Self, SupergraphError> {
        let limits = Arc::<Limits>::default();
        let long_operations = LongOperations::new(&limits);
        let operations = Operations::new(supergraph_sdl, scalars, Arc::clone(&limits))?;
        let absent = || Arc::new(UnavailableSubgraph) as Arc<dyn Subgraph>;
        let subgraphs = operations.subgraph_names().iter().map(|_| absent()).collect();
        let cache = Arc::default();
        Ok(Self::assemble(operations, long_operations, subgraphs, limits, cache))
    }

    fn assemble(
        operations: Operations,
        long_operations: LongOperations,
        subgraphs: Vec<Arc<dyn Subgraph>>,
        limits: Arc<Limits>,
        cache: Arc<ResponseCache>,
    ) -> Self {
        let names = operations.subgraph_names();
        let fetch_meters = names.into_iter().map(|name| Arc::new(FetchMeter::new(name))).collect();
        Self(Arc::new(Pipeline {
            fetch_meters,
            operations: Arc::new(operations),
            long_operations,
            has_tapes: subgraphs.iter().all(|subgraph| subgraph.as_tape_subgraph().is_some()),
            subgraphs,
            write_budget: Arc::new(WriteBudget::new(&limits)),
            shared_answers: SharedAnswers::new(limits.shared_answers_bytes_max),
            limits,
            cache,
        }))
    }

    /// Returns the threads for operations that take long.
    pub fn long_operations(&self) -> &LongOperations {
        &self.0.long_operations
    }

    /// Returns the plan of an operation as text. A selection whose `@skip` or `@include` depends on a variable is kept.
    ///
    /// # Errors
    /// When the operation is not valid.
    pub fn plan_text(&self, query: &str, operation_name: Option<&str>) -> Result<String, RequestError> {
        let plan = self.maximal_plan(query, operation_name)?;
        Ok(plan::text::format_plan(&plan))
    }

    /// As [`plan_text`](Self::plan_text), as JSON with the documents as they are sent.
    ///
    /// # Errors
    /// When the operation is not valid.
    pub fn plan_json(&self, query: &str, operation_name: Option<&str>) -> Result<serde_json::Value, RequestError> {
        let plan = self.maximal_plan(query, operation_name)?;
        Ok(plan::json::plan_json(&plan))
    }

    fn maximal_plan(&self, query: &str, operation_name: Option<&str>) -> Result<Arc<plan::model::Plan>, RequestError> {
        let (operation, condition_values, input) = self.maximal_input(query, operation_name)?;
        self.0.operations.load_plan(&operation, condition_values, input)
    }

    /// Returns what has been counted since the start, and the sizes of the caches of documents and plans.
    pub fn counts(&self) -> SupergraphCounts {
        let operations = &self.0.operations;
        SupergraphCounts {
            subgraphs: self.0.fetch_meters.iter().map(|meter| meter.counts()).collect(),
            documents: operations.meters.documents.counts(operations.cached_documents()),
            plans: operations.meters.plans.counts(operations.cached_plans()),
            planning_refusals: operations.planning_refusals(),
            long_operations: self.0.long_operations.counts(),
        }
    }

    /// Returns the number of cached plans.
    pub fn cached_plans(&self) -> u64 {
        self.0.operations.cached_plans()
    }

    /// Returns the cost of planning an operation, in the units of [`Limits::planning_cost_max`].
    ///
    /// # Errors
    /// When the operation is not valid, or its cost exceeds that limit.
    pub fn planning_cost(&self, query: &str) -> Result<u64, RequestError> {
        let (_, _, input) = self.maximal_input(query, None)?;
        Ok(input.cost)
    }

    /// Validates and plans an operation without the caches, and returns the times of the parts.
    ///
    /// # Errors
    /// When the operation is not valid, or cannot be planned within the limits.
    pub fn planning_times(&self, query: &str) -> Result<PlanningTimes, RequestError> {
        self.0.operations.planning_times(query)
    }

    /// Whether the plan of a request is in the caches, which are asked as for its answer.
    pub fn knows_plan(&self, request: &SubgraphRequest) -> bool {
        self.0.knows_plan(request)
    }

    /// Validates and plans an operation without running it, and returns its kind and its variables.
    ///
    /// # Errors
    /// When the operation is not valid.
    pub fn check_operation(&self, query: &str) -> Result<OperationInfo, RequestError> {
        let (operation, condition_values, input) = self.maximal_input(query, None)?;
        self.0.operations.load_plan(&operation, condition_values, input)?;
        let variables = operation
            .valid
            .definition
            .variables
            .iter()
            .map(|variable| VariableInfo {
                name: variable.name.to_string(),
                ty: variable.ty.to_string(),
                named_type: variable.ty.inner_named_type().to_string(),
                required: variable.ty.is_non_null() && variable.default_value.is_none(),
            });
        Ok(OperationInfo {
            kind: operation.valid.kind(),
            variables: variables.collect(),
        })
    }

    /// Validates an operation, and returns it with the planner's input for it, in which each selection whose `@skip` or
    /// `@include` depends on a variable is kept.
    fn maximal_input(
        &self,
        query: &str,
        operation_name: Option<&str>,
    ) -> Result<(Arc<CachedOperation>, ConditionValues, PlannerInput), RequestError> {
        let operations = &self.0.operations;
        let operation = operations.load_operation((query.into(), operation_name.map(str::to_owned)))?;
        let condition_values = operation.valid.maximal_conditions();
        let input = operations.planner_input(&operation.valid, &condition_values)?;
        Ok((operation, condition_values, input))
    }
}

impl Subgraph for Supergraph {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        self.0.execute_request(request)
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        subscribe::subscribe(self.0.clone(), request)
    }

    fn prepare(&self, request: SubgraphRequest) -> Preparation<'_> {
        self.0.prepare(request)
    }
}

/// A placeholder for a missing subgraph: it answers every request with `UNAVAILABLE`.
struct UnavailableSubgraph;

impl Subgraph for UnavailableSubgraph {
    fn fetch(&self, _: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        std::future::ready(SubgraphResponse::Tree(unavailable_response())).boxed()
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        futures_util::stream::once(async { SubgraphResponse::Tree(unavailable_response()) }).boxed()
    }
}
