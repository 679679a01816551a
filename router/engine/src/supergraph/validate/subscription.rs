//! Checks that a subscription has one root field, however often it is selected (5.2.4.1 Single Root Field).

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::validation::DiagnosticList;
use apollo_compiler::{Name, Node};

use super::super::request_error::Diagnostic;
use super::location::location;

/// The library's name of the error for a subscription with several selected fields. It counts selections instead of
/// response keys.
const COUNTED_SELECTIONS: &str = "SubscriptionUsesMultipleFields";

/// Whether the library's only error is one that [`check_single_root_field`] decides.
pub fn is_only_counted(errors: &DiagnosticList) -> bool {
    errors
        .iter()
        .all(|diagnostic| diagnostic.error.unstable_error_name() == Some(COUNTED_SELECTIONS))
}

/// Returns diagnostics about subscriptions with several response keys. The library rejects introspection, `@skip` and
/// `@include`.
pub fn check_single_root_field(document: &ExecutableDocument) -> Vec<Diagnostic> {
    let subscriptions = document
        .operations
        .iter()
        .filter(|operation| operation.is_subscription());
    subscriptions
        .filter_map(|operation| second_root_field(document, operation))
        .collect()
}

fn second_root_field(document: &ExecutableDocument, operation: &Node<Operation>) -> Option<Diagnostic> {
    let mut fields = Vec::new();
    collect(document, &operation.selection_set, &mut fields, &mut Vec::new());
    let first = fields.first()?.response_key();
    let second = fields.iter().find(|field| field.response_key() != first)?;
    Some(Diagnostic {
        message: format!(
            "a subscription must have one root field, and this one has {first} and {}",
            second.response_key()
        ),
        locations: location(document, second.location()),
        field: None,
    })
}

fn collect<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    fields: &mut Vec<&'a Node<Field>>,
    visited: &mut Vec<&'a Name>,
) {
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => fields.push(field),
            Selection::InlineFragment(inline) => collect(document, &inline.selection_set, fields, visited),
            Selection::FragmentSpread(spread) => {
                if visited.contains(&&spread.fragment_name) {
                    continue;
                }
                visited.push(&spread.fragment_name);
                if let Some(fragment) = document.fragments.get(&spread.fragment_name) {
                    collect(document, &fragment.selection_set, fields, visited);
                }
            }
        }
    }
}
