//! Compiles a valid operation to a plan in the gateway's own form, so that as little as possible is computed per
//! request.
//!
//! The planner is a library (`hive-router-query-planner`); only this folder depends on it.

mod cacheable;
mod compile;
mod document;
mod planning_cost;
mod serial;
pub mod text;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use apollo_compiler::ast;
use async_graphql::Name;
use hive_router_query_planner::ast::normalization::normalize_operation;
use hive_router_query_planner::graph::PlannerOverrideContext;
use hive_router_query_planner::planner::plan_nodes::PlanNode;
use hive_router_query_planner::planner::{Planner, QueryPlannerOptions};
use hive_router_query_planner::utils::cancellation::CancellationToken;
use hive_router_query_planner::utils::parsing::safe_parse_schema;

use self::cacheable::Cacheable;
pub use self::cacheable::{TrackedField, TrackedObject};
use self::document::PlannerDocument;
use self::planning_cost::PlanningCosts;
pub use self::serial::MutationStep;
use super::SupergraphError;
use super::arguments::Arguments;
use super::canonical::canonicalize;
use super::conditions::ResolvedOperation;
use super::projection_plan::{ObjectProjection, projection_plan};
use super::request_error::RequestError;
use super::schema::PublicSchema;
use super::validate::introspects;
use crate::cache::FetchKey;
use crate::limits::Limits;
use crate::subgraph::RequestDocument;

/// The compiled plan of an operation: executing it looks up no names and parses no documents.
#[derive(Debug)]
pub struct Plan {
    /// The fetches, shared by all operations that fetch the same.
    pub fetches: Arc<Fetches>,
    /// The arguments of the operation's fields, which the fetches pass as variables.
    pub arguments: Arguments,
    /// Whether the operation selects `__schema` or `__type`, beside other fields or alone.
    pub introspects: bool,
    /// The shape of the answer.
    pub projection: Arc<ObjectProjection>,
}

/// The fetches of an operation.
#[derive(Debug)]
pub struct Fetches {
    /// The source stream of a subscription; `None` for queries and mutations.
    pub source: Option<Fetch>,
    /// The steps to execute; for a subscription, on every event.
    pub steps: PlanStep,
}

/// An operation that is ready to be planned.
pub struct PlannerInput {
    /// The planner's input as text: the same for all operations that fetch the same.
    pub text: Arc<str>,
    /// The cost of planning.
    pub cost: u64,
    /// The planner's input, with the keys of its root fields.
    documents: Vec<(Name, PlannerDocument)>,
    is_serial: bool,
    arguments: Arguments,
    introspects: bool,
    projection: Arc<ObjectProjection>,
}

impl PlannerInput {
    /// Combines the operation with its planned fetches.
    pub fn into_plan(self, fetches: Arc<Fetches>) -> Plan {
        Plan {
            fetches,
            arguments: self.arguments,
            introspects: self.introspects,
            projection: self.projection,
        }
    }
}

/// A step of a plan.
#[derive(Debug)]
pub enum PlanStep {
    /// Runs the steps one after the other.
    Sequence(Vec<PlanStep>),
    /// Runs all steps at once.
    Parallel(Vec<PlanStep>),
    /// The root fields of a mutation, each with its whole selection set, one after the other.
    Serial(Vec<MutationStep>),
    /// Fetches root fields of one subgraph.
    Fetch(Fetch),
    /// Fetches root fields of one subgraph for a place inside the answer.
    Nested(Vec<FlattenPathSegment>, Fetch),
    /// Fetches fields of entities that other subgraphs have returned.
    Entities(Fetch, Vec<EntityBatch>),
}

