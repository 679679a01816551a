//! Plans that are wrong in every way that the checker knows, and right ones beside them.

mod data;
mod documents;
mod entities;
mod order;

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::Name;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, Selection, SelectionSet};

use super::PlanChecker;
use super::fault::PlanFaultKind;
use crate::limits::Limits;
use crate::subgraph::RequestDocument;
use crate::supergraph::canonical::canonicalize;
use crate::supergraph::plan::model::{
    EntityBatch, Fetch, Fetches, FlattenPathSegment, PlanStep, RequiredSelection, Rewrite, RewriteAction,
    RewritePathSegment,
};
use crate::supergraph::schema::{PublicSchema, public_schema, supergraph_document};
use crate::supergraph::validate::validate;

const SUPERGRAPH: &str = include_str!("tests/supergraph.graphql");
const SUBGRAPHS: [&str; 3] = ["products", "reviews", "shipping"];

/// Returns the fault of a plan, if it has one.
fn check_fetches(operation: &str, fetches: &Fetches) -> Result<(), PlanFaultKind> {
    let supergraph = supergraph_document(SUPERGRAPH).unwrap();
    let schema = PublicSchema::new(public_schema(SUPERGRAPH).unwrap(), &supergraph, &[]);
    let valid = validate(&schema, &Limits::default(), operation, None).unwrap();
    let canonical = canonicalize(&schema, &valid.resolve_conditions(&[])).unwrap();
    let checked = PlanChecker::new(&supergraph)
        .unwrap()
        .check(&schema, &canonical, fetches);
    checked.map_err(|fault| fault.kind)
}

/// As [`check_fetches`], for steps without a source.
fn check(operation: &str, steps: PlanStep) -> Result<(), PlanFaultKind> {
    check_fetches(operation, &Fetches { source: None, steps })
}

/// A request to a subgraph, which passes the variables `a0`, `a1`, … that its document has.
fn fetch(subgraph: &str, document: &str) -> Fetch {
    let variables = (0..4).map(|index| format!("a{index}"));
    Fetch {
        subgraph: SUBGRAPHS.iter().position(|name| *name == subgraph).unwrap(),
        name: subgraph.into(),
        document: RequestDocument::Parsed {
            text: document.into(),
            tree: Arc::new(parse_query(document).unwrap()),
        },
        variables: variables
            .filter(|name| document.contains(&format!("${name}")))
            .map(Name::new)
            .collect(),
        keys: Vec::new(),
        rewrites: Vec::new(),
        is_anonymous: false,
        cache_policy: None,
        text: String::new(),
    }
}

/// Fetches root fields.
fn root(subgraph: &str, document: &str) -> PlanStep {
    PlanStep::Fetch(fetch(subgraph, document))
}

/// A batch of entities at a path such as `media.|Book|Film.product`. The requirement is written as a selection, such as
/// `... on Product { __typename upc }`; in `price: cost`, the representation has the fetched `cost` as its `price`.
fn batch(path: &str, required: &str) -> EntityBatch {
    EntityBatch {
        key: Name::new("_entities"),
        variable: Name::new("representations"),
        paths: vec![path.split('.').map(segment).collect()],
        required: required_selections(&selection_set(required)),
        selected: Arc::default(),
        input_rewrites: Vec::new(),
        output_rewrites: Vec::new(),
        cache_policy: None,
    }
}

/// The document that fetches these selections on entities.
fn entities_document(selections: &str) -> String {
    format!("query($representations: [_Any!]!) {{ _entities(representations: $representations) {{ {selections} }} }}")
}

/// Fetches entities.
fn entities(subgraph: &str, path: &str, required: &str, selections: &str) -> PlanStep {
    let fetch = fetch(subgraph, &entities_document(selections));
    PlanStep::Entities(fetch, vec![batch(path, required)])
}

fn sequence(steps: impl IntoIterator<Item = PlanStep>) -> PlanStep {
    PlanStep::Sequence(steps.into_iter().collect())
}

fn parallel(steps: impl IntoIterator<Item = PlanStep>) -> PlanStep {
    PlanStep::Parallel(steps.into_iter().collect())
}

/// A rewrite at a path such as `|Book.name`.
fn rewrite(path: &str, action: RewriteAction) -> Rewrite {
    let at = path.split('.').map(|segment| match segment.strip_prefix('|') {
        Some(types) => RewritePathSegment::Types(names(types)),
        None => RewritePathSegment::Key(Name::new(segment)),
    });
    Rewrite {
        at: at.collect(),
        action,
    }
}

fn segment(text: &str) -> FlattenPathSegment {
    match text.strip_prefix('|') {
        Some(types) => FlattenPathSegment::Types(names(types)),
        None => FlattenPathSegment::Key(Name::new(text)),
    }
}

fn names(types: &str) -> HashSet<String> {
    types.split('|').map(str::to_owned).collect()
}

fn selection_set(text: &str) -> SelectionSet {
    let document = parse_query(format!("{{ {text} }}")).unwrap();
    let DocumentOperations::Single(operation) = document.operations else {
        panic!("{text} is no selection");
    };
    operation.node.selection_set.node
}

fn required_selections(set: &SelectionSet) -> Vec<RequiredSelection> {
    let items = set.items.iter().map(|item| match &item.node {
        Selection::Field(field) => RequiredSelection::Field {
            key: field.node.response_key().node.clone(),
            name: field.node.name.node.clone(),
            inner: required_selections(&field.node.selection_set.node),
        },
        Selection::InlineFragment(inline) => {
            let condition = &inline.node.type_condition.as_ref().unwrap().node.on.node;
            let mut types = names(condition);
            if condition == "Media" {
                types.extend(names("Book|Film"));
            }
            RequiredSelection::On(types, required_selections(&inline.node.selection_set.node))
        }
        Selection::FragmentSpread(_) => panic!("a requirement has no fragment spreads"),
    });
    items.collect()
}

fn text(text: &str) -> String {
    text.to_owned()
}
