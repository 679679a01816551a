//! Operations on trees of values: finding places, merging and rewriting.

use async_graphql::indexmap::map::Entry;
use async_graphql::{PathSegment, Value};

use super::plan::model::{Fields, FlattenPathSegment, Rewrite, RewriteAction, RewritePathSegment};

/// A segment of the path to an object.
#[derive(Clone, Copy, Debug)]
pub enum PathSegmentRef<'a> {
    /// A key.
    Key(&'a str),
    /// An index.
    Index(usize),
}

impl From<&PathSegmentRef<'_>> for PathSegment {
    fn from(at: &PathSegmentRef<'_>) -> Self {
        match at {
            PathSegmentRef::Key(key) => Self::Field((*key).to_owned()),
            PathSegmentRef::Index(index) => Self::Index(*index),
        }
    }
}

/// The approximate memory of a value in bytes, without its text.
pub const VALUE_BYTES: usize = 48;

/// Returns the approximate memory of a tree in bytes.
pub fn size_of(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::List(items) => items.iter().map(size_of).sum(),
            Value::Object(fields) => fields.values().map(size_of).sum(),
            _ => 0,
        }
}

/// An object with at most this many fields is searched from its first one: that is faster than hashing the key.
const LINEAR_SEARCH_MAX: usize = 8;

/// Returns the place of a key in an object.
pub fn index_of(object: &Fields, key: &str) -> Option<usize> {
    if object.len() <= LINEAR_SEARCH_MAX {
        return object.keys().position(|name| name.as_str() == key);
    }
    object.get_index_of(key)
}

/// Returns the value of a key of an object.
pub fn get<'a>(object: &'a Fields, key: &str) -> Option<&'a Value> {
    object.get_index(index_of(object, key)?).map(|(_, value)| value)
}

fn get_mut<'a>(object: &'a mut Fields, key: &str) -> Option<&'a mut Value> {
    let index = index_of(object, key)?;
    object.get_index_mut(index).map(|(_, value)| value)
}

/// Returns the `__typename` of an object, if it has one.
pub fn typename(object: &Fields) -> Option<&str> {
    match get(object, "__typename") {
        Some(Value::String(typename)) => Some(typename),
        _ => None,
    }
}

/// Calls `found` with every object at a place, in the order of the tree, and with its path.
pub fn visit<'a>(
    value: &mut Value,
    place: &'a [FlattenPathSegment],
    at: &mut Vec<PathSegmentRef<'a>>,
    found: &mut dyn FnMut(&mut Fields, &[PathSegmentRef<'a>]),
) {
    match value {
        Value::List(items) => {
            let rest = match place.split_first() {
                Some((FlattenPathSegment::Items, rest)) => rest,
                _ => place,
            };
            for (index, item) in items.iter_mut().enumerate() {
                at.push(PathSegmentRef::Index(index));
                visit(item, rest, at, found);
                at.pop();
            }
        }
        Value::Object(object) => match place.split_first() {
            None => found(object, at),
            Some((FlattenPathSegment::Key(key), rest)) => {
                if let Some(inner) = get_mut(object, key) {
                    at.push(PathSegmentRef::Key(key));
                    visit(inner, rest, at, found);
                    at.pop();
                }
            }
            Some((FlattenPathSegment::Types(types), rest)) => {
                if typename(object).is_some_and(|typename| types.contains(typename)) {
                    visit(value, rest, at, found);
                }
            }
            Some((FlattenPathSegment::Items, rest)) => visit(value, rest, at, found),
        },
        _ => {}
    }
}

/// Merges a tree into another one: objects key by key, lists item by item. Any value replaces null.
pub fn merge(target: &mut Value, source: Value) {
    match (target, source) {
        (Value::Object(target), Value::Object(source)) => merge_into(target, source),
        (Value::List(target), Value::List(source)) if target.len() == source.len() => {
            target
                .iter_mut()
                .zip(source)
                .for_each(|(target, source)| merge(target, source));
        }
        (target @ Value::Null, source) => *target = source,
        _ => {}
    }
}

/// Merges fields into an object.
pub fn merge_into(target: &mut Fields, source: Fields) {
    if target.is_empty() {
        *target = source;
        return;
    }
    target.reserve(source.len());
    for (key, value) in source {
        match target.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(value);
            }
            Entry::Occupied(mut occupied) => merge(occupied.get_mut(), value),
        }
    }
}

/// Applies a rewrite.
pub fn rewrite(value: &mut Value, rewrite: &Rewrite) {
    rewrite_at(value, &rewrite.at, &rewrite.action);
}

/// Changes the path of an error as a rewrite changes the tree.
pub fn rewrite_path(path: &mut [PathSegment], rewrite: &Rewrite) {
    let RewriteAction::Rename(name) = &rewrite.action else {
        return;
    };
    let mut keys = rewrite.at.iter().filter_map(|segment| match segment {
        RewritePathSegment::Key(key) => Some(key.as_str()),
        RewritePathSegment::Types(_) => None,
    });
    let mut fields = path.iter_mut().filter_map(|segment| match segment {
        PathSegment::Field(key) => Some(key),
        PathSegment::Index(_) => None,
    });
    let Some(mut key) = keys.next() else { return };
    for field in fields.by_ref() {
        if field != key {
            return;
        }
        match keys.next() {
            Some(next) => key = next,
            None => {
                *field = name.to_string();
                return;
            }
        }
    }
}

fn rewrite_at(value: &mut Value, path: &[RewritePathSegment], action: &RewriteAction) {
    if let Value::List(items) = value {
        items.iter_mut().for_each(|item| rewrite_at(item, path, action));
        return;
    }
    let Some((segment, rest)) = path.split_first() else {
        if let RewriteAction::Set(text) = action {
            *value = Value::String(text.clone());
        }
        return;
    };
    let Value::Object(object) = value else { return };
    match (segment, action) {
        (RewritePathSegment::Types(types), _) => {
            // Without a `__typename`, the object can have only one type.
            if typename(object).is_none_or(|typename| types.contains(typename)) {
                rewrite_at(value, rest, action);
            }
        }
        (RewritePathSegment::Key(key), RewriteAction::Rename(name)) if rest.is_empty() => {
            if let Some(moved) = object.shift_remove(key) {
                object.insert(name.clone(), moved);
            }
        }
        (RewritePathSegment::Key(key), RewriteAction::Set(text)) if rest.is_empty() => {
            object.insert(key.clone(), Value::String(text.clone()));
        }
        (RewritePathSegment::Key(key), _) => {
            if let Some(inner) = get_mut(object, key) {
                rewrite_at(inner, rest, action);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Name;

    use super::*;

    #[test]
    fn keys_are_found_in_small_and_large_objects() {
        for len in [0, 1, LINEAR_SEARCH_MAX, LINEAR_SEARCH_MAX + 1] {
            let keys = (0..len).map(|index| format!("key{index}"));
            let object: Fields = keys.map(|key| (Name::new(&key), Value::from(key))).collect();
            for (index, (key, value)) in object.iter().enumerate() {
                assert_eq!(index_of(&object, key), Some(index));
                assert_eq!(get(&object, key), Some(value));
            }
            assert_eq!(index_of(&object, "key"), None);
            assert_eq!(get(&object, "other"), None);
        }
    }
}
