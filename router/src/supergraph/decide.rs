//! `@skip` and `@include` are decided here, before anything is planned: no subgraph ever sees them.

use std::sync::Arc;

use apollo_compiler::ast::DirectiveList;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::{ExecutableDocument, Node, executable};

use super::validate::Operation;

/// An operation as it is left once `@skip` and `@include` have been decided, with its fragments.
#[derive(Debug)]
pub struct Decided {
    /// The fragments, and the one operation.
    pub document: ExecutableDocument,
    /// The one operation.
    pub operation: Node<executable::Operation>,
}

impl Operation {
    /// Leaves out what these decisions leave out. Selections can end up empty.
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
        let mut operation = self.definition.clone();
        leave_out(&mut operation.make_mut().selection_set, &keeps);
        let mut document = ExecutableDocument::new();
        document.fragments = self.document.fragments.clone();
        for fragment in document.fragments.values_mut() {
            leave_out(&mut fragment.make_mut().selection_set, &keeps);
        }
        Decided { document, operation }
    }
}

impl Decided {
    /// What is left as text, without its name: the same for all operations that mean the same.
    pub fn text(&self) -> Arc<str> {
        let mut document = self.document.clone();
        let mut operation = self.operation.clone();
        operation.make_mut().name = None;
        document.operations.insert(operation);
        document.serialize().no_indent().to_string().into()
    }
}

fn leave_out(set: &mut SelectionSet, keeps: &impl Fn(&DirectiveList) -> bool) {
    set.selections.retain(|selection| keeps(selection.directives()));
    for selection in &mut set.selections {
        match selection {
            Selection::Field(field) => {
                let field = field.make_mut();
                strip(&mut field.directives);
                leave_out(&mut field.selection_set, keeps);
            }
            Selection::InlineFragment(inline) => {
                let inline = inline.make_mut();
                strip(&mut inline.directives);
                leave_out(&mut inline.selection_set, keeps);
            }
            Selection::FragmentSpread(spread) => strip(&mut spread.make_mut().directives),
        }
    }
}

fn strip(directives: &mut DirectiveList) {
    directives.retain(|directive| !matches!(directive.name.as_str(), "skip" | "include"));
}
