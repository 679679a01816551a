//! The representations of entities: built of fetched data, with everything that the subgraph needs.

use async_graphql::parser::types::{Selection, SelectionSet};

use super::facts::{SupergraphFacts, TypeFacts};
use super::fault::{PlanFault, PlanFaultKind};
use super::tree::{Entry, FieldValue, NodeId, SymbolicTree, TYPENAME};
use super::type_set::TypeSet;
use crate::supergraph::plan::model::RequiredSelection;

/// Adds the selections on objects of these types to their representation, as `entities::build_representation` does with
/// the data.
pub fn select<'a>(
    facts: &SupergraphFacts,
    tree: &mut SymbolicTree<'a>,
    required: &'a [RequiredSelection],
    (node, types): (NodeId, &TypeSet),
    representation: NodeId,
) -> Result<(), PlanFault> {
    for selection in required {
        match selection {
            RequiredSelection::On(names, inner) => {
                let narrowed = tree.with_typename(facts, node, types, names);
                if !narrowed.is_empty() {
                    tree.mark_needed(node, TYPENAME, &narrowed);
                    select(facts, tree, inner, (node, &narrowed), representation)?;
                }
            }
            RequiredSelection::Field { key, name, inner } => {
                let mut rest = types.clone();
                for index in tree.select(node, name, types)? {
                    let place = EntryPlace { node, key: name, index };
                    rest.remove(&tree.entries(node, name)[index].types);
                    select_entry(facts, tree, inner, place, (representation, key))
                        .map_err(|fault| fault.below(name))?;
                }
                tree.mark_needed(node, name, types);
                if let Some(ty) = facts.first_name(&rest) {
                    return Err(PlanFaultKind::NotFetchedBefore(format!("{ty}.{name}")).into());
                }
            }
        }
    }
    Ok(())
}

/// The place of an entry in the tree.
#[derive(Clone, Copy)]
struct EntryPlace<'k> {
    node: NodeId,
    key: &'k str,
    index: usize,
}

/// Adds the value of an entry to a representation under a key.
fn select_entry<'a>(
    facts: &SupergraphFacts,
    tree: &mut SymbolicTree<'a>,
    inner: &'a [RequiredSelection],
    place: EntryPlace<'_>,
    (representation, key): (NodeId, &'a str),
) -> Result<(), PlanFault> {
    let entry = &tree.entries(place.node, place.key)[place.index];
    if !tree.is_visible(entry) {
        return Err(PlanFaultKind::NotFetchedBefore(entry.field.to_string()).into());
    }
    if entry.child.is_some() == inner.is_empty() {
        return Err(PlanFaultKind::Misnamed(entry.field.to_string()).into());
    }
    let (types, field, child) = (entry.types.clone(), entry.field.clone(), entry.child);
    let child_types = child.map(|child| tree.types(child).clone());
    let children = tree.write(representation, key, &types, &field, child_types.as_ref(), 0)?;
    if let (Some(child), Some(child_types)) = (child, child_types) {
        for representation in children {
            select(facts, tree, inner, (child, &child_types), representation)?;
        }
    }
    Ok(())
}

/// Whether a representation of objects of these types has a set of fields. `ty` is their type, or their interface.
pub fn covers(
    facts: &SupergraphFacts,
    tree: &SymbolicTree<'_>,
    representation: NodeId,
    ty: &TypeFacts,
    types: &TypeSet,
    needed: &SelectionSet,
) -> bool {
    needed.items.iter().all(|item| match &item.node {
        Selection::Field(field) => {
            let field = &field.node;
            let name = field.name.node.as_str();
            let arguments = field
                .arguments
                .iter()
                .map(|(name, value)| (name.node.as_str(), &value.node));
            let mut wanted = FieldValue {
                name,
                arguments: arguments.collect(),
                constant: None,
            };
            wanted.arguments.sort_unstable_by_key(|(name, _)| *name);
            let inner = &field.selection_set.node;
            let returned = ty.field(name).and_then(|field| facts.ty(field.ty.inner_named_type()));
            let mut rest = types.clone();
            let entries = tree.entries(representation, name).iter();
            let is_right = entries.filter(|entry| entry.types.intersects(types)).all(|entry| {
                rest.remove(&entry.types);
                let is_wanted = name == TYPENAME || entry.field == wanted;
                is_wanted && is_value_covered(facts, tree, entry, returned, inner)
            });
            is_right && rest.is_empty()
        }
        Selection::InlineFragment(inline) => {
            let condition = inline.node.type_condition.as_ref();
            let known = condition.map_or(Some(ty), |condition| facts.ty(&condition.node.on.node));
            let Some(known) = known else { return false };
            let narrowed = types.intersection(&known.possible);
            let inner = &inline.node.selection_set.node;
            narrowed.is_empty() || covers(facts, tree, representation, known, &narrowed, inner)
        }
        Selection::FragmentSpread(_) => false,
    })
}

/// Whether the value of an entry has a set of fields. An object that can have several types must tell its own.
fn is_value_covered(
    facts: &SupergraphFacts,
    tree: &SymbolicTree<'_>,
    entry: &Entry<'_>,
    returned: Option<&TypeFacts>,
    needed: &SelectionSet,
) -> bool {
    let Some(child) = entry.child else {
        return needed.items.is_empty();
    };
    let Some(returned) = returned else { return false };
    let types = tree.types(child);
    if returned.is_abstract && !has_typename(tree, child, types) {
        return false;
    }
    covers(facts, tree, child, returned, types, needed)
}

fn has_typename(tree: &SymbolicTree<'_>, node: NodeId, types: &TypeSet) -> bool {
    let mut rest = types.clone();
    for entry in tree.entries(node, TYPENAME) {
        rest.remove(&entry.types);
    }
    rest.is_empty()
}

/// Checks that the keys of a representation name the fields whose values they have.
pub fn check_names(tree: &SymbolicTree<'_>, representation: NodeId) -> Result<(), PlanFault> {
    for (key, entry) in tree.all_entries(representation) {
        if entry.field.name != key || (entry.field.constant.is_some() && key != TYPENAME) {
            return Err(PlanFault::from(PlanFaultKind::Misnamed(entry.field.to_string())).below(key));
        }
        if let Some(child) = entry.child {
            check_names(tree, child).map_err(|fault| fault.below(key))?;
        }
    }
    Ok(())
}
