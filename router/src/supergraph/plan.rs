//! From a valid operation to a plan in our own form: everything that can be worked out before the first request is.
//!
//! The planner is a library (`hive-router-query-planner`); this folder is the only place that knows it.

mod cacheable;
mod compile;
mod serial;
pub mod text;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::{ExecutableDocument, Node, name};
use async_graphql::Name;
use hive_router_query_planner::ast::normalization::normalize_operation;
use hive_router_query_planner::graph::PlannerOverrideContext;
use hive_router_query_planner::planner::plan_nodes::PlanNode;
use hive_router_query_planner::planner::{Planner, QueryPlannerOptions};
use hive_router_query_planner::utils::cancellation::CancellationToken;
use hive_router_query_planner::utils::parsing::{safe_parse_operation, safe_parse_schema};

use self::cacheable::Cacheable;
pub use self::cacheable::{Watched, WatchedObject};
pub use self::serial::MutationStep;
use super::SupergraphError;
use super::alias::safe_alias;
use super::decide::Decided;
use super::refusal::Refusal;
use super::schema::PublicSchema;
use super::shape::{ObjectShape, shape};
use super::validate::introspects;
use crate::cache::Question;
use crate::limits::Limits;
use crate::subgraph::Document;

/// A plan, compiled: no name is looked up and no document parsed when it runs.
#[derive(Debug)]
pub struct Plan {
    /// The stream a subscription begins with; none for queries and mutations.
    pub source: Option<Fetch>,
    /// What is fetched, for a subscription on every event.
    pub steps: Step,
    /// Whether `__schema` or `__type` are asked for beside, or instead.
    pub introspects: bool,
    /// What the answer has to look like.
    pub shape: Arc<ObjectShape>,
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
        })
    }

    /// The names of the subgraphs, in the order that [`Fetch::subgraph`] counts by.
    pub fn subgraph_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.subgraphs.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Plans an operation.
    ///
    /// # Errors
    /// When it means more than the limits allow, takes longer than a request may, or the planner fails.
    pub fn plan(&self, schema: &PublicSchema, limits: &Limits, decided: &Decided) -> Result<Plan, Refusal> {
        let shape = shape(schema, decided, limits.query_fields_max.saturating_mul(10))?;
        let mut plan = match serial::root_fields(decided) {
            Some(roots) => self.plan_serially(schema, limits, decided, roots, shape)?,
            None => self.plan_roots(schema, limits, decided, root_fields(decided), shape)?,
        };
        plan.introspects = introspects(&decided.document, &decided.operation);
        Ok(plan)
    }

    /// Plans these root fields of an operation, which may be all.
    fn plan_roots(
        &self,
        schema: &PublicSchema,
        limits: &Limits,
        decided: &Decided,
        roots: Vec<Node<Field>>,
        shape: Arc<ObjectShape>,
    ) -> Result<Plan, Refusal> {
        let node = match text_to_plan(schema, decided, roots) {
            None => None,
            Some(text) => self.library_plan(&text, limits)?,
        };
        compile::Compiler {
            schema,
            subgraphs: &self.subgraphs,
            cacheable: &self.cacheable,
        }
        .plan(node, shape)
    }

    fn library_plan(&self, text: &str, limits: &Limits) -> Result<Option<PlanNode>, Refusal> {
        let make = || {
            let document = safe_parse_operation(text).map_err(internal)?;
            let normalized = normalize_operation(&self.planner.supergraph, &document, None).map_err(internal)?;
            let planned = self.planner.plan_from_normalized_operation(
                normalized.executable_operation(),
                PlannerOverrideContext::default(),
                &CancellationToken::with_timeout(limits.request_time_max()),
            );
            planned.map(|plan| plan.node).map_err(|error| match error {
                hive_router_query_planner::planner::PlannerError::CancellationError(_) => Refusal::Timeout,
                other => internal(other),
            })
        };
        // The library has `expect`s of its own; a surprise in there is one refused request, not more.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(make)).unwrap_or_else(|_| Err(internal("it panicked")))
    }
}

fn internal(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "the planner failed on a valid operation");
    Refusal::Internal
}

/// The root fields that subgraphs answer: without introspection and `__typename`.
fn root_fields(decided: &Decided) -> Vec<Node<Field>> {
    let mut roots = Vec::new();
    flatten_roots(
        &decided.document,
        &decided.operation.selection_set,
        &mut roots,
        &mut Vec::new(),
    );
    roots.retain(|field| !field.name.starts_with("__"));
    roots
}

/// What the planner is given: the operation with these root fields, without empty selections.
/// `None` when nothing is left for any subgraph.
fn text_to_plan(schema: &PublicSchema, decided: &Decided, roots: Vec<Node<Field>>) -> Option<String> {
    if roots.is_empty() {
        return None;
    }
    let mut operation = decided.operation.clone();
    {
        let operation = operation.make_mut();
        operation.name = None;
        operation.directives = Default::default();
        operation.selection_set.selections = roots.into_iter().map(Selection::Field).collect();
        complete(schema, &mut operation.selection_set);
    }
    let mut document = ExecutableDocument::new();
    document.fragments = decided.document.fragments.clone();
    for fragment in document.fragments.values_mut() {
        complete(schema, &mut fragment.make_mut().selection_set);
    }
    document.operations.insert(operation);
    Some(document.serialize().no_indent().to_string())
}

fn flatten_roots<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    roots: &mut Vec<Node<Field>>,
    visited: &mut Vec<&'a str>,
) {
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => roots.push(field.clone()),
            Selection::InlineFragment(inline) => flatten_roots(document, &inline.selection_set, roots, visited),
            Selection::FragmentSpread(spread) => {
                let name = spread.fragment_name.as_str();
                if visited.contains(&name) {
                    continue;
                }
                visited.push(name);
                if let Some(fragment) = document.fragments.get(name) {
                    flatten_roots(document, &fragment.selection_set, roots, visited);
                }
            }
        }
    }
}

/// Makes selections plannable. One that `@skip` left empty cannot be written down, and an interface or union has to
/// say which type it is; what they select for that, the shape does not show.
fn complete(schema: &PublicSchema, set: &mut SelectionSet) {
    use apollo_compiler::schema::ExtendedType;
    for selection in &mut set.selections {
        match selection {
            Selection::Field(field) => {
                let field = field.make_mut();
                if let Some(alias) = safe_alias(schema, field) {
                    field.alias = Some(alias);
                }
                complete(schema, &mut field.selection_set);
            }
            Selection::InlineFragment(inline) => complete(schema, &mut inline.make_mut().selection_set),
            Selection::FragmentSpread(_) => {}
        }
    }
    let needs_typename = match schema.types.types.get(&set.ty) {
        Some(ExtendedType::Object(_)) => set.is_empty(),
        Some(ExtendedType::Interface(_) | ExtendedType::Union(_)) => {
            !set.fields().any(|field| field.response_key() == "__typename")
        }
        _ => false,
    };
    if needs_typename && let Ok(typename) = set.new_field(&schema.types, name!("__typename")) {
        set.push(typename);
    }
}
