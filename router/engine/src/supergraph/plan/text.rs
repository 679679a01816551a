//! Formats a plan as text for people.

use std::fmt::Write as _;

use hive_router_query_planner::ast::operation::SubgraphFetchOperation;
use hive_router_query_planner::ast::selection_item::SelectionItem;
use hive_router_query_planner::ast::selection_set::SelectionSet;

use super::model::{Fetch, Plan, PlanStep};

/// Formats the whole plan.
pub fn format_plan(plan: &Plan) -> String {
    let mut out = String::new();
    if let Some(source) = &plan.fetches.source {
        write_line(&mut out, 0, "Subscribe", source);
    }
    if plan.introspects {
        out.push_str("Introspect\n");
    }
    write_step(&mut out, 0, &plan.fetches.steps);
    out
}

fn write_step(out: &mut String, level: usize, step: &PlanStep) {
    let (title, steps): (_, Vec<_>) = match step {
        PlanStep::Sequence(steps) if steps.is_empty() => return,
        PlanStep::Sequence(steps) => ("Sequence", steps.iter().collect()),
        PlanStep::Parallel(steps) => ("Parallel", steps.iter().collect()),
        PlanStep::Serial(roots) => ("Serial", roots.iter().map(|root| &root.step).collect()),
        PlanStep::Fetch(fetch) | PlanStep::Nested(_, fetch) | PlanStep::Entities(fetch, _) => {
            return write_line(out, level, "Fetch", fetch);
        }
    };
    let _ = writeln!(out, "{:indent$}{title}", "", indent = level * 2);
    for inner in steps {
        self::write_step(out, level + 1, inner);
    }
}

fn write_line(out: &mut String, level: usize, what: &str, fetch: &Fetch) {
    for text in fetch.text.lines() {
        let _ = writeln!(out, "{:indent$}{what} {}  {text}", "", fetch.name, indent = level * 2);
    }
}

/// Formats the operation of a fetch of root fields.
pub fn format_operation(operation: &SubgraphFetchOperation) -> String {
    spaced(&operation.document_str)
}

/// Formats the selections on the entities under a key of the response.
pub fn format_entities(operation: &SubgraphFetchOperation, key: &str) -> String {
    let mut items = operation.document.operation.selection_set.items.iter();
    let field = items.find_map(|item| match item {
        SelectionItem::Field(field) if field.selection_identifier() == key => Some(field),
        _ => None,
    });
    match field.map(|field| &field.selections.items[..]) {
        Some([SelectionItem::InlineFragment(only)]) => spaced(&only.selections.to_string()),
        _ => spaced(&field.map(|field| field.selections.to_string()).unwrap_or_default()),
    }
}

/// Formats the fields of a representation: `User(id)`.
pub fn format_requires(set: &SelectionSet) -> String {
    let types = set.items.iter().filter_map(|item| match item {
        SelectionItem::InlineFragment(inline) => Some(format!(
            "{}({})",
            inline.type_condition,
            fields(&inline.selections).join(" ")
        )),
        _ => None,
    });
    types.collect::<Vec<_>>().join(" | ")
}

fn fields(set: &SelectionSet) -> Vec<String> {
    let items = set.items.iter().map(ToString::to_string);
    items.filter(|item| item != "__typename").collect()
}

fn spaced(text: &str) -> String {
    let mut spaced = text.replace('{', " { ").replace('}', " }");
    spaced = spaced.trim_start().to_owned();
    spaced
}
