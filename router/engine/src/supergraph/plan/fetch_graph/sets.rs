//! The selection sets of the fetch groups, while fields are added to them.

use apollo_compiler::Name;
use apollo_compiler::ast::Type;
use apollo_compiler::collections::IndexMap;

use super::super::join_graph::{Site, TypeId};
use super::super::selections::ArgumentValue;
use super::{FetchGraph, Place};

/// The index of a selection set.
pub type SetId = usize;

/// A selection set.
#[derive(Debug)]
pub struct SelectedSet {
    /// The type of its objects in its subgraph.
    pub ty: TypeId,
    /// Whether it selects `__typename`.
    pub typename: bool,
    /// Its fields, by their keys.
    pub fields: IndexMap<Name, SetField>,
    /// Its fragments, each for one object type.
    pub fragments: Vec<(TypeId, SetId)>,
}

/// A field of a selection set.
#[derive(Debug)]
pub struct SetField {
    /// The field.
    pub name: Name,
    /// Its arguments.
    pub arguments: Vec<(Name, ArgumentValue)>,
    /// Its type in the subgraph.
    pub ty: Type,
    /// The selections on its value, if it returns objects.
    pub inner: Option<SetId>,
}

impl FetchGraph<'_> {
    /// Adds an empty selection set.
    pub(super) fn add_set(&mut self, ty: TypeId) -> SetId {
        self.sets.push(SelectedSet {
            ty,
            typename: false,
            fields: IndexMap::default(),
            fragments: Vec::new(),
        });
        self.sets.len() - 1
    }

    /// Selects a field under a key. Returns the place of its objects, if it returns objects.
    pub(super) fn select(
        &mut self,
        place: Place,
        site: Site,
        key: &Name,
        name: &Name,
        arguments: &[(Name, ArgumentValue)],
    ) -> Option<Place> {
        let field = self.graph.field(site, name)?;
        if !self.sets[place.set].fields.contains_key(key) {
            let inner = field.object_type.map(|ty| self.add_set(ty));
            let selected = SetField {
                name: name.clone(),
                arguments: arguments.to_vec(),
                ty: field.ty.clone(),
                inner,
            };
            self.sets[place.set].fields.insert(key.clone(), selected);
        }
        let set = self.sets[place.set].fields.get(key)?.inner?;
        Some(Place {
            group: place.group,
            set,
            names: self.names.value(place.names, key)?,
            typename_set: set,
        })
    }

    /// Returns the fragment of a selection set for an object type.
    pub(super) fn fragment(&mut self, set: SetId, ty: TypeId) -> SetId {
        let mut known = self.sets[set].fragments.iter();
        if let Some((_, fragment)) = known.find(|(known, _)| *known == ty) {
            return *fragment;
        }
        let fragment = self.add_set(ty);
        self.sets[set].fragments.push((ty, fragment));
        fragment
    }
}
