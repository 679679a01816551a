//! Converts the arguments of an operation to variables of the gateway's own.
//!
//! No literal is ever printed for another parser to read: three parsers disagree about numbers, escapes and nesting. A value
//! reaches its subgraph as it was parsed, and operations that differ only in their values share a plan. The variables are
//! named `a0`, `a1`, …, whatever names the client uses; the planner never generates such names.

use std::collections::HashMap;

use apollo_compiler::Node;
use apollo_compiler::Schema;
use apollo_compiler::ast::{Type, Value as Literal};
use apollo_compiler::schema::ExtendedType;
use async_graphql::{Name, Value, Variables};

use super::request_error::RequestError;

/// The arguments of an operation, each of them once.
#[derive(Debug, Default)]
pub struct Arguments {
    list: Vec<Argument>,
    by_text: HashMap<String, usize>,
    /// The literals that have been added, by the addresses of the literal and its type. A fragment is visited once per
    /// spread, and a literal in it may be as long as a request.
    by_address: HashMap<(usize, usize), usize>,
}

/// A variable of the gateway's own.
#[derive(Debug)]
pub struct Argument {
    /// Its name, without the `$`.
    pub name: Name,
    /// The type of its argument.
    pub ty: Type,
    source: ArgumentSource,
}

/// The source of an argument's value.
#[derive(Debug)]
enum ArgumentSource {
    /// A variable of the client.
    Variable(Name),
    /// A literal.
    Constant(Value),
    /// A literal with variables of the client in it.
    Template(Node<Literal>),
}

impl Arguments {
    /// Adds an argument of this type and returns its index. The type and the literal must keep their addresses while
    /// arguments are added.
    ///
    /// # Errors
    /// When a number in it cannot be represented.
    pub fn add(&mut self, schema: &Schema, ty: &Type, literal: &Node<Literal>) -> Result<usize, RequestError> {
        let address = (
            std::ptr::from_ref(ty).addr(),
            std::ptr::from_ref::<Literal>(literal).addr(),
        );
        if let Some(known) = self.by_address.get(&address) {
            return Ok(*known);
        }
        let place = self.add_source(schema, ty, literal)?;
        self.by_address.insert(address, place);
        Ok(place)
    }

    fn add_source(&mut self, schema: &Schema, ty: &Type, literal: &Node<Literal>) -> Result<usize, RequestError> {
        let source = format!("{ty} {}", literal.serialize().no_indent());
        if let Some(known) = self.by_text.get(&source) {
            return Ok(*known);
        }
        let place = self.list.len();
        self.by_text.insert(source, place);
        let source = match &**literal {
            Literal::Variable(name) => ArgumentSource::Variable(Name::new(name)),
            literal if is_constant(literal) => {
                ArgumentSource::Constant(coerce_literal(schema, ty, literal, &Variables::default())?)
            }
            _ => ArgumentSource::Template(literal.clone()),
        };
        self.list.push(Argument {
            name: Name::new(format!("a{place}")),
            ty: ty.clone(),
            source,
        });
        Ok(place)
    }

    /// The arguments, in their order.
    pub fn list(&self) -> &[Argument] {
        &self.list
    }

    /// Returns the values of the arguments, by name, for these variables of the client.
    ///
    /// # Errors
    /// When a variable is null but its argument is non-null.
    pub fn bind(&self, schema: &Schema, variables: &Variables) -> Result<Variables, RequestError> {
        let mut bound = Variables::default();
        for argument in &self.list {
            let value = match &argument.source {
                ArgumentSource::Constant(value) => value.clone(),
                ArgumentSource::Template(literal) => coerce_literal(schema, &argument.ty, literal, variables)?,
                ArgumentSource::Variable(name) => {
                    let value = variables.get(name).cloned().unwrap_or_default();
                    if argument.ty.is_non_null() && matches!(value, Value::Null) {
                        let why = format!(
                            "${name} must not be null: it is given to an argument of type {}",
                            argument.ty
                        );
                        return Err(RequestError::InvalidInput(why));
                    }
                    value
                }
            };
            bound.insert(argument.name.clone(), value);
        }
        Ok(bound)
    }
}

