//! From a valid operation to a plan in our own form: everything that can be worked out before the first request is.
//!
//! The planner is a library (`hive-router-query-planner`); this folder is the only place that knows it.

mod cacheable;
mod compile;
mod document;
mod price;
mod serial;
pub mod text;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

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

/// The plan of an operation, compiled: no name is looked up and no document parsed when it runs.
#[derive(Debug)]
pub struct Plan {
    /// What is fetched; shared by all operations that fetch the same.
    pub fetches: Arc<Fetches>,
    /// The arguments of the operation's fields, which the fetches have as variables.
    pub arguments: Arguments,
    /// Whether `__schema` or `__type` are asked for beside, or instead.
    pub introspects: bool,
    /// What the answer has to look like.
    pub shape: Arc<ObjectShape>,
}

/// What is fetched for an operation.
#[derive(Debug)]
pub struct Fetches {
    /// The stream a subscription begins with; none for queries and mutations.
    pub source: Option<Fetch>,
    /// What is fetched, for a subscription on every event.
    pub steps: Step,
}

/// An operation that is ready to be planned.
pub struct Draft {
    /// What the planner is given, as text: the same for all operations that fetch the same.
    pub text: Arc<str>,
    /// What planning costs.
    pub price: u64,
    /// What the planner is given, with the keys of its roots.
    documents: Vec<(Name, PlannerDocument)>,
    is_serial: bool,
    arguments: Arguments,
    introspects: bool,
    shape: Arc<ObjectShape>,
}

impl Draft {
    /// The plan of the operation, once it is known what is fetched.
    pub fn into_plan(self, fetches: Arc<Fetches>) -> Plan {
        Plan {
            fetches,
            arguments: self.arguments,
            introspects: self.introspects,
            shape: self.shape,
        }
    }
}

/// Part of a plan.
#[derive(Debug)]
pub enum Step {
    /// One after the other.
    Sequence(Vec<Step>),
    /// All at once.
    Parallel(Vec<Step>),
    /// The root fields of a mutation, each with its whole selection set, one after the other.
    Serial(Vec<MutationStep>),
    /// Root fields of one subgraph.
    Fetch(Fetch),
    /// Root fields of one subgraph, wanted at a place inside the answer.
    Nested(Vec<Hop>, Fetch),
    /// Fields of entities that other subgraphs have named.
    Entities(Fetch, Vec<Group>),
}

/// A request to a subgraph.
#[derive(Debug)]
pub struct Fetch {
    /// Which one: its place in the list the supergraph keeps.
    pub subgraph: usize,
    /// Its name, for messages.
    pub name: Arc<str>,
    /// What it is asked.
    pub document: Document,
    /// Which of the operation's variables it needs.
    pub variables: Vec<Name>,
    /// The keys its answer is to have at the root.
    pub keys: Vec<String>,
    /// What its answer is changed by before it is merged.
    pub rewrites: Vec<Rewrite>,
    /// Whether it is the same for everybody, so that it can be asked as nobody.
    pub for_everybody: bool,
    /// How its answer may be remembered; for [`Step::Entities`] each [`Group`] says it for itself.
    pub remembered: Option<Remembered<Vec<Watched>>>,
    /// How the plan's text shows it.
    pub text: String,
}

/// How an answer may be remembered.
#[derive(Debug)]
pub struct Remembered<W> {
    /// What it is remembered by.
    pub question: Arc<Question>,
    /// What it depends on.
    pub watched: W,
}

/// The entities of one kind that a fetch asks for.
#[derive(Debug)]
pub struct Group {
    /// The key of its answer.
    pub key: Name,
    /// The variable the representations go into.
    pub variable: Name,
    /// Where the entities stand.
    pub places: Vec<Vec<Hop>>,
    /// What a representation is made of.
    pub needs: Vec<Need>,
    /// What a representation is changed by.
    pub input_rewrites: Vec<Rewrite>,
    /// What an entity is changed by before it is merged.
    pub output_rewrites: Vec<Rewrite>,
    /// How each of the entities may be remembered.
    pub remembered: Option<Remembered<WatchedObject>>,
}

/// A step on the way to the entities.
#[derive(Debug)]
pub enum Hop {
    /// Into the value of a key.
    Key(Name),
    /// Into every item.
    Items,
    /// Only where the object is of one of these types.
    Types(HashSet<String>),
}

/// Part of a representation.
#[derive(Debug)]
pub enum Need {
    /// A field. The planner writes `price: alias` where the answer has what is needed under another name.
    Field {
        /// What the representation calls it; the answer too, where it does not know the name.
        key: Name,
        /// What the answer calls it.
        name: Name,
        /// What of the value, where it is an object.
        inner: Vec<Need>,
    },
    /// These, where the object is of one of these types.
    On(HashSet<String>, Vec<Need>),
}

/// A change to a tree.
#[derive(Debug)]
pub struct Rewrite {
    /// Where.
    pub at: Vec<RewriteHop>,
    /// What.
    pub change: Change,
}

/// A step on the way to what is rewritten. Lists are walked through.
#[derive(Debug)]
pub enum RewriteHop {
    /// Into the value of a key.
    Key(Name),
    /// Only where the object is of one of these types.
    Types(HashSet<String>),
}

/// What a rewrite does at its place.
#[derive(Debug)]
pub enum Change {
    /// The key at the end of the way gets this name.
    Rename(Name),
    /// The value at the end of the way becomes this text.
    Set(String),
}

/// Makes plans.
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
    /// When it is none.
    pub fn new(supergraph_sdl: &str) -> Result<Self, SupergraphError> {
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
            cacheable: Cacheable::of(supergraph_sdl)?,
            prices: Prices::of_supergraph(supergraph_sdl)?,
        })
    }

    /// The names of the subgraphs, in the order that [`Fetch::subgraph`] counts by.
    pub fn subgraph_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.subgraphs.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Prepares an operation for the planner.
    ///
    /// # Errors
    /// When it means more than the limits allow.
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

    /// Plans what is fetched for an operation.
    ///
    /// # Errors
    /// When it takes longer than planning may, or the planner fails.
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

    /// Plans these root fields of an operation, which may be all.
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
        // The library has `expect`s of its own; a surprise in there is one refused request, not more.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(make))
            .unwrap_or_else(|_| Err(not_supported(&"it panicked")))
    }
}

fn internal(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "the planner made what is no plan");
    Refusal::NotSupported
}
