//! The order of root fields: a mutation executes them one after the other, and a subscription has one source.

use apollo_compiler::executable::OperationType;
use async_graphql::parser::types::{DocumentOperations, Selection};

use super::fault::{PlanFault, PlanFaultKind};
use crate::subgraph::RequestDocument;
use crate::supergraph::canonical::{CanonicalField, CanonicalOperation, CanonicalSelection};
use crate::supergraph::plan::model::{Fetch, Fetches, FlattenPathSegment, PlanStep};

/// Checks that a plan executes its root fields as the kind of its operation requires.
pub fn check_root_order(operation: &CanonicalOperation, fetches: &Fetches) -> Result<(), PlanFault> {
    let roots: Vec<_> = root_fields(operation).collect();
    match operation.kind {
        OperationType::Query => {
            require(fetches.source.is_none(), "query", "it has a source")?;
            require(!has_serial(&fetches.steps), "query", "its steps are serial")
        }
        OperationType::Mutation => {
            require(fetches.source.is_none(), "mutation", "it has a source")?;
            check_mutation(&roots, &fetches.steps)
        }
        OperationType::Subscription => check_subscription(&roots, fetches),
    }
}

/// Each root field has a step of its own, in their order, and the step fetches nothing else.
fn check_mutation(roots: &[&CanonicalField], steps: &PlanStep) -> Result<(), PlanFault> {
    let PlanStep::Serial(serial) = steps else {
        require(roots.len() <= 1, "mutation", "its root fields are not serial")?;
        return roots
            .iter()
            .try_for_each(|root| check_mutation_step(&root.data_key, steps));
    };
    let keys = serial.iter().map(|step| step.data_key.as_str());
    let is_in_order = keys.eq(roots.iter().map(|root| root.data_key.as_str()));
    require(
        is_in_order,
        "mutation",
        "its steps do not have the order of its root fields",
    )?;
    serial
        .iter()
        .try_for_each(|step| check_mutation_step(&step.data_key, &step.step))
}

fn check_mutation_step(key: &str, step: &PlanStep) -> Result<(), PlanFault> {
    let mut root_fetches = Vec::new();
    let mut is_below = true;
    for_each_fetch(step, &mut |step| match step {
        PlanStep::Fetch(fetch) => root_fetches.push(fetch),
        PlanStep::Nested(place, _) => is_below &= begins_with(place, key),
        PlanStep::Entities(_, batches) => {
            let mut paths = batches.iter().flat_map(|batch| &batch.paths);
            is_below &= paths.all(|path| begins_with(path, key));
        }
        _ => {}
    });
    let is_once = matches!(root_fetches[..], [fetch] if selects_only(fetch, key));
    require(
        is_once,
        "mutation",
        "a step does not execute its root field exactly once",
    )?;
    require(is_below, "mutation", "a step fetches data for another root field")?;
    require(!has_serial(step), "mutation", "a step is serial itself")
}

fn check_subscription(roots: &[&CanonicalField], fetches: &Fetches) -> Result<(), PlanFault> {
    let source = fetches.source.as_ref();
    let is_source = match (roots, source) {
        ([root], Some(source)) => selects_only(source, &root.data_key),
        // The caller may not see the root field.
        ([], None) => true,
        _ => false,
    };
    require(is_source, "subscription", "its source is not exactly its root field")?;
    let mut has_root_fetch = false;
    for_each_fetch(&fetches.steps, &mut |step| {
        has_root_fetch |= matches!(step, PlanStep::Fetch(_))
    });
    require(!has_root_fetch, "subscription", "its steps fetch root fields")?;
    require(!has_serial(&fetches.steps), "subscription", "its steps are serial")
}

/// The root fields that subgraphs resolve.
fn root_fields(operation: &CanonicalOperation) -> impl Iterator<Item = &CanonicalField> {
    operation.items.iter().filter_map(|item| match item {
        CanonicalSelection::Field(field) if !field.is_local() => Some(field),
        _ => None,
    })
}

fn for_each_fetch<'p>(step: &'p PlanStep, found: &mut impl FnMut(&'p PlanStep)) {
    match step {
        PlanStep::Sequence(steps) | PlanStep::Parallel(steps) => {
            steps.iter().for_each(|step| for_each_fetch(step, found));
        }
        PlanStep::Serial(roots) => roots.iter().for_each(|root| for_each_fetch(&root.step, found)),
        fetch => found(fetch),
    }
}

fn has_serial(step: &PlanStep) -> bool {
    match step {
        PlanStep::Serial(_) => true,
        PlanStep::Sequence(steps) | PlanStep::Parallel(steps) => steps.iter().any(has_serial),
        _ => false,
    }
}

/// Whether a fetch selects one root field, and under this key.
fn selects_only(fetch: &Fetch, key: &str) -> bool {
    let RequestDocument::Parsed { tree, .. } = &fetch.document else {
        return false;
    };
    let DocumentOperations::Single(operation) = &tree.operations else {
        return false;
    };
    let items = &operation.node.selection_set.node.items;
    matches!(&items[..], [item] if matches!(&item.node, Selection::Field(field) if field.node.response_key().node == key))
}

fn begins_with(path: &[FlattenPathSegment], key: &str) -> bool {
    matches!(path.first(), Some(FlattenPathSegment::Key(first)) if first == key)
}

fn require(holds: bool, kind: &'static str, reason: &str) -> Result<(), PlanFault> {
    if holds {
        return Ok(());
    }
    Err(PlanFaultKind::RootOrder(kind, reason.to_owned()).into())
}
