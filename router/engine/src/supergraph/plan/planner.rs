//! Plans operations with the library.

use std::collections::HashMap;
use std::sync::Arc;

use apollo_compiler::ast;
use async_graphql::Name;
use hive_router_query_planner::ast::normalization::normalize_operation;
use hive_router_query_planner::graph::PlannerOverrideContext;
use hive_router_query_planner::planner::plan_nodes::PlanNode;
use hive_router_query_planner::planner::{Planner, QueryPlannerOptions};
use hive_router_query_planner::utils::cancellation::CancellationToken;
use hive_router_query_planner::utils::parsing::safe_parse_schema;

use super::cacheable::Cacheable;
use super::check::PlanChecker;
use super::compile::Compiler;
use super::document::{self, PlannerDocument};
use super::model::{Fetches, MutationStep, ObjectProjection, Plan, PlanStep};
use super::planning_cost::PlanningCosts;
use super::projection_plan::projection_plan;
use super::serial;
use crate::limits::Limits;
use crate::supergraph::canonical::{CanonicalOperation, canonicalize};
use crate::supergraph::conditions::ResolvedOperation;
use crate::supergraph::error::SupergraphError;
use crate::supergraph::request_error::RequestError;
use crate::supergraph::schema::PublicSchema;
use crate::supergraph::validate::introspects;

/// An operation that is ready to be planned.
pub struct PlannerInput {
    /// The planner's input as text: the same for all operations that fetch the same.
    pub text: Arc<str>,
    /// The cost of planning.
    pub cost: u64,
    /// The planner's input, with the keys of its root fields.
    documents: Vec<(Name, PlannerDocument)>,
    is_serial: bool,
    operation: CanonicalOperation,
    introspects: bool,
    projection: Arc<ObjectProjection>,
}

impl PlannerInput {
    /// Combines the operation with its planned fetches.
    pub fn into_plan(self, fetches: Arc<Fetches>) -> Plan {
        Plan {
            fetches,
            arguments: self.operation.arguments,
            introspects: self.introspects,
            projection: self.projection,
        }
    }
}

/// The planner, with the facts about a supergraph that plans depend on.
pub struct OperationPlanner {
    planner: Planner,
    checker: PlanChecker,
    /// Subgraph names, in the order of the supergraph's list.
    subgraphs: HashMap<String, usize>,
    cacheable: Cacheable,
    planning_costs: PlanningCosts,
}

impl OperationPlanner {
    /// Reads a supergraph.
    ///
    /// # Errors
    /// When it is not a valid supergraph.
    pub fn new(supergraph_sdl: &str, document: &ast::Document) -> Result<Self, SupergraphError> {
        let parsed = safe_parse_schema(supergraph_sdl).map_err(|error| SupergraphError::Schema(error.to_string()))?;
        let planner = Planner::new_from_supergraph(&parsed, QueryPlannerOptions::default())
            .map_err(|error| SupergraphError::Schema(error.to_string()))?;
        let mut names: Vec<_> = planner.supergraph.known_subgraphs.values().cloned().collect();
        names.sort_unstable();
        let subgraphs = names
            .into_iter()
            .enumerate()
            .map(|(index, name)| (name, index))
            .collect();
        Ok(Self {
            planner,
            checker: PlanChecker::new(document)?,
            subgraphs,
            cacheable: Cacheable::of(document),
            planning_costs: PlanningCosts::from_supergraph(document),
        })
    }

