//! Converts the library's diagnostics to those of the response. An error about an argument or an input field names it, as errors about the
//! format of a scalar do.

use std::collections::HashMap;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::Node;
use apollo_compiler::Schema;
use apollo_compiler::ast::{Argument, DirectiveList, Value as Literal};
use apollo_compiler::diagnostic::ToCliReport;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::response::GraphQLError;
use apollo_compiler::validation::DiagnosticList;

use super::super::request_error::{DIAGNOSTICS_MAX, Diagnostic, Location};
use super::suggestions::suggestion;

/// Returns the diagnostic about a document with syntax errors: the first error. The parser goes on after it, and the others
/// are mostly about what it makes of the rest.
pub fn syntax_diagnostics(list: &DiagnosticList) -> Vec<Diagnostic> {
    let first = list.iter().take(1);
    first.map(|diagnostic| diagnosed(&diagnostic.to_json())).collect()
}

/// Returns the diagnostics about a document that is not valid for the schema. With `suggested`, they suggest names of that
/// schema for those that it does not have.
pub fn validation_diagnostics(
    document: &ExecutableDocument,
    list: &DiagnosticList,
    suggested: Option<&Schema>,
) -> Vec<Diagnostic> {
    let diagnostics = list.iter().take(DIAGNOSTICS_MAX);
    let offsets = diagnostics.filter_map(|diagnostic| Some((diagnostic.error.location()?.offset(), None)));
    let mut value_paths = ValuePaths {
        found: offsets.collect(),
        at: String::new(),
    };
    value_paths.document(document);
    let listed = list.iter().take(DIAGNOSTICS_MAX).map(|diagnostic| {
        let error = diagnostic.to_json();
        let mut diagnosed = diagnosed(&error);
        let Some(name) = diagnostic.error.unstable_error_name() else {
            return diagnosed;
        };
        let offset = diagnostic.error.location().map(|span| span.offset());
        diagnosed.field = offset.and_then(|offset| value_paths.field(name, offset, &error.message));
        if let Some(schema) = suggested {
            diagnosed.message += &suggestion(schema, name, &error.message);
        }
        diagnosed
    });
    listed.collect()
}

fn diagnosed(error: &GraphQLError) -> Diagnostic {
    let locations = error.locations.iter().map(|location| Location {
        line: location.line,
        column: location.column,
    });
    Diagnostic {
        locations: locations.collect(),
        message: error.message.clone(),
        field: None,
    }
}

/// The paths of the arguments and values at certain offsets of a document. Names may be as long as the document, so no other
/// paths are stored.
#[derive(Default)]
struct ValuePaths {
    /// The path of the argument or value that begins at each of these offsets.
    found: HashMap<usize, Option<String>>,
    /// The path of the current value: `input.tags[2]`.
    at: String,
}

impl ValuePaths {
    fn document(&mut self, document: &ExecutableDocument) {
        for operation in document.operations.iter() {
            self.directives(&operation.directives);
            for variable in &operation.variables {
                self.directives(&variable.directives);
                if let Some(default) = &variable.default_value {
                    self.inside(&[&variable.name], |this| this.value(default));
                }
            }
            self.selections(&operation.selection_set);
        }
        for fragment in document.fragments.values() {
            self.directives(&fragment.directives);
            self.selections(&fragment.selection_set);
        }
    }

    fn selections(&mut self, set: &SelectionSet) {
        for selection in &set.selections {
            self.directives(selection.directives());
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.arguments);
                    self.selections(&field.selection_set);
                }
                Selection::InlineFragment(inline) => self.selections(&inline.selection_set),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn directives(&mut self, directives: &DirectiveList) {
        directives
            .iter()
            .for_each(|directive| self.arguments(&directive.arguments));
    }

    fn arguments(&mut self, arguments: &[Node<Argument>]) {
        for argument in arguments {
            self.inside(&[&argument.name], |this| {
                this.visit(argument.location());
                this.value(&argument.value);
            });
        }
    }

    fn value(&mut self, value: &Node<Literal>) {
        self.visit(value.location());
        match &**value {
            Literal::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.inside(&["[", &index.to_string(), "]"], |this| this.value(item));
                }
            }
            Literal::Object(members) => {
                for (name, member) in members {
                    self.inside(&[".", name], |this| this.value(member));
                }
            }
            _ => {}
        }
    }

    /// Runs `visit` with these segments appended to the path of the current value.
    fn inside(&mut self, steps: &[&str], visit: impl FnOnce(&mut Self)) {
        let length = self.at.len();
        self.at.extend(steps.iter().copied());
        visit(self);
        self.at.truncate(length);
    }

    fn visit(&mut self, span: Option<SourceSpan>) {
        if let Some(found) = span.and_then(|span| self.found.get_mut(&span.offset())) {
            *found = Some(self.at.clone());
        }
    }

    /// Returns the argument or input field that an error concerns.
    fn field(&self, error: &str, offset: usize, message: &str) -> Option<String> {
        let at = self.found.get(&offset).and_then(Option::as_ref);
        match error {
            // These errors point at the place where the argument or input field is missing. The message has its coordinate:
            // `Query.book(id:)`.
            "RequiredArgument" => {
                let (_, named) = message.split_once('(')?;
                Some(named.split_once(':')?.0.to_owned())
            }
            "RequiredField" => {
                let coordinate = message.split('`').nth(1)?;
                let (_, member) = coordinate.split_once('.')?;
                Some(format!("{}.{member}", at?))
            }
            "UnsupportedValueType"
            | "IntCoercionError"
            | "FloatCoercionError"
            | "UndefinedEnumValue"
            | "UndefinedArgument"
            | "UndefinedInputValue"
            | "UniqueArgument"
            | "DisallowedVariableUsage" => at.cloned(),
            _ => None,
        }
    }
}
