//! The planner's own form of selections: fields with an identity, so that each is planned once.

use std::rc::Rc;

use apollo_compiler::Name;
use apollo_compiler::collections::{HashMap, HashSet};

use super::join_graph::{FieldSet, FieldSetItem, JoinGraph, TypeId};
use crate::supergraph::canonical::{CanonicalField, CanonicalSelection};

/// The identity of a selected field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(usize);

/// Part of a selection.
#[derive(Clone, Debug)]
pub enum Item {
    /// A field.
    Field(FieldId),
    /// The selections on objects of that type.
    On(TypeId, Rc<[Item]>),
}

/// A selected field.
#[derive(Clone, Debug)]
pub struct SelectedField {
    /// The field.
    pub name: Name,
    /// The key that its value is fetched by. A field that only the gateway needs gets one when its fetch is built.
    pub data_key: Option<Name>,
    /// Its arguments.
    pub arguments: Vec<(Name, ArgumentValue)>,
    /// The selections on its value.
    pub items: Rc<[Item]>,
    /// Whether the answer needs the types of its objects.
    pub needs_typename: bool,
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ArgumentValue {
    /// A variable, by its index in the operation's arguments.
    Variable(usize),
    /// The variable of this name, which holds representations.
    Representations(Name),
    /// A constant, as GraphQL text.
    Constant(String),
}

/// All fields of a planned operation.
pub struct Selections<'g> {
    graph: &'g JoinGraph,
    fields: Vec<SelectedField>,
    /// Fields that stand for several with the same data key.
    merged: HashMap<Vec<FieldId>, FieldId>,
}

impl<'g> Selections<'g> {
    /// Begins with no fields.
    pub fn new(graph: &'g JoinGraph) -> Self {
        Self {
            graph,
            fields: Vec::new(),
            merged: HashMap::default(),
        }
    }

    /// Returns a field.
    pub fn field(&self, id: FieldId) -> &SelectedField {
        &self.fields[id.0]
    }

    /// Adds a field.
    pub fn add(&mut self, field: SelectedField) -> FieldId {
        self.fields.push(field);
        FieldId(self.fields.len() - 1)
    }

    /// Adds the selections of a canonical operation that subgraphs resolve.
    pub fn add_canonical(&mut self, items: &[CanonicalSelection]) -> Vec<Item> {
        let mut added = Vec::with_capacity(items.len());
        for item in items {
            match item {
                CanonicalSelection::Field(field) if field.is_repeated || field.is_local() => {}
                CanonicalSelection::Field(field) => added.push(self.add_canonical_field(field)),
                CanonicalSelection::On(ty, inner) => {
                    let inner = self.add_canonical(inner);
                    if let Some(ty) = self.graph.type_id(ty).filter(|_| !inner.is_empty()) {
                        added.push(Item::On(ty, inner.into()));
                    }
                }
            }
        }
        added
    }

    /// Adds one field of a canonical operation.
    pub fn add_canonical_field(&mut self, field: &CanonicalField) -> Item {
        let items = self.add_canonical(&field.items).into();
        let arguments = field.arguments.iter();
        let ty = self.graph.type_id(field.ty.inner_named_type());
        Item::Field(
            self.add(SelectedField {
                name: field.name.clone(),
                data_key: Some(field.data_key.clone()),
                arguments: arguments
                    .map(|(name, place)| (name.clone(), ArgumentValue::Variable(*place)))
                    .collect(),
                items,
                needs_typename: ty.is_some_and(|ty| !self.graph.is_object(ty)),
            }),
        )
    }