/// A request to a subgraph.
#[derive(Debug)]
pub struct Fetch {
    /// The subgraph's index in the supergraph's list.
    pub subgraph: usize,
    /// The subgraph's name, for messages.
    pub name: Arc<str>,
    /// The document to send.
    pub document: RequestDocument,
    /// The operation's variables that it needs.
    pub variables: Vec<Name>,
    /// The keys at the root of its response.
    pub keys: Vec<String>,
    /// The changes to its response before it is merged.
    pub rewrites: Vec<Rewrite>,
    /// Whether the response is the same for every caller, so that it can be fetched anonymously.
    pub is_anonymous: bool,
    /// How its response may be cached; for [`PlanStep::Entities`], each [`EntityBatch`] has its own.
    pub cache_policy: Option<CachePolicy<Vec<TrackedField>>>,
    /// The text that represents it in the plan's text.
    pub text: String,
}

/// The caching of a response.
#[derive(Debug)]
pub struct CachePolicy<W> {
    /// The part of the cache key that the plan knows.
    pub fetch_key: Arc<FetchKey>,
    /// The entities that it depends on.
    pub dependencies: W,
}

/// The entities of one kind in a fetch.
#[derive(Debug)]
pub struct EntityBatch {
    /// Their key in the response.
    pub key: Name,
    /// The variable for the representations.
    pub variable: Name,
    /// The paths to the entities in the fetched data.
    pub paths: Vec<Vec<FlattenPathSegment>>,
    /// The selections that make up a representation.
    pub required: Vec<RequiredSelection>,
    /// The changes to a representation.
    pub input_rewrites: Vec<Rewrite>,
    /// The changes to an entity before it is merged.
    pub output_rewrites: Vec<Rewrite>,
    /// How each of the entities may be cached.
    pub cache_policy: Option<CachePolicy<TrackedObject>>,
}

/// A segment of the path to the entities.
#[derive(Debug)]
pub enum FlattenPathSegment {
    /// Into the value of a key.
    Key(Name),
    /// Into every item of a list.
    Items,
    /// Only into objects of one of these types.
    Types(HashSet<String>),
}

/// A selection of a representation.
#[derive(Debug)]
pub enum RequiredSelection {
    /// A field. The planner writes `price: alias` if the fetched data has the required value under another name.
    Field {
        /// The key in the representation. The fetched data uses it too if it does not have `name`.
        key: Name,
        /// The key in the fetched data.
        name: Name,
        /// The selections on the value, if it is an object.
        inner: Vec<RequiredSelection>,
    },
    /// Selections that apply only to objects of one of these types.
    On(HashSet<String>, Vec<RequiredSelection>),
}

/// A change to a tree.
#[derive(Debug)]
pub struct Rewrite {
    /// The path to the place.
    pub at: Vec<RewritePathSegment>,
    /// The change there.
    pub action: RewriteAction,
}

/// A segment of the path to a rewrite. Lists are followed to their items.
#[derive(Debug)]
pub enum RewritePathSegment {
    /// Into the value of a key.
    Key(Name),
    /// Only into objects of one of these types.
    Types(HashSet<String>),
}

/// The effect of a rewrite.
#[derive(Debug)]
pub enum RewriteAction {
    /// The key at the end of the path gets this name.
    Rename(Name),
    /// The value at the end of the path becomes this string.
    Set(String),
}

/// The planner, with the facts about a supergraph that plans depend on.
pub struct OperationPlanner {
    planner: Planner,
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
            arguments: operation.arguments,
            introspects: introspects(&resolved.document, &resolved.operation),
            projection,
        })
    }

    /// Plans the fetches of an operation.
    ///
    /// # Errors
    /// When planning exceeds its time limit, or the planner fails.
    pub fn plan_fetches(
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

    /// Plans these root fields of an operation, which may be all of them.
    fn plan_roots(
        &self,
        schema: &PublicSchema,
        limits: &Limits,
        document: &PlannerDocument,
    ) -> Result<Fetches, RequestError> {
        let node = self.library_plan(document, limits)?;
        compile::Compiler {
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

fn internal(error: impl std::fmt::Display) -> RequestError {
    tracing::error!(%error, "the planner returned an invalid plan");
    RequestError::OperationNotSupported
}
