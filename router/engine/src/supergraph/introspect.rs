//! Answers `__schema` and `__type` with a library, from the public schema. The result's size is estimated before, and
//! the result is cached.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::introspection::partial_execute;
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use async_graphql::{Name, Value, Variables};

use super::cached_operation::OperationKey;
use super::canonical::introspection_key;
use super::introspection_fields;
use super::request_error::RequestError;
use super::schema::PublicSchema;
use super::schema_sizes::SchemaSizes;
use super::validate::ValidOperation;

/// The cache key of an introspection: the document, the operation's name, and its variables.
pub type IntrospectionKey = (OperationKey, String);

/// The result of an introspection.
#[derive(Debug)]
pub struct IntrospectionResult {
    /// The introspection part of the answer's data, with the root keys of the shape.
    pub data: Value,
    /// The approximate memory of the data, in bytes.
    pub size: usize,
}

/// The bytes of a name, a number or a key in the answer.
const LEAF_BYTES: u64 = 32;

/// Rejects an introspection whose answer could have more bytes than `bytes_max`.
///
/// # Errors
/// When it could.
pub fn check_cost(schema: &PublicSchema, operation: &ValidOperation, bytes_max: u64) -> Result<(), RequestError> {
    let estimator = IntrospectionCostEstimator {
        sizes: &schema.sizes,
        document: &operation.document,
    };
    if estimator.selections(&operation.definition.selection_set, 1, false) <= bytes_max {
        Ok(())
    } else {
        Err(RequestError::TooComplex(format!(
            "the answer to the introspection could have more than the {bytes_max} bytes allowed"
        )))
    }
}

struct IntrospectionCostEstimator<'a> {
    sizes: &'a SchemaSizes,
    document: &'a ExecutableDocument,
}

impl IntrospectionCostEstimator<'_> {
    /// Estimates the bytes of a selection on this many objects. If `of_all`, they are all types of the schema, so the
    /// averages hold.
    fn selections(&self, set: &SelectionSet, times: u64, of_all: bool) -> u64 {
        let is_root = !set.ty.starts_with("__");
        let weights = set.selections.iter().map(|selection| match selection {
            Selection::Field(field) if is_root && !matches!(field.name.as_str(), "__schema" | "__type") => 0,
            Selection::Field(field) => {
                let pick = |(average, most): (u64, u64)| if of_all { average } else { most };
                let (count, of_all) = match field.name.as_str() {
                    "types" => (self.sizes.types, true),
                    "directives" => (self.sizes.directives, of_all),
                    "fields" | "inputFields" => (pick(self.sizes.fields), of_all),
                    "enumValues" => (pick(self.sizes.values), of_all),
                    "args" => (pick(self.sizes.arguments), of_all),
                    "interfaces" | "possibleTypes" => (pick(self.sizes.relatives), false),
                    _ => (1, of_all && field.name != "type" && field.name != "ofType"),
                };
                let times = times.saturating_mul(count);
                let own = match field.name.as_str() {
                    "description" => self.sizes.description + LEAF_BYTES,
                    _ => LEAF_BYTES,
                };
                let inner = self.selections(&field.selection_set, times, of_all);
                times.saturating_mul(own).saturating_add(inner)
            }
            Selection::InlineFragment(inline) => self.selections(&inline.selection_set, times, of_all),
            Selection::FragmentSpread(spread) => match self.document.fragments.get(&spread.fragment_name) {
                Some(fragment) => self.selections(&fragment.selection_set, times, of_all),
                None => 0,
            },
        });
        weights.fold(0, u64::saturating_add)
    }
}

/// Executes the introspection part of an operation.
///
/// # Errors
/// When the library rejects it.
pub fn introspect(
    schema: &PublicSchema,
    operation: &ValidOperation,
    variables: &Variables,
) -> Result<IntrospectionResult, RequestError> {
    let refused = |why: String| RequestError::InvalidInput(why);
    let variables: JsonMap = serde_json::to_vec(variables)
        .and_then(|json| serde_json::from_slice(&json))
        .map_err(|error| refused(error.to_string()))?;
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
    .map_err(|error| refused(error.message().to_string()))?;
    if let Some(error) = response.errors.first() {
        return Err(refused(error.message.clone()));
    }
    let json = serde_json::to_vec(&response.data).map_err(|error| refused(error.to_string()))?;
    drop(response.data);
    let mut data: Value = serde_json::from_slice(&json).map_err(|error| refused(error.to_string()))?;
    drop(json);
    if replaced.is_some() {
        introspection_fields::restore(&schema.types, &operation.document, &operation.definition, &mut data);
    }
    let Value::Object(fields) = data else {
        return Err(RequestError::Internal);
    };
    let renamed = fields
        .into_iter()
        .map(|(key, value)| (Name::new(introspection_key(&key)), value));
    let data = Value::Object(renamed.collect());
    Ok(IntrospectionResult {
        size: memory_of(&data),
        data,
    })
}

/// The approximate memory of an object, and of each of its keys with its value.
const OBJECT_BYTES: usize = 96;
const ENTRY_BYTES: usize = 200;

/// Returns the approximate memory of a tree in bytes. Most of its objects are small, so keys and tables weigh more than
/// texts.
fn memory_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(|item| size_of::<Value>() + memory_of(item)).sum(),
        Value::Object(fields) => {
            let entries = fields
                .iter()
                .map(|(key, value)| ENTRY_BYTES + key.len() + memory_of(value));
            OBJECT_BYTES + entries.sum::<usize>()
        }
        _ => 0,
    }
}
