//! The symbolic tree: the keys that the data of a plan has at each place, and the fields whose values they hold.
//!
//! A node stands for all objects at a place. It has the object types that they can have. The same key can hold different
//! fields of different types, so a node has several entries for it, and their sets of types have no type in common.
//! An entry is split when a step concerns some of its types only.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use apollo_compiler::collections::IndexMap;
use async_graphql_value::Value;
use smallvec::SmallVec;

use super::facts::SupergraphFacts;
use super::fault::{PlanFault, PlanFaultKind};
use super::type_set::TypeSet;

/// The index of a node in its tree.
pub type NodeId = usize;

/// The most nodes of a tree. The operation limits allow fewer fields than this.
const NODES_MAX: usize = 100_000;

/// The key, and the field, by which an object tells its type.
pub const TYPENAME: &str = "__typename";

/// The symbolic trees of a plan: its data, and the responses and representations that are still separate.
#[derive(Default)]
pub struct SymbolicTree<'a> {
    nodes: Vec<SymbolicNode<'a>>,
    /// The steps that run at the same time as the current one, which cannot rely on their writes.
    pub concurrent: Vec<Range<usize>>,
}

/// The objects at a place.
#[derive(Clone)]
struct SymbolicNode<'a> {
    types: TypeSet,
    entries: IndexMap<&'a str, Entries<'a>>,
}

/// The entries of one key. Nearly every key has one.
pub type Entries<'a> = SmallVec<[Entry<'a>; 1]>;

/// The indexes of entries of one key.
pub type EntryIndexes = SmallVec<[usize; 4]>;

/// A key of some of the objects at a place.
#[derive(Clone)]
pub struct Entry<'a> {
    /// The types of these objects.
    pub types: TypeSet,
    /// The field whose value the key holds.
    pub field: FieldValue<'a>,
    /// The objects in the value, if the field returns objects.
    pub child: Option<NodeId>,
    /// The steps that write it.
    writers: SmallVec<[usize; 4]>,
    is_needed: bool,
}

/// The field that a value belongs to.
#[derive(Clone, PartialEq)]
pub struct FieldValue<'a> {
    /// The field's name.
    pub name: &'a str,
    /// Its arguments, sorted by name.
    pub arguments: Vec<(&'a str, &'a Value)>,
    /// The text that takes the place of the field's own value. A subgraph that knows an interface as an object reports
    /// the interface as the type.
    pub constant: Option<&'a str>,
}

impl<'a> FieldValue<'a> {
    /// The `__typename` of objects.
    pub fn typename(constant: Option<&'a str>) -> Self {
        Self {
            name: TYPENAME,
            arguments: Vec::new(),
            constant,
        }
    }
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if !self.arguments.is_empty() {
            let arguments = self.arguments.iter().map(|(name, value)| format!("{name}: {value}"));
            write!(f, "({})", arguments.collect::<Vec<_>>().join(", "))?;
        }
        self.constant.iter().try_for_each(|text| write!(f, " = \"{text}\""))
    }
}

impl<'a> SymbolicTree<'a> {
    /// Adds a node for objects of these types.
    pub fn add_node(&mut self, types: TypeSet) -> Result<NodeId, PlanFault> {
        if self.nodes.len() == NODES_MAX {
            return Err(PlanFaultKind::TooLarge.into());
        }
        self.nodes.push(SymbolicNode {
            types,
            entries: IndexMap::default(),
        });
        Ok(self.nodes.len() - 1)
    }

    /// Returns the types of the objects of a node.
    pub fn types(&self, node: NodeId) -> &TypeSet {
        &self.nodes[node].types
    }

    /// Returns the entries of a key.
    pub fn entries(&self, node: NodeId, key: &str) -> &[Entry<'a>] {
        self.nodes[node].entries.get(key).map_or(&[], SmallVec::as_slice)
    }

    /// Returns the keys of a node with their entries.
    pub fn all_entries(&self, node: NodeId) -> impl Iterator<Item = (&'a str, &Entry<'a>)> {
        let entries = self.nodes[node].entries.iter();
        entries.flat_map(|(key, entries)| entries.iter().map(|entry| (*key, entry)))
    }

