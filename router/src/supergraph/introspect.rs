//! `__schema` and `__type`, answered by a library from the public schema.

use apollo_compiler::introspection::partial_execute;
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use async_graphql::{ServerError, Value, Variables};

use super::execute::Gathered;
use super::faults::Cause;
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
    let response = partial_execute(
        &schema.types,
        &schema.implementers,
        &operation.document,
        &operation.definition,
        &Valid::assume_valid(variables),
    )
    .map_err(|error| ServerError::new(error.message().to_string(), None))?;
    if let Some(error) = response.errors.into_iter().next() {
        return Err(ServerError::new(error.message, None));
    }
    serde_json::to_vec(&response.data)
        .and_then(|json| serde_json::from_slice(&json))
        .map_err(ours)
}
