//! The documents of fetches as trees for subgraphs in this process, so that no document is parsed.

use apollo_compiler::ast::OperationType;
use async_graphql::parser::parse_query;
use async_graphql::parser::types as tree;
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value;

use super::document::{FieldSelection, SelectionSet};
use super::selections::ArgumentValue;
use crate::supergraph::arguments::Arguments;

/// A document: its kind, its variables with their types, and its selections.
pub struct DocumentParts<'a> {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// The names and types of its variables.
    pub variables: &'a [(Name, String)],
    /// Its selections.
    pub set: &'a SelectionSet,
}

/// Builds the tree of a document. Returns `None` if a type or a constant cannot be represented.
pub fn executable(parts: &DocumentParts<'_>, arguments: &Arguments) -> Option<tree::ExecutableDocument> {
    let variables = parts.variables.iter().map(|(name, ty)| {
        Some(positioned(tree::VariableDefinition {
            name: positioned(name.clone()),
            var_type: positioned(tree::Type::new(ty)?),
            directives: Vec::new(),
            default_value: None,
        }))
    });
    let operation = tree::OperationDefinition {
        ty: match parts.kind {
            OperationType::Query => tree::OperationType::Query,
            OperationType::Mutation => tree::OperationType::Mutation,
            OperationType::Subscription => tree::OperationType::Subscription,
        },
        variable_definitions: variables.collect::<Option<_>>()?,
        directives: Vec::new(),
        selection_set: positioned(selection_set(parts.set, arguments)?),
    };
    Some(tree::ExecutableDocument {
        operations: tree::DocumentOperations::Single(positioned(operation)),
        fragments: Default::default(),
    })
}

fn selection_set(set: &SelectionSet, arguments: &Arguments) -> Option<tree::SelectionSet> {
    let fields = set.fields.iter().map(|selected| {
        let field = field(selected, arguments)?;
        Some(positioned(tree::Selection::Field(positioned(field))))
    });
    let fragments = set.fragments.iter().map(|(ty, inner)| {
        let on = positioned(Name::new(ty));
        Some(positioned(tree::Selection::InlineFragment(positioned(
            tree::InlineFragment {
                type_condition: Some(positioned(tree::TypeCondition { on })),
                directives: Vec::new(),
                selection_set: positioned(selection_set(inner, arguments)?),
            },
        ))))
    });
    Some(tree::SelectionSet {
        items: fields.chain(fragments).collect::<Option<_>>()?,
    })
}

fn field(field: &FieldSelection, arguments: &Arguments) -> Option<tree::Field> {
    let given = field.arguments.iter().map(|(name, value)| {
        let value = match value {
            ArgumentValue::Variable(place) => Value::Variable(arguments.list()[*place].name.clone()),
            ArgumentValue::Representations(variable) => Value::Variable(Name::new(variable)),
            ArgumentValue::Constant(text) => constant(text)?,
        };
        Some((positioned(Name::new(name)), positioned(value)))
    });
    Some(tree::Field {
        alias: (field.key != field.name).then(|| positioned(Name::new(&field.key))),
        name: positioned(Name::new(&field.name)),
        arguments: given.collect::<Option<_>>()?,
        directives: Vec::new(),
        selection_set: positioned(selection_set(&field.inner, arguments)?),
    })
}

/// Parses a constant of the supergraph.
fn constant(text: &str) -> Option<Value> {
    let document = parse_query(format!("{{field(value: {text})}}")).ok()?;
    let (_, operation) = document.operations.iter().next()?;
    match &operation.node.selection_set.node.items.first()?.node {
        tree::Selection::Field(field) => field.node.arguments.first().map(|(_, value)| value.node.clone()),
        _ => None,
    }
}

fn positioned<T>(node: T) -> Positioned<T> {
    Positioned::new(node, Pos::default())
}
