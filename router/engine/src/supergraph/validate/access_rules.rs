//! The access rules that an operation touches.

use std::collections::BTreeSet;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Operation, Selection, SelectionSet};

use crate::supergraph::access::{AUTHENTICATED, RuleIndex};
use crate::supergraph::schema::PublicSchema;

/// Returns the rules of all fields and objects that an operation selects, in their order; none for most operations.
pub fn access_rules(schema: &PublicSchema, document: &ExecutableDocument, operation: &Operation) -> Vec<RuleIndex> {
    if schema.access.is_empty() {
        return Vec::new();
    }
    let mut found = BTreeSet::new();
    add_selected(schema, &operation.selection_set, &mut found);
    for fragment in document.fragments.values() {
        add_selected(schema, &fragment.selection_set, &mut found);
    }
    if !found.is_empty() {
        found.insert(AUTHENTICATED);
    }
    found.into_iter().collect()
}

fn add_selected(schema: &PublicSchema, set: &SelectionSet, found: &mut BTreeSet<RuleIndex>) {
    let access = &schema.access;
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => {
                found.extend(access.rules_of_field(&set.ty, &field.name));
                for ty in schema.possible_types(&set.ty) {
                    found.extend(access.rules_of_field(ty, &field.name));
                }
                for ty in schema.possible_types(field.ty().inner_named_type()) {
                    found.extend(access.rules_of_type(ty));
                }
                add_selected(schema, &field.selection_set, found);
            }
            Selection::InlineFragment(inline) => add_selected(schema, &inline.selection_set, found),
            // The caller visits each fragment once.
            Selection::FragmentSpread(_) => {}
        }
    }
}
