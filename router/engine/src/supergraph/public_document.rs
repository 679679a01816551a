//! Removes the parts of a supergraph that only the router needs.

use std::collections::HashSet;

use apollo_compiler::ast::{Definition, DirectiveList, Document, FieldDefinition, InputValueDefinition};
use apollo_compiler::{Name, Node};

/// The directives of the federation. A directive that the owners of a graph compose themselves is public.
const DIRECTIVES: [&str; 10] = [
    "link",
    "core",
    "tag",
    "inaccessible",
    "authenticated",
    "requiresScopes",
    "policy",
    "context",
    "cost",
    "listSize",
];
/// The beginnings of names that belong to the federation's specifications.
const PREFIXES: [&str; 7] = [
    "join__",
    "link__",
    "core__",
    "federation__",
    "requiresScopes__",
    "policy__",
    "context__",
];
/// Directives and scalars that every GraphQL schema has.
const BUILT_IN: [&str; 10] = [
    "skip",
    "include",
    "deprecated",
    "specifiedBy",
    "oneOf",
    "Boolean",
    "Float",
    "Int",
    "ID",
    "String",
];

/// Removes the federation's own types and directives, and all inaccessible parts.
pub fn public_document(mut supergraph: Document) -> Document {
    let removed: HashSet<Name> = supergraph
        .definitions
        .iter()
        .filter(|definition| is_inaccessible(definition.directives()))
        .filter_map(|definition| definition.name().cloned())
        .collect();
    supergraph.definitions.retain(|definition| match definition {
        Definition::SchemaDefinition(_) => true,
        _ => definition.name().is_some_and(|name| {
            let is_federation = match definition {
                Definition::DirectiveDefinition(_) => is_federation_directive(name),
                _ => is_federation_name(name),
            };
            !is_federation && !removed.contains(name) && !BUILT_IN.contains(&name.as_str()) && !name.starts_with("__")
        }),
    });
    supergraph
        .definitions
        .iter_mut()
        .for_each(|definition| clean_definition(definition, &removed));
    supergraph
}

fn clean_definition(definition: &mut Definition, removed: &HashSet<Name>) {
    match definition {
        Definition::SchemaDefinition(schema) => clean_directives(&mut schema.make_mut().directives),
        Definition::ScalarTypeDefinition(scalar) => clean_directives(&mut scalar.make_mut().directives),
        Definition::ObjectTypeDefinition(object) => {
            let object = object.make_mut();
            clean_directives(&mut object.directives);
            object.implements_interfaces.retain(|name| !removed.contains(name));
            clean_fields(&mut object.fields);
        }
        Definition::InterfaceTypeDefinition(interface) => {
            let interface = interface.make_mut();
            clean_directives(&mut interface.directives);
            interface.implements_interfaces.retain(|name| !removed.contains(name));
            clean_fields(&mut interface.fields);
        }
        Definition::UnionTypeDefinition(union) => {
            let union = union.make_mut();
            clean_directives(&mut union.directives);
            union.members.retain(|name| !removed.contains(name));
        }
        Definition::EnumTypeDefinition(list) => {
            let list = list.make_mut();
            clean_directives(&mut list.directives);
            list.values.retain(|value| !is_inaccessible(&value.directives));
            for value in &mut list.values {
                clean_directives(&mut value.make_mut().directives);
            }
        }
        Definition::InputObjectTypeDefinition(input) => {
            let input = input.make_mut();
            clean_directives(&mut input.directives);
            clean_inputs(&mut input.fields);
        }
        _ => {}
    }
}

fn clean_fields(fields: &mut Vec<Node<FieldDefinition>>) {
    fields.retain(|field| !is_inaccessible(&field.directives) && !field.name.starts_with("__"));
    for field in fields {
        let field = field.make_mut();
        clean_directives(&mut field.directives);
        clean_inputs(&mut field.arguments);
    }
}

fn clean_inputs(inputs: &mut Vec<Node<InputValueDefinition>>) {
    inputs.retain(|input| !is_inaccessible(&input.directives));
    for input in inputs {
        clean_directives(&mut input.make_mut().directives);
    }
}

fn clean_directives(directives: &mut DirectiveList) {
    directives
        .0
        .retain(|directive| !is_federation_directive(&directive.name));
}

fn is_inaccessible(directives: &DirectiveList) -> bool {
    directives.has("inaccessible")
}

fn is_federation_directive(name: &str) -> bool {
    DIRECTIVES.contains(&name) || is_federation_name(name)
}

fn is_federation_name(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
