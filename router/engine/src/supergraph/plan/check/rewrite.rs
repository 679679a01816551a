//! The rewrites of responses and representations.

use super::facts::SupergraphFacts;
use super::fault::PlanFault;
use super::tree::{NodeId, SymbolicTree, TYPENAME};
use super::type_set::TypeSet;
use crate::supergraph::plan::model::{Rewrite, RewriteAction, RewritePathSegment};

/// Applies rewrites in their order, as `tree::rewrite` does to the data.
pub fn rewrite<'a>(
    facts: &SupergraphFacts,
    tree: &mut SymbolicTree<'a>,
    node: NodeId,
    rewrites: &'a [Rewrite],
) -> Result<(), PlanFault> {
    rewrites.iter().try_for_each(|rewrite| {
        let types = tree.types(node).clone();
        rewrite_at(facts, tree, (node, &types), &rewrite.at, &rewrite.action)
    })
}

fn rewrite_at<'a>(
    facts: &SupergraphFacts,
    tree: &mut SymbolicTree<'a>,
    (node, types): (NodeId, &TypeSet),
    path: &'a [RewritePathSegment],
    action: &'a RewriteAction,
) -> Result<(), PlanFault> {
    match (path, action) {
        ([RewritePathSegment::Types(names), rest @ ..], _) => {
            // Without a `__typename`, the rewrite concerns the object whichever type it has.
            let mut narrowed = types.clone();
            for entry in tree.entries(node, TYPENAME) {
                narrowed.remove(&entry.types);
            }
            narrowed.extend(&tree.with_typename(facts, node, types, names));
            rewrite_at(facts, tree, (node, &narrowed), rest, action)
        }
        ([RewritePathSegment::Key(key)], RewriteAction::Rename(name)) => {
            let taken = tree.take(node, key, types)?;
            taken.into_iter().try_for_each(|entry| {
                let merged = tree.merge_entry(entry, node, name);
                merged.map_err(|fault| fault.below(name))
            })
        }
        ([RewritePathSegment::Key(key)], RewriteAction::Set(text)) => tree.set_constant(facts, node, key, types, text),
        ([RewritePathSegment::Key(key), rest @ ..], _) => {
            for index in tree.select(node, key, types)? {
                if let Some(child) = tree.entries(node, key)[index].child {
                    let types = tree.types(child).clone();
                    rewrite_at(facts, tree, (child, &types), rest, action)?;
                }
            }
            Ok(())
        }
        ([], _) => Ok(()),
    }
}
