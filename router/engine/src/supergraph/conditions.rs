//! Evaluates `@skip` and `@include` before planning, so no subgraph receives them. Arguments whose variable the
//! client omitted are removed as well: their defaults apply, and an omitted variable does not become null on the way.

use apollo_compiler::ast::{Argument, DirectiveList, Value};
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::{ExecutableDocument, Node, executable};

use super::access::BrokenRules;
use super::validate::ValidOperation;

/// An operation with `@skip` and `@include` evaluated, and its fragments.
#[derive(Debug)]
pub struct ResolvedOperation {
    /// The fragments and the operation.
    pub document: ExecutableDocument,
    /// The operation itself.
    pub operation: Node<executable::Operation>,
    /// The access rules that the caller breaks.
    pub broken_rules: BrokenRules,
}

impl ValidOperation {
    /// Removes the selections and arguments that these values exclude. A selection set can become empty.
    pub fn resolve_conditions(&self, condition_values: &[bool]) -> ResolvedOperation {
        let is_included = |directives: &DirectiveList| {
            directives.iter().all(|directive| {
                let required = match directive.name.as_str() {
                    "skip" => false,
                    "include" => true,
                    _ => return true,
                };
                let Some(argument) = directive.specified_argument_by_name("if") else {
                    return true;
                };
                let given = argument.to_bool().or_else(|| {
                    let variable = argument.as_variable()?;
                    let index = self.conditions.iter().position(|name| name == variable.as_str())?;
                    condition_values.get(index).copied()
                });
                given == Some(required)
            })
        };
        let given = condition_values.get(self.conditions.len()..).unwrap_or_default();
        let absent: Vec<&str> = std::iter::zip(&self.optional, given)
            .filter(|(_, given)| !**given)
            .map(|(name, _)| name.as_str())
            .collect();
        let is_omitted = |value: &Value| value.as_variable().is_some_and(|name| absent.contains(&name.as_str()));
        let mut operation = self.definition.clone();
        {
            let operation = operation.make_mut();
            operation
                .variables
                .retain(|variable| !absent.contains(&variable.name.as_str()));
            remove_excluded(&mut operation.selection_set, &is_included, &is_omitted);
        }
        let mut document = ExecutableDocument::new();
        document.fragments = self.document.fragments.clone();
        for fragment in document.fragments.values_mut() {
            remove_excluded(&mut fragment.make_mut().selection_set, &is_included, &is_omitted);
        }
        ResolvedOperation {
            document,
            operation,
            broken_rules: self.broken_rules(condition_values),
        }
    }
}

fn remove_excluded(
    set: &mut SelectionSet,
    is_included: &impl Fn(&DirectiveList) -> bool,
    is_omitted: &impl Fn(&Value) -> bool,
) {
    set.selections.retain(|selection| is_included(selection.directives()));
    for selection in &mut set.selections {
        match selection {
            Selection::Field(field) => {
                let field = field.make_mut();
                remove_conditions(&mut field.directives);
                remove_omitted_arguments(&mut field.arguments, is_omitted);
                remove_excluded(&mut field.selection_set, is_included, is_omitted);
            }
            Selection::InlineFragment(inline) => {
                let inline = inline.make_mut();
                remove_conditions(&mut inline.directives);
                remove_excluded(&mut inline.selection_set, is_included, is_omitted);
            }
            Selection::FragmentSpread(spread) => remove_conditions(&mut spread.make_mut().directives),
        }
    }
}

fn remove_conditions(directives: &mut DirectiveList) {
    directives.retain(|directive| !matches!(directive.name.as_str(), "skip" | "include"));
}

fn remove_omitted_arguments(arguments: &mut Vec<Node<Argument>>, is_omitted: &impl Fn(&Value) -> bool) {
    arguments.retain(|argument| !is_omitted(&argument.value));
    for argument in arguments {
        remove_omitted_values(argument.make_mut().value.make_mut(), is_omitted);
    }
}

/// Removes the omitted input fields of an object; an omitted list item becomes null, so that the other items keep
/// their places.
fn remove_omitted_values(value: &mut Value, is_omitted: &impl Fn(&Value) -> bool) {
    match value {
        Value::Object(members) => {
            members.retain(|(_, member)| !is_omitted(member));
            for (_, member) in members {
                remove_omitted_values(member.make_mut(), is_omitted);
            }
        }
        Value::List(items) => {
            for item in items {
                let item = item.make_mut();
                if is_omitted(item) {
                    *item = Value::Null
                } else {
                    remove_omitted_values(item, is_omitted)
                }
            }
        }
        _ => {}
    }
}
