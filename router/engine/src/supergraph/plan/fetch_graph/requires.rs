//! The parts of a representation that `@requires` names.

use async_graphql::Name;

use super::super::join_graph::{FieldSet, FieldSetItem, TypeId};
use super::super::model::RequiredSelection;
use super::super::selections::constant_arguments;
use super::FetchGraph;
use super::names::NamesId;

impl FetchGraph<'_> {
    /// Adds the parts of a representation, whose fields the groups before it fetch. `ty` is the type of the objects, if they
    /// all have the same.
    pub(super) fn add_required(
        &mut self,
        object: NamesId,
        ty: Option<TypeId>,
        set: &FieldSet,
        required: &mut Vec<RequiredSelection>,
    ) {
        for item in &set.items {
            match item {
                FieldSetItem::Field { name, arguments, inner } => {
                    let data_key = self.names.key_of(object, name, &constant_arguments(arguments));
                    let inner = match self.names.value(object, &data_key) {
                        Some(value) if !inner.items.is_empty() || inner.typename => self.required_value(value, inner),
                        _ => Vec::new(),
                    };
                    add_field(required, Name::new(name), Name::new(&data_key), inner);
                }
                FieldSetItem::On(wanted, inner) => {
                    let Some(wanted) = self.graph.type_id(wanted) else {
                        continue;
                    };
                    if ty.is_some_and(|ty| self.graph.is_subtype(ty, wanted)) {
                        self.add_required(object, ty, inner, required);
                    } else if ty.is_none() {
                        let inner_type = Some(wanted).filter(|wanted| self.graph.is_object(*wanted));
                        let mut selected = Vec::new();
                        self.add_required(object, inner_type, inner, &mut selected);
                        required.push(RequiredSelection::On(self.graph.object_names(wanted), selected));
                    }
                }
            }
        }
    }

    /// Returns the parts of the objects under a key. An object that has one of several types tells its own.
    fn required_value(&mut self, object: NamesId, set: &FieldSet) -> Vec<RequiredSelection> {
        let mut required = Vec::new();
        if self.names.is_abstract(object) {
            add_field(
                &mut required,
                Name::new("__typename"),
                Name::new("__typename"),
                Vec::new(),
            );
        }
        self.add_required(object, None, set, &mut required);
        required
    }
}

/// Adds a field to a representation that may have it already.
fn add_field(required: &mut Vec<RequiredSelection>, wanted: Name, data_key: Name, fields: Vec<RequiredSelection>) {
    for known in required.iter_mut() {
        if let RequiredSelection::Field { key, inner, .. } = known
            && *key == wanted
        {
            for field in fields {
                match field {
                    RequiredSelection::Field {
                        key,
                        name,
                        inner: below,
                    } => add_field(inner, key, name, below),
                    fragment @ RequiredSelection::On(..) => inner.push(fragment),
                }
            }
            return;
        }
    }
    required.push(RequiredSelection::Field {
        key: wanted,
        name: data_key,
        inner: fields,
    });
}
