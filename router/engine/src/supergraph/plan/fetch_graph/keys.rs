//! Adds the fields of keys to the groups that provide them.

use super::super::join_graph::{FieldSet, FieldSetItem, Site};
use super::super::model::RequiredSelection;
use super::super::selections::constant_arguments;
use super::{FetchGraph, Place};

impl FetchGraph<'_> {
    /// Adds the fields of a key to a place, and returns them as the parts of a representation.
    pub(super) fn add_key(&mut self, place: Place, site: Site, key: &FieldSet) -> Vec<RequiredSelection> {
        let mut required = Vec::with_capacity(key.items.len());
        for item in &key.items {
            match item {
                FieldSetItem::Field { name, arguments, inner } => {
                    let arguments = constant_arguments(arguments);
                    let data_key = self.names.key_of(place.names, name, &arguments);
                    let value = self.select(place, site, &data_key, name, &arguments);
                    let inner = value.map(|value| {
                        let inner_site = Site {
                            ty: self.sets[value.set].ty,
                            ..site
                        };
                        self.add_key(value, inner_site, inner)
                    });
                    required.push(RequiredSelection::Field {
                        key: async_graphql::Name::new(name),
                        name: async_graphql::Name::new(&data_key),
                        inner: inner.unwrap_or_default(),
                    });
                }
                FieldSetItem::On(ty, inner) => {
                    let Some(ty) = self.graph.type_id(ty) else { continue };
                    let fragment_place = Place {
                        set: self.fragment(place.set, ty),
                        ..place
                    };
                    self.sets[place.set].typename = true;
                    let inner = self.add_key(fragment_place, Site { ty, ..site }, inner);
                    required.push(RequiredSelection::On(self.graph.object_names(ty), inner));
                }
            }
        }
        required
    }
}
