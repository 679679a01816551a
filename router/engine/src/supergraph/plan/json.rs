//! A plan as JSON, for programs.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::model::{EntityBatch, Fetch, FlattenPathSegment, Plan, PlanStep};
use super::text::write_required;

/// Returns the whole plan: the source of a subscription, whether introspection answers a part, and the tree of steps.
pub fn plan_json(plan: &Plan) -> Value {
    json!({
        "source": plan.fetches.source.as_ref().map(|source| step("Subscribe", source)),
        "introspects": plan.introspects,
        "steps": step_json(&plan.fetches.steps),
    })
}

fn step_json(plan: &PlanStep) -> Value {
    match plan {
        PlanStep::Sequence(steps) => group("Sequence", steps.iter()),
        PlanStep::Parallel(steps) => group("Parallel", steps.iter()),
        PlanStep::Serial(roots) => group("Serial", roots.iter().map(|root| &root.step)),
        PlanStep::Fetch(fetch) => step("Fetch", fetch),
        PlanStep::Nested(path, fetch) => {
            let mut nested = step("Fetch", fetch);
            nested["at"] = path_text(path).into();
            nested
        }
        PlanStep::Entities(fetch, batches) => {
            let mut entities = step("Entities", fetch);
            entities["batches"] = batches.iter().map(batch_json).collect();
            entities
        }
    }
}

fn group<'p>(kind: &str, steps: impl Iterator<Item = &'p PlanStep>) -> Value {
    json!({ "kind": kind, "steps": steps.map(step_json).collect::<Vec<_>>() })
}

fn step(kind: &str, fetch: &Fetch) -> Value {
    json!({
        "kind": kind,
        "subgraph": &*fetch.name,
        "document": &**fetch.document.text(),
        "variables": fetch.variables,
    })
}

fn batch_json(batch: &EntityBatch) -> Value {
    let mut requires = String::new();
    write_required(&mut requires, &batch.required);
    json!({
        "variable": batch.variable,
        "requires": requires,
        "at": batch.paths.iter().map(|path| path_text(path)).collect::<Vec<_>>(),
    })
}

/// Returns a place in the answer, as the plan's text has it: `me.favourite|[Review].author`.
fn path_text(path: &[FlattenPathSegment]) -> String {
    let mut text = String::new();
    for (index, segment) in path.iter().enumerate() {
        let dot = if index == 0 { "" } else { "." };
        let _ = match segment {
            FlattenPathSegment::Key(key) => write!(text, "{dot}{key}"),
            FlattenPathSegment::Items => write!(text, "{dot}@"),
            FlattenPathSegment::Types(types) => write!(text, "|[{}]", type_names(types)),
        };
    }
    text
}

fn type_names(types: &HashSet<String>) -> String {
    let mut names: Vec<_> = types.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.join("|")
}
