//! Evaluates `@skip` and `@include` before planning, so no subgraph receives them. Arguments whose variable the
//! client omitted are removed as well: their defaults apply, and an omitted variable does not become null on the way.

use apollo_compiler::ast::{Argument, DirectiveList, Value};
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::{ExecutableDocument, Node, executable};

use super::validate::Operation;

/// An operation with `@skip` and `@include` evaluated, and its fragments.
#[derive(Debug)]
pub struct Decided {
    /// The fragments and the operation.
    pub document: ExecutableDocument,
    /// The operation itself.
    pub operation: Node<executable::Operation>,
}

impl Operation {
    /// Removes the selections and arguments that these decisions exclude. A selection set can become empty.
    pub fn decided(&self, decisions: &[bool]) -> Decided {
        let keeps = |directives: &DirectiveList| {
            directives.iter().all(|directive| {
                let wanted = match directive.name.as_str() {
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
                    decisions.get(index).copied()
                });
                given == Some(wanted)
            })
        };
        let given = decisions.get(self.conditions.len()..).unwrap_or_default();
        let absent: Vec<&str> = std::iter::zip(&self.optional, given)
            .filter(|(_, given)| !**given)
            .map(|(name, _)| name.as_str())
            .collect();
        let left_out = |value: &Value| value.as_variable().is_some_and(|name| absent.contains(&name.as_str()));
        let mut operation = self.definition.clone();
        {
            let operation = operation.make_mut();
            operation
                .variables
                .retain(|variable| !absent.contains(&variable.name.as_str()));
            leave_out(&mut operation.selection_set, &keeps, &left_out);
        }
        let mut document = ExecutableDocument::new();
        document.fragments = self.document.fragments.clone();
        for fragment in document.fragments.values_mut() {
            leave_out(&mut fragment.make_mut().selection_set, &keeps, &left_out);
        }
        Decided { document, operation }
    }
}

fn leave_out(set: &mut SelectionSet, keeps: &impl Fn(&DirectiveList) -> bool, left_out: &impl Fn(&Value) -> bool) {
    set.selections.retain(|selection| keeps(selection.directives()));
    for selection in &mut set.selections {
        match selection {
            Selection::Field(field) => {
                let field = field.make_mut();
                strip(&mut field.directives);
                forget(&mut field.arguments, left_out);
                leave_out(&mut field.selection_set, keeps, left_out);
            }
            Selection::InlineFragment(inline) => {
                let inline = inline.make_mut();
                strip(&mut inline.directives);
                leave_out(&mut inline.selection_set, keeps, left_out);
            }
            Selection::FragmentSpread(spread) => strip(&mut spread.make_mut().directives),
        }
    }
}

fn strip(directives: &mut DirectiveList) {
    directives.retain(|directive| !matches!(directive.name.as_str(), "skip" | "include"));
}

fn forget(arguments: &mut Vec<Node<Argument>>, left_out: &impl Fn(&Value) -> bool) {
    arguments.retain(|argument| !left_out(&argument.value));
    for argument in arguments {
        forget_inside(argument.make_mut().value.make_mut(), left_out);
    }
}

/// Removes the omitted input fields of an object; an omitted list item becomes null, so that the other items keep
/// their places.
fn forget_inside(value: &mut Value, left_out: &impl Fn(&Value) -> bool) {
    match value {
        Value::Object(members) => {
            members.retain(|(_, member)| !left_out(member));
            for (_, member) in members {
                forget_inside(member.make_mut(), left_out);
            }
        }
        Value::List(items) => {
            for item in items {
                let item = item.make_mut();
                match left_out(item) {
                    true => *item = Value::Null,
                    false => forget_inside(item, left_out),
                }
            }
        }
        _ => {}
    }
}
