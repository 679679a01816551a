//! Fields of the introspection types that the library does not know: `isOneOf` of the September 2025 edition, and the
//! deprecation of directives, which graphql-js can request.
//!
//! Each of them follows from the name of the introspected element. So the library resolves the name in its place, and
//! the value replaces the name afterwards.

use apollo_compiler::ast::{FieldDefinition, InputValueDefinition, Type};
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::schema::{Component, ExtendedType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema, name, ty};
use async_graphql::Value;
use async_graphql::indexmap::IndexMap;

/// A field that the library does not know.
struct AddedField {
    parent: Name,
    definition: FieldDefinition,
    value: fn(&Schema, &str) -> Value,
}

fn added_fields() -> [AddedField; 3] {
    [
        AddedField {
            parent: name!("__Type"),
            definition: field_definition(
                name!("isOneOf"),
                "Whether exactly one field of this input object has to be given; null for other kinds of types.",
                ty!(Boolean),
            ),
            value: is_one_of,
        },
        AddedField {
            parent: name!("__Directive"),
            definition: field_definition(
                name!("isDeprecated"),
                "Always false: no directive is deprecated.",
                ty!(Boolean!),
            ),
            value: |_, _| Value::Boolean(false),
        },
        AddedField {
            parent: name!("__Directive"),
            definition: field_definition(
                name!("deprecationReason"),
                "Always null: no directive is deprecated.",
                ty!(String),
            ),
            value: |_, _| Value::Null,
        },
    ]
}

fn field_definition(name: Name, description: &str, ty: Type) -> FieldDefinition {
    FieldDefinition {
        description: Some(description.into()),
        name,
        arguments: Vec::new(),
        ty,
        directives: Default::default(),
    }
}

fn is_one_of(schema: &Schema, name: &str) -> Value {
    match schema.types.get(name) {
        Some(ExtendedType::InputObject(input)) => Value::Boolean(input.directives.get("oneOf").is_some()),
        _ => Value::Null,
    }
}

/// Adds these fields to the introspection types of a schema.
pub fn add(schema: &mut Schema) {
    for added in added_fields() {
        if let Some(ExtendedType::Object(parent)) = schema.types.get_mut(&added.parent) {
            let fields = &mut parent.make_mut().fields;
            fields.insert(added.definition.name.clone(), Component::new(added.definition));
        }
    }
    if let Some(ExtendedType::Object(parent)) = schema.types.get_mut("__Schema")
        && let Some(directives) = parent.make_mut().fields.get_mut("directives")
    {
        let include_deprecated = InputValueDefinition {
            description: None,
            name: name!("includeDeprecated"),
            ty: Node::new(ty!(Boolean!)),
            default_value: Some(Node::new(false.into())),
            directives: Default::default(),
        };
        directives.make_mut().arguments.push(Node::new(include_deprecated));
    }
}

/// Returns an operation with names in place of the added fields, or `None` if it has none of them.
pub fn replaced(
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
) -> Option<(Valid<ExecutableDocument>, Operation)> {
    let added = added_fields();
    let mut operation = operation.clone();
    let mut document = ExecutableDocument::clone(document);
    let mut is_replaced = replace(&added, &mut operation.selection_set);
    for fragment in document.fragments.values_mut() {
        is_replaced |= replace(&added, &mut fragment.make_mut().selection_set);
    }
    is_replaced.then(|| (Valid::assume_valid(document), operation))
}

fn replace(added: &[AddedField], set: &mut SelectionSet) -> bool {
    let parent = set.ty.clone();
    let mut is_replaced = false;
    for selection in &mut set.selections {
        is_replaced |= match selection {
            Selection::Field(field) if find(added, &parent, &field.name).is_some() => {
                let field = field.make_mut();
                field.alias = Some(field.response_key().clone());
                field.name = name!("name");
                field.definition = Node::new(field_definition(name!("name"), "", ty!(String)));
                true
            }
            Selection::Field(field) if field.selection_set.is_empty() => false,
            Selection::Field(field) => replace(added, &mut field.make_mut().selection_set),
            Selection::InlineFragment(inline) => replace(added, &mut inline.make_mut().selection_set),
            Selection::FragmentSpread(_) => false,
        };
    }
    is_replaced
}

fn find<'a>(added: &'a [AddedField], parent: &str, field: &str) -> Option<&'a AddedField> {
    let mut added = added.iter();
    added.find(|added| added.parent == parent && added.definition.name == field)
}

/// Replaces the names with the values of the added fields; `document` and `operation` are those of the client.
pub fn restore(schema: &Schema, document: &ExecutableDocument, operation: &Operation, data: &mut Value) {
    let restorer = Restorer {
        added: added_fields(),
        schema,
        document,
    };
    restorer.value(&operation.selection_set, data);
}

struct Restorer<'a> {
    added: [AddedField; 3],
    schema: &'a Schema,
    document: &'a ExecutableDocument,
}

impl Restorer<'_> {
    fn value(&self, set: &SelectionSet, value: &mut Value) {
        match value {
            Value::List(items) => items.iter_mut().for_each(|item| self.value(set, item)),
            Value::Object(object) => self.object(set, object),
            _ => {}
        }
    }

    /// Every introspection type is an object type, so every fragment in the selections applies to this object.
    fn object(&self, set: &SelectionSet, object: &mut IndexMap<async_graphql::Name, Value>) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    let Some(value) = object.get_mut(field.response_key().as_str()) else {
                        continue;
                    };
                    match (find(&self.added, &set.ty, &field.name), &*value) {
                        (Some(added), Value::String(name)) => *value = (added.value)(self.schema, name),
                        // The element has no name, or the field is selected twice.
                        (Some(_), _) => {}
                        (None, _) => self.value(&field.selection_set, value),
                    }
                }
                Selection::InlineFragment(inline) => self.object(&inline.selection_set, object),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.fragment_name) {
                        self.object(&fragment.selection_set, object);
                    }
                }
            }
        }
    }
}
