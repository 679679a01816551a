//! Coerces the variables of a request to the types that the operation declares, by the rules of the
//! specification.

use apollo_compiler::ast::{Type, Value as Literal, VariableDefinition};
use apollo_compiler::executable::Operation;
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use async_graphql::{Name, Value, Variables};
use serde_json::Number;

use super::arguments::coerce_literal;
use super::request_error::{InvalidValue, RequestError};
use super::schema::PublicSchema;

/// A declared variable.
#[derive(Debug)]
pub struct DeclaredVariable {
    name: Name,
    /// The name with the `$`: the beginning of the paths of its values.
    place: String,
    ty: Type,
    default: Option<Value>,
}

impl DeclaredVariable {
    /// Whether it may be omitted without a default that replaces it.
    pub fn is_optional(&self) -> bool {
        self.default.is_none() && !self.ty.is_non_null()
    }

    /// Its name, without the `$`.
    pub fn name(&self) -> &Name {
        &self.name
    }
}

/// Returns the variables that an operation declares, with their defaults coerced.
///
/// # Errors
/// When a default does not fit its type.
pub fn declared_variables(schema: &PublicSchema, operation: &Operation) -> Result<Vec<DeclaredVariable>, RequestError> {
    let declare = |variable: &VariableDefinition| {
        let default = variable.default_value.as_deref();
        let place = format!("${}", variable.name);
        let default = default.map(|default| {
            let mut at = place.clone();
            let default = constant_value(schema, &variable.ty, default)?;
            coerce_value(schema, &variable.ty, default, &mut at)
        });
        Ok(DeclaredVariable {
            name: Name::new(&variable.name),
            ty: (*variable.ty).clone(),
            default: default.transpose()?,
            place,
        })
    };
    operation.variables.iter().map(|variable| declare(variable)).collect()
}

/// Coerces the client's values to the declared variables, and drops undeclared ones.
pub fn coerce(
    schema: &PublicSchema,
    declared: &[DeclaredVariable],
    mut sent: Variables,
) -> Result<Variables, RequestError> {
    let sent_count = declared.iter().filter(|variable| sent.contains_key(&variable.name));
    if sent_count.count() < sent.len() {
        let declared = declared.iter();
        *sent = declared
            .filter_map(|variable| sent.remove_entry(&variable.name))
            .collect();
    }
    // In their places: a map of a few values is larger than most requests are otherwise.
    for variable in declared {
        match (sent.get_mut(&variable.name), &variable.default) {
            (Some(value), _) => {
                let mut at = variable.place.clone();
                *value = coerce_value(schema, &variable.ty, std::mem::take(value), &mut at)?;
            }
            (None, Some(default)) => {
                sent.insert(variable.name.clone(), default.clone());
            }
            (None, None) if variable.ty.is_non_null() => {
                let message = format!("{} is missing, it has to be of type {}", variable.place, variable.ty);
                return Err(invalid_value(&variable.place, message));
            }
            (None, None) => {}
        }
    }
    Ok(sent)
}

/// Coerces a value to a type. `at` is the path of the value, such as `$input.tags[2]`; it is unchanged when
/// this returns `Ok`.
fn coerce_value(schema: &PublicSchema, ty: &Type, value: Value, at: &mut String) -> Result<Value, RequestError> {
    let (item, name) = match ty {
        _ if matches!(value, Value::Null) => {
            return if ty.is_non_null() {
                Err(type_mismatch(at, ty, &value))
            } else {
                Ok(value)
            };
        }
        Type::List(item) | Type::NonNullList(item) => (Some(item), ty.inner_named_type()),
        Type::Named(name) | Type::NonNullNamed(name) => (None, name),
    };
    if let Some(item) = item {
        let Value::List(values) = value else {
            return Ok(Value::List(vec![coerce_value(schema, item, value, at)?]));
        };
        let mut coerced = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            coerced.push(with_path_segment(at, &format!("[{index}]"), |at| {
                coerce_value(schema, item, value, at)
            })?);
        }
        return Ok(Value::List(coerced));
    }
    match (schema.types.types.get(name), value) {
        (Some(ExtendedType::Enum(definition)), value) => match &value {
            Value::String(word) if definition.values.contains_key(word.as_str()) => Ok(value),
            Value::Enum(word) if definition.values.contains_key(word.as_str()) => Ok(value),
            _ => Err(type_mismatch(at, ty, &value)),
        },
        (Some(ExtendedType::InputObject(definition)), Value::Object(members)) => {
            coerce_input_object(schema, definition, members, at).map(Value::Object)
        }
        (Some(ExtendedType::InputObject(_)), value) => Err(type_mismatch(at, ty, &value)),
        (_, value) => coerce_scalar(schema, name, ty, value, at),
    }
}