fn is_constant(literal: &Literal) -> bool {
    match literal {
        Literal::Variable(_) => false,
        Literal::List(items) => items.iter().all(|item| is_constant(item)),
        Literal::Object(members) => members.iter().all(|(_, member)| is_constant(member)),
        _ => true,
    }
}

/// Converts a literal to a value of its type. The document is valid, so a value that does not fit belongs to a custom scalar
/// or a variable.
///
/// # Errors
/// When a number in it cannot be represented. Only the type tells: an `ID` is text, however many digits it has.
pub fn coerce_literal(
    schema: &Schema,
    ty: &Type,
    literal: &Literal,
    variables: &Variables,
) -> Result<Value, RequestError> {
    let item = match ty {
        Type::List(item) | Type::NonNullList(item) => Some(item),
        Type::Named(_) | Type::NonNullNamed(_) => None,
    };
    let definition = || schema.types.get(ty.inner_named_type());
    Ok(match (literal, item) {
        (Literal::Null, _) => Value::Null,
        (Literal::Variable(name), _) => variables.get(name.as_str()).cloned().unwrap_or_default(),
        (Literal::List(items), Some(item)) => {
            let items = items
                .iter()
                .map(|literal| coerce_literal(schema, item, literal, variables));
            Value::List(items.collect::<Result<_, RequestError>>()?)
        }
        (literal, Some(item)) => Value::List(vec![coerce_literal(schema, item, literal, variables)?]),
        (Literal::Object(members), None) => match definition() {
            Some(ExtendedType::InputObject(input)) => {
                let members = members.iter().map(|(name, literal)| {
                    let value = match input.fields.get(name) {
                        Some(field) => coerce_literal(schema, &field.ty, literal, variables)?,
                        None => untyped_value(literal, variables)?,
                    };
                    Ok((Name::new(name), value))
                });
                Value::Object(members.collect::<Result<_, RequestError>>()?)
            }
            _ => untyped_value(literal, variables)?,
        },
        (Literal::Int(number), None) if ty.inner_named_type() == "ID" => Value::String(number.as_str().to_owned()),
        (Literal::Int(number), None) if ty.inner_named_type() == "Float" => parse_float(number.as_str())?,
        (literal, None) => untyped_value(literal, variables)?,
    })
}

/// Converts a literal to a value, whatever its type.
fn untyped_value(literal: &Literal, variables: &Variables) -> Result<Value, RequestError> {
    Ok(match literal {
        Literal::Null => Value::Null,
        Literal::Variable(name) => variables.get(name.as_str()).cloned().unwrap_or_default(),
        Literal::Enum(word) => Value::Enum(Name::new(word)),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Boolean(truth) => Value::Boolean(*truth),
        Literal::Int(number) => parse_integer(number.as_str())?,
        Literal::Float(number) => parse_float(number.as_str())?,
        Literal::List(items) => Value::List(
            items
                .iter()
                .map(|item| untyped_value(item, variables))
                .collect::<Result<_, RequestError>>()?,
        ),
        Literal::Object(members) => {
            let members = members
                .iter()
                .map(|(name, member)| Ok((Name::new(name), untyped_value(member, variables)?)));
            Value::Object(members.collect::<Result<_, RequestError>>()?)
        }
    })
}

fn parse_integer(text: &str) -> Result<Value, RequestError> {
    // `-0` is zero, not the float that a JSON parser would return.
    let number = text.parse::<i64>().map(serde_json::Number::from);
    let number = number.or_else(|_| text.parse::<u64>().map(serde_json::Number::from));
    number.map(Value::Number).map_err(|_| number_too_large(text))
}

fn parse_float(text: &str) -> Result<Value, RequestError> {
    let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    number.map(Value::Number).ok_or_else(|| number_too_large(text))
}

fn number_too_large(text: &str) -> RequestError {
    let shown: String = text.chars().take(40).collect();
    RequestError::InvalidInput(format!("{shown} is more than fits 64 bits"))
}