    /// Whether a step before the current one has written the entry.
    pub fn is_visible(&self, entry: &Entry<'_>) -> bool {
        let is_earlier = |step: &usize| !self.concurrent.iter().any(|steps| steps.contains(step));
        entry.writers.iter().any(is_earlier)
    }

    /// Marks the entries of a key for these types as needed.
    pub fn mark_needed(&mut self, node: NodeId, key: &str, types: &TypeSet) {
        for entry in self.nodes[node].entries.get_mut(key).into_iter().flatten() {
            entry.is_needed |= entry.types.intersects(types);
        }
    }

    /// Splits the entries of a key so that each one concerns either only these types or none of them. Returns the indexes
    /// of those that do.
    pub fn select(&mut self, node: NodeId, key: &str, types: &TypeSet) -> Result<EntryIndexes, PlanFault> {
        let mut inside = EntryIndexes::new();
        let mut outside = Vec::new();
        let entries = self.nodes[node].entries.get_mut(key).into_iter().flatten();
        for (index, entry) in entries.enumerate() {
            if !entry.types.intersects(types) {
                continue;
            }
            inside.push(index);
            if !entry.types.is_subset(types) {
                let mut rest = entry.clone();
                rest.types.remove(types);
                entry.types = entry.types.intersection(types);
                outside.push(rest);
            }
        }
        for mut entry in outside {
            entry.child = entry.child.map(|child| self.copy(child)).transpose()?;
            self.nodes[node].entries[key].push(entry);
        }
        Ok(inside)
    }

    /// Writes a field to a key for objects of these types. Returns the nodes of the objects in its value, if it returns
    /// objects: `child_types` are their types.
    pub fn write(
        &mut self,
        node: NodeId,
        key: &'a str,
        types: &TypeSet,
        field: &FieldValue<'a>,
        child_types: Option<&TypeSet>,
        step: usize,
    ) -> Result<Vec<NodeId>, PlanFault> {
        let mut children = Vec::new();
        let mut rest = types.clone();
        for index in self.select(node, key, types)? {
            let entry = self.entry_mut(node, key, index);
            rest.remove(&entry.types);
            if entry.field != *field || entry.child.is_some() != child_types.is_some() {
                return Err(conflict(&entry.field, field).below(key));
            }
            add_writer(&mut entry.writers, step);
            let child = entry.child;
            if let (Some(child), Some(types)) = (child, child_types) {
                self.nodes[child].types.extend(types);
                children.push(child);
            }
        }
        if !rest.is_empty() {
            let child = child_types.map(|types| self.add_node(types.clone())).transpose()?;
            children.extend(child);
            let entry = Entry {
                types: rest,
                field: field.clone(),
                child,
                writers: SmallVec::from_slice(&[step]),
                is_needed: false,
            };
            self.nodes[node].entries.entry(key).or_default().push(entry);
        }
        Ok(children)
    }

    /// Moves the objects of these types from one node to another, as `tree::merge` does with the data. The first node is
    /// empty afterwards.
    pub fn merge(&mut self, from: NodeId, into: NodeId, types: &TypeSet) -> Result<(), PlanFault> {
        for (key, entries) in std::mem::take(&mut self.nodes[from].entries) {
            for mut entry in entries {
                entry.types = entry.types.intersection(types);
                if !entry.types.is_empty() {
                    self.merge_entry(entry, into, key).map_err(|fault| fault.below(key))?;
                }
            }
        }
        Ok(())
    }

    /// Adds an entry of another node to this one.
    pub fn merge_entry(&mut self, mut entry: Entry<'a>, into: NodeId, key: &'a str) -> Result<(), PlanFault> {
        let types = entry.types.clone();
        for index in self.select(into, key, &types)? {
            let known = &self.nodes[into].entries[key][index];
            entry.types.remove(&known.types);
            if known.field != entry.field || known.child.is_some() != entry.child.is_some() {
                // A value that is there already stays, and the type of an object does not change.
                if key == TYPENAME && known.field.name == TYPENAME && self.is_visible(known) {
                    continue;
                }
                return Err(conflict(&known.field, &entry.field));
            }
            let known = self.entry_mut(into, key, index);
            known.is_needed |= entry.is_needed;
            entry
                .writers
                .iter()
                .for_each(|step| add_writer(&mut known.writers, *step));
            if let (Some(into), Some(from)) = (known.child, entry.child) {
                // The other types of the entry need its objects, too.
                let from = if entry.types.is_empty() { from } else { self.copy(from)? };
                let types = self.types(from).clone();
                self.merge(from, into, &types)?;
                self.nodes[into].types.extend(&types);
            }
        }
        if !entry.types.is_empty() {
            self.nodes[into].entries.entry(key).or_default().push(entry);
        }
        Ok(())
    }

