//! The keys of the fetched data. A field that the gateway adds shares the key of a selected field only if both fetch the same
//! value; otherwise it gets a key that no other field of the object has.

use std::collections::hash_map::Entry;

use apollo_compiler::Name;
use apollo_compiler::collections::HashMap;

use super::super::selections::{ArgumentValue, Item, Selections};

/// The index of an object in the fetched data.
pub type NamesId = usize;

/// The keys of all objects, by their places in the data.
#[derive(Debug, Default)]
pub struct KeyNames {
    /// Whether the objects of a place have one of several types.
    is_abstract: Vec<bool>,
    /// One map for all objects: most of them are leaves without keys.
    by_key: HashMap<(NamesId, Name), KeyedField>,
}

#[derive(Debug)]
struct KeyedField {
    name: Name,
    arguments: Vec<(Name, ArgumentValue)>,
    value: NamesId,
}

impl KeyNames {
    /// Adds an object without keys.
    pub fn add_object(&mut self) -> NamesId {
        self.is_abstract.push(false);
        self.is_abstract.len() - 1
    }

    /// Registers the keys of all selected fields below an object.
    pub fn register(&mut self, selections: &Selections<'_>, object: NamesId, items: &[Item]) {
        for item in items {
            match item {
                Item::On(_, inner) => self.register(selections, object, inner),
                Item::Field(id) => {
                    let field = selections.field(*id);
                    if let Some(key) = &field.data_key {
                        let value = self.add_key(object, key.clone(), &field.name, &field.arguments);
                        self.register(selections, value, &field.items);
                    }
                }
            }
        }
    }

    fn add_key(&mut self, object: NamesId, key: Name, name: &Name, arguments: &[(Name, ArgumentValue)]) -> NamesId {
        let value = match self.by_key.entry((object, key)) {
            Entry::Occupied(known) => return known.get().value,
            Entry::Vacant(free) => {
                let value = self.is_abstract.len();
                free.insert(KeyedField {
                    name: name.clone(),
                    arguments: arguments.to_vec(),
                    value,
                });
                value
            }
        };
        self.is_abstract.push(false);
        value
    }

    /// Returns the key of a field that the gateway adds.
    pub fn key_of(&mut self, object: NamesId, name: &Name, arguments: &[(Name, ArgumentValue)]) -> Name {
        let fetches_same = |field: &KeyedField| field.name == *name && field.arguments == arguments;
        let is_free = |key: &Name| self.field(object, key).is_none_or(fetches_same);
        let mut key = name.clone();
        let mut count = 1;
        while !is_free(&key) {
            count += 1;
            key = Name::new_unchecked(&format!("_{count}_{name}"));
        }
        self.add_key(object, key.clone(), name, arguments);
        key
    }

    /// Returns the objects under a key.
    pub fn value(&self, object: NamesId, key: &Name) -> Option<NamesId> {
        self.field(object, key).map(|field| field.value)
    }

    fn field(&self, object: NamesId, key: &Name) -> Option<&KeyedField> {
        self.by_key.get(&(object, key.clone()))
    }

    /// Notes that the objects here have one of several types.
    pub fn set_abstract(&mut self, object: NamesId) {
        self.is_abstract[object] = true;
    }

    /// Whether the objects here have one of several types.
    pub fn is_abstract(&self, object: NamesId) -> bool {
        self.is_abstract[object]
    }
}
