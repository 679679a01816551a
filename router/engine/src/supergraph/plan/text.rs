//! Formats a plan as text for people.

use std::fmt::Write as _;

use super::fetch_graph::PathStep;
use super::join_graph::JoinGraph;
use super::model::{Fetch, Plan, PlanStep, RequiredSelection};

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

/// Writes the fields of a representation: `id org { id }`.
pub fn write_required(out: &mut String, required: &[RequiredSelection]) {
    let mut separator = "";
    for selection in required {
        match selection {
            RequiredSelection::Field { key, .. } if key == "__typename" => continue,
            RequiredSelection::Field { key, name, inner } => {
                let _ = write!(out, "{separator}{key}");
                if key != name {
                    let _ = write!(out, ": {name}");
                }
                if !inner.is_empty() {
                    write_inner(out, inner);
                }
            }
            RequiredSelection::On(types, inner) => {
                let mut types: Vec<_> = types.iter().map(String::as_str).collect();
                types.sort_unstable();
                let _ = write!(out, "{separator}... on {}", types.join("|"));
                write_inner(out, inner);
            }
        }
        separator = " ";
    }
}

fn write_inner(out: &mut String, inner: &[RequiredSelection]) {
    out.push_str(" { ");
    write_required(out, inner);
    out.push_str(" }");
}

/// Writes the place of objects in the answer: `me.favourite|[Review].author`.
pub fn write_path(out: &mut String, path: &[PathStep], graph: &JoinGraph) {
    for (index, step) in path.iter().enumerate() {
        let dot = if index == 0 { "" } else { "." };
        let _ = match step {
            PathStep::Key(key) => write!(out, "{dot}{key}"),
            PathStep::Items => write!(out, "{dot}@"),
            PathStep::Type(ty) => write!(out, "|[{}]", graph.name(*ty)),
        };
    }
}

/// Puts spaces around the braces of a document, for people.
pub fn spaced(text: &str) -> String {
    let spaced = text.replace('{', " { ").replace('}', " }");
    spaced.trim_start().to_owned()
}