fn coerce_scalar(schema: &PublicSchema, name: &str, ty: &Type, value: Value, at: &str) -> Result<Value, RequestError> {
    match (name, &value) {
        ("Int", Value::Number(number)) => match integer(number) {
            Some(int) if i32::try_from(int).is_ok() => Ok(Value::from(int)),
            _ => Err(type_mismatch(at, ty, &value)),
        },
        ("ID", Value::Number(number)) => match integer_text(number) {
            Some(id) => Ok(Value::String(id)),
            None => Err(type_mismatch(at, ty, &value)),
        },
        ("Float", Value::Number(number)) if number.as_f64().is_some_and(f64::is_finite) => Ok(value),
        ("String" | "ID", Value::String(_)) | ("Boolean", Value::Boolean(_)) => Ok(value),
        ("Int" | "Float" | "ID" | "String" | "Boolean", _) => Err(type_mismatch(at, ty, &value)),
        // Only its subgraph knows the format of a custom scalar that the supergraph was not told of.
        (name, value_of_scalar) => match schema.scalar(name).map(|scalar| scalar.check(value_of_scalar)) {
            Some(Err(misfit)) => Err(InvalidValue::new(at, &misfit, Vec::new()).into()),
            Some(Ok(())) | None => Ok(value),
        },
    }
}

/// Returns the integer value of a JSON number, however it is written: `1.0` and `1e0` are 1.
fn integer(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| integer_text(number)?.parse().ok())
}

/// Returns the digits of a JSON number that is an integer, however it is written. Of more than 64 bits, the JSON parser has
/// kept only the nearest float.
fn integer_text(number: &Number) -> Option<String> {
    if number.is_i64() || number.is_u64() {
        return Some(number.to_string());
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    // Adding zero turns `-0.0` into zero.
    Some(format!("{:.0}", float + 0.0))
}

type InputFields = async_graphql::indexmap::IndexMap<Name, Value>;

fn coerce_input_object(
    schema: &PublicSchema,
    definition: &InputObjectType,
    mut sent: InputFields,
    at: &mut String,
) -> Result<InputFields, RequestError> {
    let unknown = sent.keys().find(|key| !definition.fields.contains_key(key.as_str()));
    if let Some(unknown) = unknown {
        let mut unknown = unknown.to_string();
        foundation::truncate_chars(&mut unknown, SHOWN_CHARS_MAX);
        let message = format!("{at}: {} has no field \"{unknown}\"", definition.name);
        return Err(invalid_value(at, message));
    }
    let mut coerced = InputFields::with_capacity(sent.len());
    for (name, field) in &definition.fields {
        let value = match (sent.swap_remove(name.as_str()), &field.default_value) {
            (Some(value), _) => {
                with_path_segment(at, &format!(".{name}"), |at| coerce_value(schema, &field.ty, value, at))?
            }
            (None, Some(default)) => with_path_segment(at, &format!(".{name}"), |at| {
                let default = constant_value(schema, &field.ty, default)?;
                coerce_value(schema, &field.ty, default, at)
            })?,
            (None, None) if field.ty.is_non_null() => {
                let at = format!("{at}.{name}");
                let message = format!("{at} is missing, it has to be of type {}", field.ty);
                return Err(invalid_value(&at, message));
            }
            (None, None) => continue,
        };
        coerced.insert(Name::new(name), value);
    }
    let one_of = definition.directives.get("oneOf").is_some();
    if one_of && (coerced.len() != 1 || coerced.values().any(|value| matches!(value, Value::Null))) {
        let message = format!("{at}: exactly one field of {} has to be given", definition.name);
        return Err(invalid_value(at, message));
    }
    Ok(coerced)
}

fn with_path_segment<T>(
    at: &mut String,
    step: &str,
    inner: impl FnOnce(&mut String) -> Result<T, RequestError>,
) -> Result<T, RequestError> {
    let length = at.len();
    at.push_str(step);
    let coerced = inner(at)?;
    at.truncate(length);
    Ok(coerced)
}

/// The most characters of a value that a message shows: the value may be a megabyte.
const SHOWN_CHARS_MAX: usize = 60;

fn type_mismatch(at: &str, ty: &Type, value: &Value) -> RequestError {
    let mut shown: String = value.to_string();
    foundation::truncate_chars(&mut shown, SHOWN_CHARS_MAX);
    invalid_value(at, format!("{at} has to be of type {ty}, not {shown}"))
}

fn invalid_value(at: &str, message: String) -> RequestError {
    let invalid = InvalidValue {
        at: at.to_owned(),
        message,
        locations: Vec::new(),
    };
    invalid.into()
}

/// Converts a literal without variables to a value of its type.
fn constant_value(schema: &PublicSchema, ty: &Type, value: &Literal) -> Result<Value, RequestError> {
    coerce_literal(&schema.types, ty, value, &Variables::default())
}

/// Converts the literal of a custom scalar to a value. An input field whose variable is omitted is omitted too; a list item
/// becomes null.
pub fn literal_value(value: &Literal, variables: &Variables) -> Value {
    match value {
        Literal::Null => Value::Null,
        Literal::Variable(name) => variables.get(name.as_str()).cloned().unwrap_or_default(),
        Literal::Enum(word) => Value::Enum(Name::new(word)),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Boolean(truth) => Value::Boolean(*truth),
        Literal::Int(number) => number.as_str().parse().map_or(Value::Null, Value::Number),
        Literal::Float(number) => number.as_str().parse().map_or(Value::Null, Value::Number),
        Literal::List(items) => Value::List(items.iter().map(|item| literal_value(item, variables)).collect()),
        Literal::Object(members) => {
            let is_given = |value: &Literal| {
                value
                    .as_variable()
                    .is_none_or(|name| variables.contains_key(name.as_str()))
            };
            let given = members.iter().filter(|(_, value)| is_given(value));
            Value::Object(
                given
                    .map(|(name, value)| (Name::new(name), literal_value(value, variables)))
                    .collect(),
            )
        }
    }
}