    /// Returns the names of the subgraphs, in the order of [`Fetch::subgraph`].
    pub fn subgraph_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.subgraphs.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Prepares an operation for the planner.
    ///
    /// # Errors
    /// When its answer could have more fields than the limits allow, or a number in it cannot be represented.
    pub fn planner_input(
        &self,
        schema: &PublicSchema,
        limits: &Limits,
        resolved: &ResolvedOperation,
    ) -> Result<PlannerInput, RequestError> {
        let operation = canonicalize(schema, resolved)?;
        let projection = projection_plan(schema, &operation, limits.query_fields_max.saturating_mul(10))?;
        let roots = serial::root_fields(&operation);
        let is_serial = roots.len() > 1;
        let documents: Vec<_> = roots
            .into_iter()
            .filter_map(|(key, fields)| {
                Some((key, document::planner_document(schema, &operation, fields.into_iter())?))
            })
            .collect();
        let text: String = documents.iter().map(|(_, document)| document.to_string()).collect();
        Ok(PlannerInput {
            text: text.into(),
            cost: self.planning_costs.of(&operation),
            documents,
            is_serial,
            operation,
            introspects: introspects(&resolved.document, &resolved.operation),
            projection,
        })
    }

    /// Plans the fetches of an operation, and checks the plan.
    ///
    /// # Errors
    /// When planning exceeds its time limit, the planner fails, or its plan is wrong.
    pub fn plan_fetches(
        &self,
        schema: &PublicSchema,
        limits: &Limits,
        input: &PlannerInput,
    ) -> Result<Fetches, RequestError> {
        let fetches = self.plan_unchecked(schema, limits, input)?;
        match self.checker.check(schema, &input.operation, &fetches) {
            Ok(()) => Ok(fetches),
            Err(fault) => {
                tracing::error!(%fault, operation = %input.text, "the planner returned a wrong plan");
                Err(RequestError::OperationNotSupported)
            }
        }
    }

    fn plan_unchecked(
        &self,
        schema: &PublicSchema,
        limits: &Limits,
        input: &PlannerInput,
    ) -> Result<Fetches, RequestError> {
        if input.is_serial {
            return self.plan_serially(schema, limits, &input.documents);
        }
        match input.documents.first() {
            None => Ok(Fetches {
                source: None,
                steps: PlanStep::Sequence(Vec::new()),
            }),
            Some((_, document)) => self.plan_roots(schema, limits, document),
        }
    }

    /// Plans each of these root fields separately.
    fn plan_serially(
        &self,
        schema: &PublicSchema,
        limits: &Limits,
        roots: &[(Name, PlannerDocument)],
    ) -> Result<Fetches, RequestError> {
        let steps = roots.iter().map(|(data_key, document)| {
            Ok(MutationStep {
                data_key: data_key.clone(),
                step: self.plan_roots(schema, limits, document)?.steps,
            })
        });
        Ok(Fetches {
            source: None,
            steps: PlanStep::Serial(steps.collect::<Result<_, RequestError>>()?),
        })
    }

    /// Plans these root fields of an operation, which may be all of them.
    fn plan_roots(
        &self,
        schema: &PublicSchema,
        limits: &Limits,
        document: &PlannerDocument,
    ) -> Result<Fetches, RequestError> {
        let node = self.library_plan(document, limits)?;
        Compiler {
            schema,
            subgraphs: &self.subgraphs,
            cacheable: &self.cacheable,
        }
        .plan(node)
    }

    fn library_plan(&self, document: &PlannerDocument, limits: &Limits) -> Result<Option<PlanNode>, RequestError> {
        let not_supported = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, %document, "the planner failed on a valid operation");
            RequestError::OperationNotSupported
        };
        let make = || {
            let normalized = normalize_operation(&self.planner.supergraph, document, None);
            let normalized = normalized.map_err(|error| not_supported(&error))?;
            let planned = self.planner.plan_from_normalized_operation(
                normalized.executable_operation(),
                PlannerOverrideContext::default(),
                &CancellationToken::with_timeout(limits.planning_time_max()),
            );
            planned.map(|plan| plan.node).map_err(|error| match error {
                hive_router_query_planner::planner::PlannerError::CancellationError(_) => RequestError::Timeout,
                other => not_supported(&other),
            })
        };
        // The library calls `expect`; a panic in it fails only this request.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(make))
            .unwrap_or_else(|_| Err(not_supported(&"it panicked")))
    }
}
