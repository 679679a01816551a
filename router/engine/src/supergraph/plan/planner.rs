//! Plans operations.

use std::collections::HashSet;
use std::sync::Arc;

use apollo_compiler::{Name, ast};

use super::best_plan::BestPlan;
use super::cacheable::Cacheable;
use super::check::PlanChecker;
use super::fetch_graph::FetchGraph;
use super::join_graph::JoinGraph;
use super::model::{Fetches, MutationStep, ObjectProjection, Plan, PlanStep};
use super::operation_key::operation_key;
use super::planning_cost::PlanningCosts;
use super::projection_plan::projection_plan;
use super::serial;
use super::steps::StepBuilder;
use super::work::{PlanningError, WorkLimit};
use crate::limits::Limits;
use crate::supergraph::canonical::{CanonicalField, CanonicalOperation, canonicalize};
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
    graph: JoinGraph,
    cacheable: Cacheable,
    planning_costs: PlanningCosts,
    checker: PlanChecker,
    /// A key for the type of an interface object, which no field has.
    typename_alias: Name,
}

impl OperationPlanner {
    /// Reads a supergraph.
    ///
    /// # Errors
    /// When it is not a valid supergraph, or uses a feature that is not supported.
    pub fn new(document: &ast::Document, schema: &PublicSchema) -> Result<Self, SupergraphError> {
        Ok(Self {
            graph: JoinGraph::load(document)?,
            cacheable: Cacheable::of(document),
            planning_costs: PlanningCosts::from_supergraph(document),
            checker: PlanChecker::new(document)?,
            typename_alias: unused_name("_typename", &schema.field_names.iter().map(Name::as_str).collect()),
        })
    }

    /// Returns the names of the subgraphs, in the order of [`Fetch::subgraph`](super::model::Fetch::subgraph).
    pub fn subgraph_names(&self) -> Vec<&str> {
        self.graph.subgraphs().iter().map(|name| &**name).collect()
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
        Ok(PlannerInput {
            text: operation_key(&operation).into(),
            cost: self.planning_costs.of(&operation),
            operation,
            introspects: introspects(&resolved.document, &resolved.operation),
            projection,
        })
    }

    /// Plans the fetches of an operation, and checks the plan.
    ///
    /// # Errors
    /// When planning exceeds its limits, a field cannot be fetched, or the plan is wrong.
    pub fn plan_fetches(
        &self,
        schema: &PublicSchema,
        limits: &Limits,
        input: &PlannerInput,
    ) -> Result<Fetches, RequestError> {
        let fetches = self.plan_unchecked(limits, input)?;
        self.check(schema, input, &fetches)?;
        Ok(fetches)
    }

    /// Checks the planned fetches of an operation.
    ///
    /// # Errors
    /// When they are wrong.
    pub fn check(&self, schema: &PublicSchema, input: &PlannerInput, fetches: &Fetches) -> Result<(), RequestError> {
        let checked = self.checker.check(schema, &input.operation, fetches);
        checked.map_err(|fault| {
            tracing::error!(%fault, operation = %input.text, "the planner returned a wrong plan");
            RequestError::OperationNotSupported
        })
    }

    /// Plans the fetches of an operation. The plan has to be [checked](Self::check).
    ///
    /// # Errors
    /// When planning exceeds its limits, or a field cannot be fetched.
    pub fn plan_unchecked(&self, limits: &Limits, input: &PlannerInput) -> Result<Fetches, RequestError> {
        let mut roots = serial::root_fields(&input.operation);
        let steps = match roots.len() {
            0 => PlanStep::Sequence(Vec::new()),
            1 => return self.plan_roots(limits, &input.operation, &roots.remove(0).1),
            _ => self.plan_serially(limits, &input.operation, roots)?,
        };
        Ok(Fetches { source: None, steps })
    }

    /// Plans each of these root fields separately.
    fn plan_serially(
        &self,
        limits: &Limits,
        operation: &CanonicalOperation,
        roots: Vec<(async_graphql::Name, Vec<&CanonicalField>)>,
    ) -> Result<PlanStep, RequestError> {
        let steps = roots.into_iter().map(|(data_key, fields)| {
            Ok(MutationStep {
                data_key,
                step: self.plan_roots(limits, operation, &fields)?.steps,
            })
        });
        Ok(PlanStep::Serial(steps.collect::<Result<_, RequestError>>()?))
    }

    /// Plans these root fields of an operation, which may be all of them.
    fn plan_roots(
        &self,
        limits: &Limits,
        operation: &CanonicalOperation,
        fields: &[&CanonicalField],
    ) -> Result<Fetches, RequestError> {
        let fetch_graph = self.fetch_graph(limits, operation, fields).map_err(|error| {
            if error == PlanningError::Unreachable {
                tracing::error!(
                    operation = operation_key(operation),
                    "a valid operation cannot be planned"
                );
            }
            RequestError::from(error)
        })?;
        StepBuilder {
            graph: &self.graph,
            cacheable: &self.cacheable,
            arguments: &operation.arguments,
            kind: operation.kind,
            typename_alias: &self.typename_alias,
        }
        .fetches(fetch_graph)
    }

    fn fetch_graph(
        &self,
        limits: &Limits,
        operation: &CanonicalOperation,
        fields: &[&CanonicalField],
    ) -> Result<FetchGraph<'_>, PlanningError> {
        let root = self.graph.type_id(&operation.ty).ok_or(PlanningError::Unreachable)?;
        let mut search = BestPlan::new(&self.graph, WorkLimit::new(limits.planning_time_max()));
        let fields = fields.iter();
        let items: Vec<_> = fields
            .map(|field| search.selections.add_canonical_field(field))
            .collect();
        let plan = search.root(root, &items)?;
        Ok(FetchGraph::build(search, root, &items, &plan))
    }
}

/// Returns this name, or a longer one if it is taken.
fn unused_name(base: &str, taken: &HashSet<&str>) -> Name {
    let mut name = base.to_owned();
    while taken.contains(name.as_str()) {
        name.insert(0, '_');
    }
    Name::new_unchecked(&name)
}
