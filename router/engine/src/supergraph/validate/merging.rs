//! Checks that merged fields have the same arguments (5.3.2 Field Selection Merging). The library compares lists only
//! up to the length of the shorter one, and so would accept two fields with different arguments.

use std::collections::HashSet;

use apollo_compiler::ast::{Argument, Value as Literal};
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};
use async_graphql::indexmap::IndexMap;

use super::super::request_error::Diagnostic;
use super::location::location;

/// Returns a diagnostic about the first field that is merged with one whose list arguments differ in length. The
/// library has validated everything else about merging.
pub fn check_merged_lists(schema: &Schema, document: &ExecutableDocument) -> Option<Diagnostic> {
    let operations = document.operations.iter();
    let mut fields = operations.flat_map(|operation| operation.all_fields(document));
    if !fields.any(|field| field.arguments.iter().any(|argument| has_list(&argument.value))) {
        return None;
    }
    let mut visitor = MergeVisitor {
        schema,
        document,
        visited: HashSet::new(),
    };
    let mut operations = document.operations.iter();
    let conflict = operations.find_map(|operation| visitor.fields(visitor.collect([&operation.selection_set])))?;
    Some(Diagnostic {
        message: format!(
            "{} is selected twice with different arguments: use an alias for one of them",
            conflict.response_key()
        ),
        locations: location(document, conflict.location()),
        field: None,
    })
}

fn has_list(value: &Literal) -> bool {
    match value {
        Literal::List(_) => true,
        Literal::Object(members) => members.iter().any(|(_, member)| has_list(member)),
        _ => false,
    }
}

/// A field and its parent type.
type FieldInParent<'a> = (&'a Name, &'a Node<Field>);

struct MergeVisitor<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    /// The sets of fields that have been visited, each as the addresses of its fields.
    visited: HashSet<Vec<usize>>,
}

impl<'a> MergeVisitor<'a> {
    /// Returns all fields of these sets, including those of fragments.
    fn collect(&self, sets: impl IntoIterator<Item = &'a SelectionSet>) -> Vec<FieldInParent<'a>> {
        let mut fields = Vec::new();
        let mut spread_before = HashSet::new();
        let mut waiting: Vec<_> = sets.into_iter().collect();
        while let Some(set) = waiting.pop() {
            for selection in &set.selections {
                match selection {
                    Selection::Field(field) => fields.push((&set.ty, field)),
                    Selection::InlineFragment(inline) => waiting.push(&inline.selection_set),
                    Selection::FragmentSpread(spread) => {
                        let fragment = self.document.fragments.get(&spread.fragment_name);
                        let fragment = fragment.filter(|_| spread_before.insert(&spread.fragment_name));
                        waiting.extend(fragment.map(|fragment| &fragment.selection_set));
                    }
                }
            }
        }
        fields
    }

    /// Returns the first field that conflicts with another one of the same response key.
    fn fields(&mut self, fields: Vec<FieldInParent<'a>>) -> Option<&'a Node<Field>> {
        let mut places: Vec<_> = fields
            .iter()
            .map(|(_, field)| std::ptr::from_ref(*field).addr())
            .collect();
        places.sort_unstable();
        if !self.visited.insert(places) {
            return None;
        }
        let mut by_key: IndexMap<&Name, Vec<FieldInParent<'a>>> = IndexMap::new();
        for selected in fields {
            by_key.entry(selected.1.response_key()).or_default().push(selected);
        }
        let groups: Vec<_> = by_key.into_values().flat_map(|fields| self.by_parent(fields)).collect();
        for merged in groups {
            let Some((first, rest)) = merged.split_first() else {
                continue;
            };
            let mut rest = rest.iter();
            if let Some(conflict) = rest.find(|field| !same_lists(&first.arguments, &field.arguments)) {
                return Some(conflict);
            }
            let inner = self.collect(merged.iter().map(|field| &field.selection_set));
            if !inner.is_empty()
                && let Some(conflict) = self.fields(inner)
            {
                return Some(conflict);
            }
        }
        None
    }

    /// Groups the fields that one object can have together: those of an object type, and those of interfaces and
    /// unions.
    fn by_parent(&self, fields: Vec<FieldInParent<'a>>) -> Vec<Vec<&'a Node<Field>>> {
        let is_object = |name: &Name| matches!(self.schema.types.get(name), Some(ExtendedType::Object(_)));
        let (of_objects, of_others): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(parent, _)| is_object(parent));
        let of_others: Vec<_> = of_others.into_iter().map(|(_, field)| field).collect();
        let mut by_object: IndexMap<&Name, Vec<&'a Node<Field>>> = IndexMap::new();
        for (parent, field) in of_objects {
            by_object.entry(parent).or_default().push(field);
        }
        if by_object.is_empty() {
            return vec![of_others];
        }
        let with_others = |mut fields: Vec<&'a Node<Field>>| {
            fields.extend(&of_others);
            fields
        };
        by_object.into_values().map(with_others).collect()
    }
}

fn same_lists(one: &[Node<Argument>], other: &[Node<Argument>]) -> bool {
    one.iter().all(|argument| {
        let same = other.iter().find(|other| other.name == argument.name);
        same.is_none_or(|same| same_lengths(&argument.value, &same.value))
    })
}

fn same_lengths(one: &Literal, other: &Literal) -> bool {
    match (one, other) {
        (Literal::List(one), Literal::List(other)) => {
            one.len() == other.len() && std::iter::zip(one, other).all(|(one, other)| same_lengths(one, other))
        }
        (Literal::Object(one), Literal::Object(other)) => one.iter().all(|(name, value)| {
            let same = other.iter().find(|(known, _)| known == name);
            same.is_none_or(|(_, same)| same_lengths(value, same))
        }),
        _ => true,
    }
}
