//! Compiles a valid operation to a plan in the gateway's own form, so that as little as possible is computed per
//! request.
//!
//! The planner is a library (`hive-router-query-planner`); only this folder depends on it.

mod cacheable;
mod compile;
mod document;
mod price;
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
pub use self::cacheable::{Watched, WatchedObject};
use self::document::PlannerDocument;
use self::price::Prices;
pub use self::serial::MutationStep;
use super::SupergraphError;
use super::arguments::Arguments;
use super::canonical::canonical;
use super::decide::Decided;
use super::refusal::Refusal;
use super::schema::PublicSchema;
use super::shape::{ObjectShape, shape};
use super::validate::introspects;
use crate::cache::Question;
use crate::limits::Limits;
use crate::subgraph::Document;

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
    pub shape: Arc<ObjectShape>,
}

/// The fetches of an operation.
#[derive(Debug)]
pub struct Fetches {
    /// The source stream of a subscription; `None` for queries and mutations.
    pub source: Option<Fetch>,
    /// The steps to execute; for a subscription, on every event.
    pub steps: Step,
}

/// An operation that is ready to be planned.
pub struct Draft {
    /// The planner's input as text: the same for all operations that fetch the same.
    pub text: Arc<str>,
    /// The cost of planning.
    pub price: u64,
    /// The planner's input, with the keys of its root fields.
    documents: Vec<(Name, PlannerDocument)>,
    is_serial: bool,
    arguments: Arguments,
    introspects: bool,
    shape: Arc<ObjectShape>,
}

impl Draft {
    /// Combines the operation with its planned fetches.
    pub fn into_plan(self, fetches: Arc<Fetches>) -> Plan {
        Plan {
            fetches,
            arguments: self.arguments,
            introspects: self.introspects,
            shape: self.shape,
        }
    }
}

/// A step of a plan.
#[derive(Debug)]
pub enum Step {
    /// Runs the steps one after the other.
    Sequence(Vec<Step>),
    /// Runs all steps at once.
    Parallel(Vec<Step>),
    /// The root fields of a mutation, each with its whole selection set, one after the other.
    Serial(Vec<MutationStep>),
    /// Fetches root fields of one subgraph.
    Fetch(Fetch),
    /// Fetches root fields of one subgraph for a place inside the answer.
    Nested(Vec<Hop>, Fetch),
    /// Fetches fields of entities that other subgraphs have returned.
    Entities(Fetch, Vec<Group>),
}

/// A request to a subgraph.
#[derive(Debug)]
pub struct Fetch {
    /// The subgraph's index in the supergraph's list.
    pub subgraph: usize,
    /// The subgraph's name, for messages.
    pub name: Arc<str>,
    /// The document to send.
    pub document: Document,
    /// The operation's variables that it needs.
    pub variables: Vec<Name>,
    /// The keys at the root of its response.
    pub keys: Vec<String>,
    /// The changes to its response before it is merged.
    pub rewrites: Vec<Rewrite>,
    /// Whether the response is the same for every caller, so that it can be fetched anonymously.
    pub for_everybody: bool,
    /// How its response may be cached; for [`Step::Entities`], each [`Group`] has its own.
    pub remembered: Option<Remembered<Vec<Watched>>>,
    /// The text that represents it in the plan's text.
    pub text: String,
}

/// The caching of a response.
#[derive(Debug)]
pub struct Remembered<W> {
    /// The part of the cache key that the plan knows.
    pub question: Arc<Question>,
    /// The entities that it depends on.
    pub watched: W,
}

/// The entities of one kind in a fetch.
#[derive(Debug)]
pub struct Group {
    /// Their key in the response.
    pub key: Name,
    /// The variable for the representations.
    pub variable: Name,
    /// The paths to the entities in the fetched data.
    pub places: Vec<Vec<Hop>>,
    /// The selections that make up a representation.
    pub needs: Vec<Need>,
    /// The changes to a representation.
    pub input_rewrites: Vec<Rewrite>,
    /// The changes to an entity before it is merged.
    pub output_rewrites: Vec<Rewrite>,
    /// How each of the entities may be cached.
    pub remembered: Option<Remembered<WatchedObject>>,
}

