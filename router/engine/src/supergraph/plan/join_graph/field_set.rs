//! Sets of fields: the texts of `@key`, `@requires` and `@provides`.

use apollo_compiler::Name;
use apollo_compiler::ast::{Definition, Document, Selection};

use crate::supergraph::error::SupergraphError;

/// A set of fields.
#[derive(Clone, Debug, Default)]
pub struct FieldSet {
    /// Its fields and fragments.
    pub items: Vec<FieldSetItem>,
    /// Whether it names `__typename`, which is not one of the items.
    pub typename: bool,
}

/// Part of a set of fields.
#[derive(Clone, Debug)]
pub enum FieldSetItem {
    /// A field.
    Field {
        /// Its name.
        name: Name,
        /// Its arguments, each value as GraphQL text.
        arguments: Vec<(Name, String)>,
        /// The fields of its value.
        inner: FieldSet,
    },
    /// The fields of objects of that type.
    On(Name, FieldSet),
}

impl FieldSet {
    /// Parses a set of fields as a directive writes it, without braces.
    ///
    /// # Errors
    /// When it is not a selection set.
    pub fn parse(text: &str) -> Result<Self, SupergraphError> {
        let invalid = || SupergraphError::Schema(format!("\"{text}\" is not a set of fields"));
        let document = Document::parse(format!("{{ {text} }}"), "fields.graphql").map_err(|_| invalid())?;
        match &document.definitions[..] {
            [Definition::OperationDefinition(operation)] => Self::of(&operation.selection_set).ok_or_else(invalid),
            _ => Err(invalid()),
        }
    }

    fn of(selections: &[Selection]) -> Option<Self> {
        let mut items = Vec::with_capacity(selections.len());
        let mut typename = false;
        for selection in selections {
            match selection {
                Selection::Field(field) if field.name == "__typename" => typename = true,
                Selection::Field(field) => items.push(FieldSetItem::Field {
                    name: field.name.clone(),
                    arguments: field
                        .arguments
                        .iter()
                        .map(|argument| {
                            (
                                argument.name.clone(),
                                argument.value.serialize().no_indent().to_string(),
                            )
                        })
                        .collect(),
                    inner: Self::of(&field.selection_set)?,
                }),
                Selection::InlineFragment(fragment) => {
                    let inner = Self::of(&fragment.selection_set)?;
                    match &fragment.type_condition {
                        Some(ty) => items.push(FieldSetItem::On(ty.clone(), inner)),
                        None => items.extend(inner.items),
                    }
                }
                Selection::FragmentSpread(_) => return None,
            }
        }
        Some(Self { items, typename })
    }

    /// Returns the number of fields.
    pub fn size(&self) -> usize {
        let sizes = self.items.iter().map(|item| match item {
            FieldSetItem::Field { inner, .. } => 1 + inner.size(),
            FieldSetItem::On(_, inner) => inner.size(),
        });
        sizes.sum()
    }
}
