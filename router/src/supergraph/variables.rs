//! Coerces the variables of a request to the types that the operation declares, by the rules of the
//! specification.

use apollo_compiler::Schema;
use apollo_compiler::ast::{Type, Value as Literal, VariableDefinition};
use apollo_compiler::executable::Operation;
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use async_graphql::{Name, Value, Variables};
use contract::Scalar;
use serde_json::Number;

use super::refusal::{InvalidValue, Refusal};

/// A declared variable.
#[derive(Debug)]
pub struct Variable {
    name: Name,
    ty: Type,
    default: Option<Value>,
}

impl Variable {
    /// Whether it may be omitted without a default that replaces it.
    pub fn may_be_left_out(&self) -> bool {
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
pub fn declared(schema: &Schema, operation: &Operation) -> Result<Vec<Variable>, Refusal> {
    let declare = |variable: &VariableDefinition| {
        let default = variable.default_value.as_deref();
        let default = default.map(|default| {
            let mut at = format!("${}", variable.name);
            fit(schema, &variable.ty, constant(default), &mut at)
        });
        Ok(Variable {
            name: Name::new(&variable.name),
            ty: (*variable.ty).clone(),
            default: default.transpose()?,
        })
    };
    operation.variables.iter().map(|variable| declare(variable)).collect()
}

/// Coerces the client's values to the declared variables, and drops undeclared ones.
pub fn coerce(schema: &Schema, declared: &[Variable], mut sent: Variables) -> Result<Variables, Refusal> {
    let mut fitted = Variables::default();
    for variable in declared {
        let mut at = format!("${}", variable.name);
        let value = match (sent.remove(&variable.name), &variable.default) {
            (Some(value), _) => fit(schema, &variable.ty, value, &mut at)?,
            (None, Some(default)) => default.clone(),
            (None, None) if variable.ty.is_non_null() => {
                let message = format!("{at} is missing, it has to be a {}", variable.ty);
                return Err(invalid(&at, message));
            }
            (None, None) => continue,
        };
        fitted.insert(variable.name.clone(), value);
    }
    Ok(fitted)
}

/// Coerces a value to a type. `at` is the path of the value, such as `$input.tags[2]`; it is unchanged when
/// this returns `Ok`.
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
        (_, value) => fit_scalar(name, ty, value, at),
    }
}

fn fit_scalar(name: &str, ty: &Type, value: Value, at: &str) -> Result<Value, Refusal> {
    match (name, &value) {
        ("Int", Value::Number(number)) => match integer(number) {
            Some(int) if i32::try_from(int).is_ok() => Ok(Value::from(int)),
            _ => Err(misfit(at, ty, &value)),
        },
        ("ID", Value::Number(number)) => match (number.as_u64(), integer(number)) {
            (Some(id), _) => Ok(Value::String(id.to_string())),
            (None, Some(id)) => Ok(Value::String(id.to_string())),
            (None, None) => Err(misfit(at, ty, &value)),
        },
        ("Float", Value::Number(number)) if number.as_f64().is_some_and(f64::is_finite) => Ok(value),
        ("String" | "ID", Value::String(_)) | ("Boolean", Value::Boolean(_)) => Ok(value),
        ("Int" | "Float" | "ID" | "String" | "Boolean", _) => Err(misfit(at, ty, &value)),
        // Only its subgraph knows the format of a custom scalar that the contract does not define.
        (name, value_of_scalar) => match Scalar::named(name).map(|scalar| scalar.check(value_of_scalar)) {
            Some(Err(misfit)) => Err(InvalidValue::misfit(at, &misfit, Vec::new()).into()),
            Some(Ok(())) | None => Ok(value),
        },
    }
}

/// Returns the integer value of a JSON number, however it is written: `1.0` and `1e0` are 1.
fn integer(number: &Number) -> Option<i64> {
    /// 2 to the power of 63: every float below it without a fraction is an `i64`.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    number.as_i64().or_else(|| {
        let float = number
            .as_f64()
            .filter(|float| float.fract() == 0.0 && float.abs() < BEYOND)?;
        format!("{float:.0}").parse().ok()
    })
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
        let mut unknown = unknown.to_string();
        contract::clip(&mut unknown, SHOWN_MAX);
        let message = format!("{at}: {} has no field \"{unknown}\"", definition.name);
        return Err(invalid(at, message));
    }
    let mut fitted = Members::with_capacity(sent.len());
    for (name, field) in &definition.fields {
        let value = match (sent.swap_remove(name.as_str()), &field.default_value) {
            (Some(value), _) => within(at, &format!(".{name}"), |at| fit(schema, &field.ty, value, at))?,
            (None, Some(default)) => within(at, &format!(".{name}"), |at| {
                fit(schema, &field.ty, constant(default), at)
            })?,
            (None, None) if field.ty.is_non_null() => {
                let at = format!("{at}.{name}");
                let message = format!("{at} is missing, it has to be a {}", field.ty);
                return Err(invalid(&at, message));
            }
            (None, None) => continue,
        };
        fitted.insert(Name::new(name), value);
    }
    let one_of = definition.directives.get("oneOf").is_some();
    if one_of && (fitted.len() != 1 || fitted.values().any(|value| matches!(value, Value::Null))) {
        let message = format!("{at}: exactly one field of {} has to be given", definition.name);
        return Err(invalid(at, message));
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

/// The most characters of a value that a message shows: the value may be a megabyte.
const SHOWN_MAX: usize = 60;

fn misfit(at: &str, ty: &Type, value: &Value) -> Refusal {
    let mut shown: String = value.to_string();
    contract::clip(&mut shown, SHOWN_MAX);
    invalid(at, format!("{at} has to be a {ty}, not {shown}"))
}

fn invalid(at: &str, message: String) -> Refusal {
    let invalid = InvalidValue {
        at: at.to_owned(),
        message,
        locations: Vec::new(),
    };
    invalid.into()
}

/// Converts a literal without variables to a value.
fn constant(value: &Literal) -> Value {
    literal(value, &Variables::default())
}

/// Converts a literal to a value. An input field whose variable is omitted is omitted too; a list item
/// becomes null.
pub fn literal(value: &Literal, variables: &Variables) -> Value {
    match value {
        Literal::Null => Value::Null,
        Literal::Variable(name) => variables.get(name.as_str()).cloned().unwrap_or_default(),
        Literal::Enum(word) => Value::Enum(Name::new(word)),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Boolean(truth) => Value::Boolean(*truth),
        Literal::Int(number) => number.as_str().parse().map_or(Value::Null, Value::Number),
        Literal::Float(number) => number.as_str().parse().map_or(Value::Null, Value::Number),
        Literal::List(items) => Value::List(items.iter().map(|item| literal(item, variables)).collect()),
        Literal::Object(members) => {
            let is_given = |value: &Literal| {
                value
                    .as_variable()
                    .is_none_or(|name| variables.contains_key(name.as_str()))
            };
            let given = members.iter().filter(|(_, value)| is_given(value));
            Value::Object(
                given
                    .map(|(name, value)| (Name::new(name), literal(value, variables)))
                    .collect(),
            )
        }
    }
}
