//! The text that identifies the fetches of an operation: equal for all operations that fetch the same.

use std::fmt::Write as _;

use crate::supergraph::canonical::{CanonicalField, CanonicalOperation, CanonicalSelection};

/// Writes the selections of an operation that subgraphs resolve, and the types of its arguments.
pub fn operation_key(operation: &CanonicalOperation) -> String {
    let mut key = operation.kind.name().to_owned();
    for argument in operation.arguments.list() {
        let _ = write!(key, "${}:{}", argument.name, argument.ty);
    }
    write_items(&mut key, &operation.items);
    key
}

fn write_items(key: &mut String, items: &[CanonicalSelection]) {
    key.push('{');
    for item in items {
        match item {
            CanonicalSelection::Field(field) if field.is_repeated || field.is_local() => {}
            CanonicalSelection::Field(field) => write_field(key, field),
            CanonicalSelection::On(ty, inner) => {
                let _ = write!(key, "...{ty}");
                write_items(key, inner);
            }
        }
    }
    key.push('}');
}

fn write_field(key: &mut String, field: &CanonicalField) {
    key.push_str(&field.data_key);
    key.push(':');
    key.push_str(&field.name);
    for (name, place) in &field.arguments {
        let _ = write!(key, "({name}:{place})");
    }
    key.push(' ');
    if !field.items.is_empty() {
        write_items(key, &field.items);
    }
}