    /// Adds the fields of a key or of `@requires`.
    pub fn add_field_set(&mut self, set: &FieldSet) -> Vec<Item> {
        let mut added = Vec::with_capacity(set.items.len());
        for item in &set.items {
            match item {
                FieldSetItem::Field { name, arguments, inner } => {
                    let items: Rc<[Item]> = self.add_field_set(inner).into();
                    added.push(Item::Field(self.add(SelectedField {
                        name: name.clone(),
                        data_key: None,
                        arguments: constant_arguments(arguments),
                        needs_typename: inner.typename || items.iter().any(|item| matches!(item, Item::On(..))),
                        items,
                    })));
                }
                FieldSetItem::On(ty, inner) => {
                    let inner = self.add_field_set(inner);
                    added.extend(self.graph.type_id(ty).map(|ty| Item::On(ty, inner.into())));
                }
            }
        }
        added
    }

    /// Adds a copy of a field with other selections on its value.
    pub fn with_items(&mut self, id: FieldId, items: Vec<Item>) -> FieldId {
        let field = self.field(id).clone();
        let items = items.into();
        self.add(SelectedField { items, ..field })
    }

    /// Returns the number of leaves of a field's value.
    pub fn size(&self, id: FieldId) -> usize {
        self.size_of(&self.field(id).items).max(1)
    }

    /// Returns the number of leaves of selections.
    pub fn size_of(&self, items: &[Item]) -> usize {
        let sizes = items.iter().map(|item| match item {
            Item::Field(id) => self.size(*id),
            Item::On(_, inner) => self.size_of(inner),
        });
        sizes.sum()
    }

    /// Returns the fields that these selections mean for an object of this type, each key once, and the selections that
    /// depend on a narrower type than that of the object.
    pub fn collect(&mut self, ty: TypeId, items: &[Item]) -> (Vec<FieldId>, Vec<Item>) {
        let mut found = Vec::with_capacity(items.len());
        let mut narrower = Vec::new();
        self.flatten(ty, items, &mut found, &mut narrower);
        (self.merge(found), narrower)
    }

    fn flatten(&self, ty: TypeId, items: &[Item], found: &mut Vec<FieldId>, narrower: &mut Vec<Item>) {
        for item in items {
            match item {
                Item::Field(id) => found.push(*id),
                Item::On(wanted, inner) if self.graph.is_subtype(ty, *wanted) => {
                    self.flatten(ty, inner, found, narrower);
                }
                Item::On(..) if self.graph.is_object(ty) => {}
                Item::On(..) => narrower.push(item.clone()),
            }
        }
    }

    /// Merges the fields that have the same data key: they have the same name and arguments.
    pub fn merge(&mut self, found: Vec<FieldId>) -> Vec<FieldId> {
        let mut seen = HashSet::with_capacity_and_hasher(found.len(), Default::default());
        let mut keys = found.iter().filter_map(|id| self.field(*id).data_key.as_ref());
        if keys.all(|key| seen.insert(key)) {
            return found;
        }
        let mut groups: Vec<Vec<FieldId>> = Vec::with_capacity(found.len());
        let mut by_key: HashMap<Name, usize> = HashMap::default();
        for id in found {
            let next = groups.len();
            let place = match &self.field(id).data_key {
                Some(key) => *by_key.entry(key.clone()).or_insert(next),
                None => next,
            };
            match groups.get_mut(place) {
                Some(group) => group.push(id),
                None => groups.push(vec![id]),
            }
        }
        groups.into_iter().map(|group| self.merged_field(group)).collect()
    }

    fn merged_field(&mut self, group: Vec<FieldId>) -> FieldId {
        if let [only] = group[..] {
            return only;
        }
        if let Some(known) = self.merged.get(&group) {
            return *known;
        }
        let items = group
            .iter()
            .flat_map(|id| self.field(*id).items.iter().cloned())
            .collect();
        let id = self.with_items(group[0], items);
        self.merged.insert(group, id);
        id
    }
}

/// Returns the arguments of a field of a key or of `@requires`.
pub fn constant_arguments(arguments: &[(Name, String)]) -> Vec<(Name, ArgumentValue)> {
    let arguments = arguments.iter();
    arguments
        .map(|(name, value)| (name.clone(), ArgumentValue::Constant(value.clone())))
        .collect()
}