/// A segment of the path to the entities.
#[derive(Debug)]
pub enum Hop {
    /// Into the value of a key.
    Key(Name),
    /// Into every item of a list.
    Items,
    /// Only into objects of one of these types.
    Types(HashSet<String>),
}

/// A selection of a representation.
#[derive(Debug)]
pub enum Need {
    /// A field. The planner writes `price: alias` if the fetched data has the required value under another name.
    Field {
        /// The key in the representation. The fetched data uses it too if it does not have `name`.
        key: Name,
        /// The key in the fetched data.
        name: Name,
        /// The selections on the value, if it is an object.
        inner: Vec<Need>,
    },
    /// Selections that apply only to objects of one of these types.
    On(HashSet<String>, Vec<Need>),
}

/// A change to a tree.
#[derive(Debug)]
pub struct Rewrite {
    /// The path to the place.
    pub at: Vec<RewriteHop>,
    /// The change there.
    pub change: Change,
}

/// A segment of the path to a rewrite. Lists are followed to their items.
#[derive(Debug)]
pub enum RewriteHop {
    /// Into the value of a key.
    Key(Name),
    /// Only into objects of one of these types.
    Types(HashSet<String>),
}

/// The effect of a rewrite.
#[derive(Debug)]
pub enum Change {
    /// The key at the end of the path gets this name.
    Rename(Name),
    /// The value at the end of the path becomes this string.
    Set(String),
}

/// The planner, with the facts about a supergraph that plans depend on.
pub struct Plans {
    planner: Planner,
    /// Subgraph names, in the order of the supergraph's list.
    subgraphs: HashMap<String, usize>,
    cacheable: Cacheable,
    prices: Prices,
}

impl Plans {
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
            prices: Prices::of_supergraph(document),
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
    pub fn draft(&self, schema: &PublicSchema, limits: &Limits, decided: &Decided) -> Result<Draft, Refusal> {
        let operation = canonical(schema, decided)?;
        let shape = shape(schema, &operation, limits.query_fields_max.saturating_mul(10))?;
        let roots = serial::root_fields(&operation);
        let is_serial = roots.len() > 1;
        let documents: Vec<_> = roots
            .into_iter()
            .filter_map(|(key, fields)| Some((key, document::document(schema, &operation, fields.into_iter())?)))
            .collect();
        let text: String = documents.iter().map(|(_, document)| document.to_string()).collect();
        Ok(Draft {
            text: text.into(),
            price: self.prices.of(&operation),
            documents,
            is_serial,
            arguments: operation.arguments,
            introspects: introspects(&decided.document, &decided.operation),
            shape,
        })
    }

    /// Plans the fetches of an operation.
    ///
    /// # Errors
    /// When planning exceeds its time limit, or the planner fails.
    pub fn fetches(&self, schema: &PublicSchema, limits: &Limits, draft: &Draft) -> Result<Fetches, Refusal> {
        if draft.is_serial {
            return self.plan_serially(schema, limits, &draft.documents);
        }
        match draft.documents.first() {
            None => Ok(Fetches {
                source: None,
                steps: Step::Sequence(Vec::new()),
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
    ) -> Result<Fetches, Refusal> {
        let node = self.library_plan(document, limits)?;
        compile::Compiler {
            schema,
            subgraphs: &self.subgraphs,
            cacheable: &self.cacheable,
        }
        .plan(node)
    }

    fn library_plan(&self, document: &PlannerDocument, limits: &Limits) -> Result<Option<PlanNode>, Refusal> {
        let not_supported = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, %document, "the planner failed on a valid operation");
            Refusal::NotSupported
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
                hive_router_query_planner::planner::PlannerError::CancellationError(_) => Refusal::Timeout,
                other => not_supported(&other),
            })
        };
        // The library calls `expect`; a panic in it fails only this request.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(make))
            .unwrap_or_else(|_| Err(not_supported(&"it panicked")))
    }
}

fn internal(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "the planner returned an invalid plan");
    Refusal::NotSupported
}
