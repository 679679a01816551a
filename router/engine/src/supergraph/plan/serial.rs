//! Executes a mutation in order: the selection set of one root field is finished, fetches of entities included, before
//! the next root field begins (GraphQL, sections 6.2.2 and 6.3.1).
//!
//! A plan may fetch the entities of adjacent root fields together. So each root field of a mutation is planned alone.

use apollo_compiler::executable::OperationType;
use async_graphql::Name;

use crate::supergraph::canonical::{CanonicalField, CanonicalOperation, CanonicalSelection};

/// Groups the root fields that are planned together, by the key of the first: each root field of a mutation alone, all
/// other root fields together.
pub fn root_fields(operation: &CanonicalOperation) -> Vec<(Name, Vec<&CanonicalField>)> {
    let fields = operation.items.iter().filter_map(|item| match item {
        CanonicalSelection::Field(field) if !field.is_local() => Some(field),
        _ => None,
    });
    let key = |field: &CanonicalField| Name::new(&field.data_key);
    match operation.kind {
        OperationType::Mutation => fields.map(|field| (key(field), vec![field])).collect(),
        _ => {
            let fields: Vec<_> = fields.collect();
            fields
                .first()
                .map(|first| (key(first), fields.clone()))
                .into_iter()
                .collect()
        }
    }
}
