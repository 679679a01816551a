//! Variables: what the caller sent becomes what the operation declares, by the rules of the specification.

use apollo_compiler::Schema;
use apollo_compiler::ast::{Type, Value as Literal};
use apollo_compiler::executable::Operation;
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use async_graphql::{Name, Value, Variables};

use super::refusal::Refusal;

/// A declared variable.
#[derive(Debug)]
pub struct Variable {
    name: Name,
    ty: Type,
    default: Option<Value>,
}

impl Variable {
    /// Whether it may be left out with no default to stand in for it.
    pub fn may_be_left_out(&self) -> bool {
        self.default.is_none() && !self.ty.is_non_null()
    }

    /// Its name, without the `$`.
    pub fn name(&self) -> &Name {
        &self.name
    }
}

/// The variables an operation declares.
pub fn declared(operation: &Operation) -> Vec<Variable> {
    operation
        .variables
        .iter()
        .map(|variable| Variable {
            name: Name::new(&variable.name),
            ty: (*variable.ty).clone(),
            default: variable.default_value.as_deref().map(literal),
        })
        .collect()
}

/// Fits the values the caller sent to the declared variables; what is not declared is dropped.
pub fn coerce(schema: &Schema, declared: &[Variable], mut sent: Variables) -> Result<Variables, Refusal> {
    let mut fitted = Variables::default();
    for variable in declared {
        let value = match (sent.remove(&variable.name), &variable.default) {
            (Some(value), _) => {
                let mut at = format!("${}", variable.name);
                fit(schema, &variable.ty, value, &mut at)?
            }
            (None, Some(default)) => default.clone(),
            (None, None) if variable.ty.is_non_null() => {
                return Err(Refusal::InvalidInput(format!(
                    "${} is missing, it has to be a {}",
                    variable.name, variable.ty
                )));
            }
            (None, None) => continue,
        };
        fitted.insert(variable.name.clone(), value);
    }
    Ok(fitted)
}

/// `at` is where the value stands, `$input.tags[2]`; it is as it was when this returns `Ok`.
fn fit(schema: &Schema, ty: &Type, value: Value, at: &mut String) -> Result<Value, Refusal> {
    let (item, name) = match ty {
        _ if matches!(value, Value::Null) => {
            return match ty.is_non_null() {
                true => Err(misfit(at, ty, &value)),
                false => Ok(value),
            };
        }
        Type::List(item) | Type::NonNullList(item) => (Some(item), ty.inner_named_type()),
        Type::Named(name) | Type::NonNullNamed(name) => (None, name),
    };
    if let Some(item) = item {
        let Value::List(values) = value else {
            return Ok(Value::List(vec![fit(schema, item, value, at)?]));
        };
        let mut fitted = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            fitted.push(within(at, &format!("[{index}]"), |at| fit(schema, item, value, at))?);
        }
        return Ok(Value::List(fitted));
    }
    match (schema.types.get(name), value) {
        (Some(ExtendedType::Enum(definition)), value) => match &value {
            Value::String(word) if definition.values.contains_key(word.as_str()) => Ok(value),
            Value::Enum(word) if definition.values.contains_key(word.as_str()) => Ok(value),
            _ => Err(misfit(at, ty, &value)),
        },
        (Some(ExtendedType::InputObject(definition)), Value::Object(members)) => {
            fit_members(schema, definition, members, at).map(Value::Object)
        }
        (Some(ExtendedType::InputObject(_)), value) => Err(misfit(at, ty, &value)),
        (_, value) => match (name.as_str(), &value) {
            ("Int", Value::Number(number)) if number.as_i64().is_some_and(|int| i32::try_from(int).is_ok()) => {
                Ok(value)
            }
            ("Float", Value::Number(number)) if number.as_f64().is_some_and(f64::is_finite) => Ok(value),
            ("ID", Value::Number(number)) if number.is_i64() || number.is_u64() => {
                Ok(Value::String(number.to_string()))
            }
            ("String" | "ID", Value::String(_)) | ("Boolean", Value::Boolean(_)) => Ok(value),
            ("Int" | "Float" | "ID" | "String" | "Boolean", _) => Err(misfit(at, ty, &value)),
            // Only the subgraph knows what its own scalars look like.
            _ => Ok(value),
        },
    }
}

type Members = async_graphql::indexmap::IndexMap<Name, Value>;

fn fit_members(
    schema: &Schema,
    definition: &InputObjectType,
    mut sent: Members,
    at: &mut String,
) -> Result<Members, Refusal> {
    let unknown = sent.keys().find(|key| !definition.fields.contains_key(key.as_str()));
    if let Some(unknown) = unknown {
        return Err(Refusal::InvalidInput(format!(
            "{at}: {} has no field \"{unknown}\"",
            definition.name
        )));
    }
    let mut fitted = Members::with_capacity(sent.len());
    for (name, field) in &definition.fields {
        let value = match (sent.swap_remove(name.as_str()), &field.default_value) {
            (Some(value), _) => within(at, &format!(".{name}"), |at| fit(schema, &field.ty, value, at))?,
            (None, Some(default)) => literal(default),
            (None, None) if field.ty.is_non_null() => {
                return Err(Refusal::InvalidInput(format!(
                    "{at}.{name} is missing, it has to be a {}",
                    field.ty
                )));
            }
            (None, None) => continue,
        };
        fitted.insert(Name::new(name), value);
    }
    let one_of = definition.directives.get("oneOf").is_some();
    if one_of && (fitted.len() != 1 || fitted.values().any(|value| matches!(value, Value::Null))) {
        return Err(Refusal::InvalidInput(format!(
            "{at}: exactly one field of {} has to be given",
            definition.name
        )));
    }
    Ok(fitted)
}

fn within<T>(at: &mut String, step: &str, inner: impl FnOnce(&mut String) -> Result<T, Refusal>) -> Result<T, Refusal> {
    let length = at.len();
    at.push_str(step);
    let fitted = inner(at)?;
    at.truncate(length);
    Ok(fitted)
}

/// A value is shown only so far: it may be a megabyte.
const SHOWN_MAX: usize = 60;

fn misfit(at: &str, ty: &Type, value: &Value) -> Refusal {
    let mut shown: String = value.to_string();
    contract::clip(&mut shown, SHOWN_MAX);
    Refusal::InvalidInput(format!("{at} has to be a {ty}, not {shown}"))
}

/// A literal without variables as a value.
fn literal(value: &Literal) -> Value {
    match value {
        Literal::Null | Literal::Variable(_) => Value::Null,
        Literal::Enum(word) => Value::Enum(Name::new(word)),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Boolean(truth) => Value::Boolean(*truth),
        Literal::Int(number) => number.as_str().parse().map_or(Value::Null, Value::Number),
        Literal::Float(number) => number.as_str().parse().map_or(Value::Null, Value::Number),
        Literal::List(items) => Value::List(items.iter().map(|item| literal(item)).collect()),
        Literal::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (Name::new(name), literal(value)))
                .collect(),
        ),
    }
}
