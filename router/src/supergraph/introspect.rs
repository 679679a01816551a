//! `__schema` and `__type`, answered by a library from the public schema.

use apollo_compiler::introspection::partial_execute;
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use async_graphql::{ServerError, Value, Variables};

use super::execute::Gathered;
use super::faults::Cause;
use super::introspection_fields;
use super::schema::PublicSchema;
use super::tree::merge;
use super::validate::Operation;

/// Adds the introspected part of an operation to what has been gathered.
pub fn introspect(schema: &PublicSchema, operation: &Operation, variables: &Variables, gathered: &mut Gathered) {
    match answer(schema, operation, variables) {
        Ok(data) => merge(&mut gathered.data, data),
        Err(error) => gathered.faults.fail(&[], &Cause::given(error)),
    }
}

fn answer(schema: &PublicSchema, operation: &Operation, variables: &Variables) -> Result<Value, ServerError> {
    let ours = |error: serde_json::Error| ServerError::new(error.to_string(), None);
    let variables: JsonMap = serde_json::to_vec(variables)
        .and_then(|json| serde_json::from_slice(&json))
        .map_err(ours)?;
    let replaced = introspection_fields::replaced(&operation.document, &operation.definition);
    let (document, definition) = match &replaced {
        Some((document, definition)) => (document, definition),
        None => (&*operation.document, &*operation.definition),
    };
    let response = partial_execute(
        &schema.types,
        &schema.implementers,
        document,
        definition,
        &Valid::assume_valid(variables),
    )
    .map_err(|error| ServerError::new(error.message().to_string(), None))?;
    if let Some(error) = response.errors.into_iter().next() {
        return Err(ServerError::new(error.message, None));
    }
    let mut data = serde_json::to_vec(&response.data)
        .and_then(|json| serde_json::from_slice(&json))
        .map_err(ours)?;
    if replaced.is_some() {
        introspection_fields::restore(&schema.types, &operation.document, &operation.definition, &mut data);
    }
    Ok(data)
}