    /// Removes the entries of a key for these types, and returns them.
    pub fn take(&mut self, node: NodeId, key: &str, types: &TypeSet) -> Result<Entries<'a>, PlanFault> {
        self.select(node, key, types)?;
        let Some(entries) = self.nodes[node].entries.get_mut(key) else {
            return Ok(Entries::new());
        };
        let (taken, kept) = std::mem::take(entries)
            .into_iter()
            .partition(|entry: &Entry<'_>| entry.types.intersects(types));
        *entries = kept;
        Ok(taken)
    }

    /// Replaces the value of a key for these types by a text, and adds it to the objects that do not have the key.
    pub fn set_constant(
        &mut self,
        facts: &SupergraphFacts,
        node: NodeId,
        key: &'a str,
        types: &TypeSet,
        text: &'a str,
    ) -> Result<(), PlanFault> {
        for index in self.select(node, key, types)? {
            let entry = self.entry_mut(node, key, index);
            let is_own_type = entry.field.name == TYPENAME && entry.types.is_subset(&facts.only(text));
            entry.field.constant = (!is_own_type).then_some(text);
        }
        let mut missing = types.clone();
        for entry in self.entries(node, key) {
            missing.remove(&entry.types);
        }
        if !missing.is_empty() {
            let is_own_type = missing.is_subset(&facts.only(text));
            let field = FieldValue::typename((!is_own_type).then_some(text));
            self.write(node, key, &missing, &field, None, 0)?;
        }
        Ok(())
    }

    /// Returns those of the types whose objects are known to have one of these names as their `__typename`.
    pub fn with_typename(
        &self,
        facts: &SupergraphFacts,
        node: NodeId,
        types: &TypeSet,
        names: &HashSet<String>,
    ) -> TypeSet {
        let mut found = TypeSet::default();
        for entry in self.entries(node, TYPENAME) {
            if entry.field.name != TYPENAME || !self.is_visible(entry) {
                continue;
            }
            let types = entry.types.intersection(types);
            match entry.field.constant {
                Some(interface) if names.contains(interface) => found.extend(&types),
                Some(_) => {}
                None => found.extend(&types.intersection(&facts.named(names))),
            }
        }
        found
    }

    /// Checks that each key below a node is needed.
    pub fn check_needed(&self, node: NodeId) -> Result<(), PlanFault> {
        for (key, entry) in self.all_entries(node) {
            if !entry.is_needed && entry.field.name != TYPENAME {
                let fault = PlanFault::from(PlanFaultKind::NotNeeded(entry.field.to_string()));
                return Err(fault.below(key));
            }
            if let Some(child) = entry.child {
                self.check_needed(child).map_err(|fault| fault.below(key))?;
            }
        }
        Ok(())
    }

    fn entry_mut(&mut self, node: NodeId, key: &str, index: usize) -> &mut Entry<'a> {
        &mut self.nodes[node].entries[key][index]
    }

    /// Copies a node with everything below it.
    pub fn copy(&mut self, node: NodeId) -> Result<NodeId, PlanFault> {
        let copy = self.add_node(TypeSet::default())?;
        let mut copied = self.nodes[node].clone();
        for entry in copied.entries.values_mut().flatten() {
            entry.child = entry.child.map(|child| self.copy(child)).transpose()?;
        }
        self.nodes[copy] = copied;
        Ok(copy)
    }
}

fn add_writer(writers: &mut SmallVec<[usize; 4]>, step: usize) {
    if !writers.contains(&step) {
        writers.push(step);
    }
}

fn conflict(known: &FieldValue<'_>, field: &FieldValue<'_>) -> PlanFault {
    PlanFaultKind::Conflict(known.to_string(), field.to_string()).into()
}
