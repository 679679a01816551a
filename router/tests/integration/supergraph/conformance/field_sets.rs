//! The selections in `@key`, `@requires` and `@provides`.

use apollo_compiler::Node;
use apollo_compiler::Schema;
use apollo_compiler::ast;
use apollo_compiler::executable::{Field, Selection};
use serde_json::{Map, Value, json};

use super::graph::SubgraphSchema;

/// The arguments of a field, by name.
pub type Arguments = Map<String, Value>;

/// Returns the values of a selection in a representation, or which field the router has not sent.
pub fn select(subgraph: &SubgraphSchema, sent: &Value, selections: &[Selection]) -> Result<Value, String> {
    match sent {
        Value::Array(items) => items.iter().map(|item| select(subgraph, item, selections)).collect(),
        Value::Object(_) if selections.is_empty() => Ok(sent.clone()),
        Value::Object(object) => {
            let mut values = Map::new();
            for selection in selections {
                add(subgraph, object, selection, &mut values)?;
            }
            Ok(Value::Object(values))
        }
        leaf => Ok(leaf.clone()),
    }
}

fn add(
    subgraph: &SubgraphSchema,
    sent: &Map<String, Value>,
    selection: &Selection,
    values: &mut Map<String, Value>,
) -> Result<(), String> {
    let member = |name: &str| {
        sent.get(name)
            .ok_or_else(|| format!("`{name}` was not sent: {}", json!(sent)))
    };
    match selection {
        Selection::Field(field) => {
            let value = select(subgraph, member(&field.name)?, &field.selection_set.selections)?;
            values.insert(field.name.to_string(), value);
        }
        Selection::InlineFragment(fragment) => {
            let applies = match &fragment.type_condition {
                None => true,
                Some(condition) => {
                    let typename = member("__typename")?.as_str().unwrap_or_default();
                    condition == typename || subgraph.types.is_subtype(condition, typename)
                }
            };
            let inner = &fragment.selection_set.selections;
            if applies {
                inner
                    .iter()
                    .try_for_each(|selection| add(subgraph, sent, selection, values))?;
            }
        }
        Selection::FragmentSpread(_) => return Err("a field set has no fragment".into()),
    }
    Ok(())
}

/// Returns the selection of a field, if it is there.
pub fn field<'s>(selections: &'s [Selection], name: &str) -> Option<&'s Node<Field>> {
    let mut fields = selections.iter().filter_map(Selection::as_field);
    fields.find(|field| field.name == name)
}

/// Returns the fields of a selection that apply to an object of that type.
pub fn applicable(types: &Schema, selection: Selection, typename: &str) -> Vec<Selection> {
    let Selection::InlineFragment(fragment) = &selection else {
        return vec![selection];
    };
    let condition = fragment.type_condition.as_ref();
    if condition.is_some_and(|condition| condition != typename && !types.is_subtype(condition, typename)) {
        return Vec::new();
    }
    let inner = fragment.selection_set.selections.iter().cloned();
    inner
        .flat_map(|selection| applicable(types, selection, typename))
        .collect()
}

/// Returns the arguments of a field in a field set, with the defaults of those that it does not give.
pub fn arguments(field: &Field) -> Arguments {
    let defaults = field.definition.arguments.iter().filter_map(|argument| {
        let default = argument.default_value.as_ref()?;
        Some((argument.name.to_string(), constant(default)))
    });
    let given = field
        .arguments
        .iter()
        .map(|argument| (argument.name.to_string(), constant(&argument.value)));
    defaults.chain(given).collect()
}

fn constant(value: &ast::Value) -> Value {
    match value {
        ast::Value::Null | ast::Value::Variable(_) => Value::Null,
        ast::Value::Enum(name) => json!(name.as_str()),
        ast::Value::String(text) => json!(text),
        ast::Value::Boolean(value) => json!(value),
        ast::Value::Int(int) => json!(int.try_to_i32().unwrap()),
        ast::Value::Float(float) => json!(float.try_to_f64().unwrap()),
        ast::Value::List(items) => items.iter().map(|item| constant(item)).collect(),
        ast::Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.to_string(), constant(value)));
            Value::Object(members.collect())
        }
    }
}

/// Adds the numbers at these paths (`size.width`); a null counts as 0.
pub fn sum(required: &Value, paths: &Value) -> Value {
    let paths = paths.as_array().expect("`$sum` has a list of paths").iter();
    let pointers = paths.map(|path| format!("/{}", path.as_str().unwrap().replace('.', "/")));
    let numbers = pointers.map(|pointer| required.pointer(&pointer).and_then(Value::as_i64).unwrap_or(0));
    json!(numbers.sum::<i64>())
}

/// Whether two values are the same, where an ID may be a number or its text.
pub fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let same_member =
                |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(same_member)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => false,
        (one, other) => plain(one) == plain(other),
    }
}

/// Returns a value as text, without the quotes of a string.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
