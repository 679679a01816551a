//! Fields of different object types that share a key must have the same type in a subgraph (GraphQL, section 5.3.2).
//!
//! The supergraph may hide such a difference, because another subgraph declares the field nullable. The later one of two
//! conflicting fields gets an alias, and a rewrite gives its value the key that the answer expects.

use std::collections::HashSet;

use apollo_compiler::Name;
use apollo_compiler::ast::Type;

use super::document::{FieldSelection, SelectionSet};
use super::model::{Rewrite, RewriteAction, RewritePathSegment};

/// A step to a place in a response.
enum ResponseStep {
    Key(Name),
    Type(Name),
}

/// Gives aliases to the fields that conflict, and returns the rewrites that undo it.
pub fn separate_shapes(set: &mut SelectionSet) -> Vec<Rewrite> {
    let mut rewrites = Vec::new();
    separate(set, &mut Vec::new(), &mut rewrites);
    rewrites
}

/// The rewrites inside of a value come before that of its own key.
fn separate(set: &mut SelectionSet, at: &mut Vec<ResponseStep>, rewrites: &mut Vec<Rewrite>) {
    for field in &mut set.fields {
        at.push(ResponseStep::Key(field.key.clone()));
        separate(&mut field.inner, at, rewrites);
        at.pop();
    }
    for index in 0..set.fragments.len() {
        let renamed = conflicts(set, index);
        let (ty, fragment) = &mut set.fragments[index];
        for (key, alias) in &renamed {
            let field = fragment.fields.iter_mut().find(|field| field.key == *key);
            if let Some(field) = field {
                field.key = alias.clone();
            }
        }
        at.push(ResponseStep::Type(ty.clone()));
        separate(fragment, at, rewrites);
        for (key, alias) in renamed {
            at.push(ResponseStep::Key(alias));
            rewrites.push(Rewrite {
                at: at.iter().map(rewrite_segment).collect(),
                action: RewriteAction::Rename(async_graphql::Name::new(key)),
            });
            at.pop();
        }
        at.pop();
    }
}

/// Returns the keys of a fragment whose fields conflict with earlier ones, and an alias for each.
fn conflicts(set: &SelectionSet, index: usize) -> Vec<(Name, Name)> {
    let (earlier, rest) = set.fragments.split_at(index);
    let Some((_, fragment)) = rest.first() else {
        return Vec::new();
    };
    let others = earlier.iter().flat_map(|(_, fragment)| &fragment.fields);
    let others: Vec<_> = set.fields.iter().chain(others).collect();
    let mut taken: HashSet<String> = HashSet::new();
    for field in others
        .iter()
        .copied()
        .chain(rest.iter().flat_map(|(_, fragment)| &fragment.fields))
    {
        taken.insert(field.key.to_string());
    }
    let fields = fragment.fields.iter();
    let conflicting = fields.filter(|field| others.iter().any(|other| is_conflict(field, other)));
    let aliased = conflicting.map(|field| {
        let mut count = 2;
        while !taken.insert(format!("_{count}_{}", field.key)) {
            count += 1;
        }
        (
            field.key.clone(),
            Name::new_unchecked(&format!("_{count}_{}", field.key)),
        )
    });
    aliased.collect()
}

fn is_conflict(one: &FieldSelection, other: &FieldSelection) -> bool {
    if one.key != other.key {
        return false;
    }
    let (Some(one_type), Some(other_type)) = (&one.ty, &other.ty) else {
        return false;
    };
    if one.inner.is_empty() && other.inner.is_empty() {
        return one_type != other_type;
    }
    let is_object = |field: &FieldSelection| !field.inner.is_empty();
    is_object(one) != is_object(other) || !is_same_list(one_type, other_type) || has_conflict(&one.inner, &other.inner)
}

/// Whether two sets of fields of different objects conflict.
fn has_conflict(some: &SelectionSet, others: &SelectionSet) -> bool {
    let fields = all_fields(some);
    fields
        .iter()
        .any(|one| all_fields(others).iter().any(|other| is_conflict(one, other)))
}

fn all_fields(set: &SelectionSet) -> Vec<&FieldSelection> {
    let fragments = set.fragments.iter().flat_map(|(_, fragment)| all_fields(fragment));
    set.fields.iter().chain(fragments).collect()
}

/// Whether two types of objects are lists of the same depth that may be null at the same levels.
fn is_same_list(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Named(_), Type::Named(_)) | (Type::NonNullNamed(_), Type::NonNullNamed(_)) => true,
        (Type::List(one), Type::List(other)) | (Type::NonNullList(one), Type::NonNullList(other)) => {
            is_same_list(one, other)
        }
        _ => false,
    }
}

fn rewrite_segment(step: &ResponseStep) -> RewritePathSegment {
    match step {
        ResponseStep::Key(key) => RewritePathSegment::Key(async_graphql::Name::new(key)),
        ResponseStep::Type(ty) => RewritePathSegment::Types(HashSet::from([ty.to_string()])),
    }
}
