//! The keys of the fetched data. A field that the gateway adds shares the key of a selected field only if both fetch the same
//! value; otherwise it gets a key that no other field of the object has.

use std::collections::HashMap;

use apollo_compiler::Name;

use super::super::selections::{ArgumentValue, Item, Selections};

/// The index of an object in the fetched data.
pub type NamesId = usize;

/// The keys of all objects, by their places in the data.
#[derive(Debug, Default)]
pub struct KeyNames {
    objects: Vec<ObjectKeys>,
}

#[derive(Debug, Default)]
struct ObjectKeys {
    by_key: HashMap<Name, KeyedField>,
    is_abstract: bool,
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
        self.objects.push(ObjectKeys::default());
        self.objects.len() - 1
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
        if let Some(known) = self.objects[object].by_key.get(&key) {
            return known.value;
        }
        let value = self.add_object();
        let field = KeyedField {
            name: name.clone(),
            arguments: arguments.to_vec(),
            value,
        };
        self.objects[object].by_key.insert(key, field);
        value
    }

    /// Returns the key of a field that the gateway adds.
    pub fn key_of(&mut self, object: NamesId, name: &Name, arguments: &[(Name, ArgumentValue)]) -> Name {
        let known = &self.objects[object].by_key;
        let fetches_same = |field: &KeyedField| field.name == *name && field.arguments == arguments;
        let is_free = |key: &str| known.get(key).is_none_or(fetches_same);
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
    pub fn value(&self, object: NamesId, key: &str) -> Option<NamesId> {
        self.objects[object].by_key.get(key).map(|field| field.value)
    }

    /// Notes that the objects here have one of several types.
    pub fn set_abstract(&mut self, object: NamesId) {
        self.objects[object].is_abstract = true;
    }

    /// Whether the objects here have one of several types.
    pub fn is_abstract(&self, object: NamesId) -> bool {
        self.objects[object].is_abstract
    }
}
