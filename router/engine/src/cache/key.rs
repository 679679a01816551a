//! The key of a cached response.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use async_graphql::indexmap::Equivalent;
use async_graphql::{Name, Value, Variables};

/// The part of the key that a plan knows: everything but the values of the variables. Plans with equal keys share
/// cached responses.
#[derive(Debug)]
pub struct FetchKey {
    subgraph: usize,
    /// The document, and the response key if it has several.
    text: (Arc<str>, Option<Name>),
    /// The variables that it needs.
    variables: Vec<Name>,
    hash: u64,
}

impl FetchKey {
    /// Builds the key part of a fetch: its subgraph (the index in the supergraph's list), document and variables.
    pub fn new(subgraph: usize, text: Arc<str>, key: Option<Name>, variables: Vec<Name>) -> Self {
        let text = (text, key);
        let mut hasher = DefaultHasher::new();
        (subgraph, &text).hash(&mut hasher);
        Self {
            subgraph,
            text,
            variables,
            hash: hasher.finish(),
        }
    }

    fn is_same_fetch(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || (self.hash == other.hash && self.subgraph == other.subgraph && self.text == other.text)
    }
}

/// A cache key with borrowed values of its variables, so that a lookup copies nothing.
#[derive(Clone, Copy, Debug)]
pub struct CacheKeyRef<'a> {
    /// The part of the key that the plan knows.
    pub fetch_key: &'a Arc<FetchKey>,
    /// The operation's coerced variables; the lookup ignores those that the fetch does not need.
    pub variables: &'a Variables,
    /// The representation of the requested entity.
    pub entity: Option<&'a Value>,
}

/// A question with owned values of its variables.
#[derive(Debug)]
pub(super) struct CacheKey {
    fetch_key: Arc<FetchKey>,
    /// The values in the order of the fetch key's variables, and then the entity.
    values: Box<[Option<Value>]>,
}

impl<'a> CacheKeyRef<'a> {
    fn values(self) -> impl Iterator<Item = Option<&'a Value>> {
        let Self {
            fetch_key,
            variables,
            entity,
        } = self;
        let of_variables = fetch_key.variables.iter().map(|name| variables.get(name));
        of_variables.chain(std::iter::once(entity))
    }

    pub(super) fn to_key(self) -> CacheKey {
        CacheKey {
            fetch_key: Arc::clone(self.fetch_key),
            values: self.values().map(Option::<&Value>::cloned).collect(),
        }
    }

    /// Returns the approximate memory of its values as a key.
    pub(super) fn bytes(self) -> usize {
        self.values().flatten().map(bytes_of).sum()
    }
}

impl Hash for CacheKeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_key(self.fetch_key, self.values(), state);
    }
}

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_key(&self.fetch_key, self.values.iter().map(Option::as_ref), state);
    }
}

fn hash_key<'v, H: Hasher>(fetch_key: &FetchKey, values: impl Iterator<Item = Option<&'v Value>>, state: &mut H) {
    state.write_u64(fetch_key.hash);
    for value in values {
        match value {
            None => state.write_u8(0),
            Some(value) => hash_value(value, state),
        }
    }
}

/// Hashes a value so that equal values have the same hash; the order of an object's members must be equal too.
pub fn hash_value(value: &Value, hasher: &mut impl Hasher) {
    match value {
        Value::String(text) => text.hash(hasher),
        Value::Number(number) => number.hash(hasher),
        Value::Boolean(truth) => truth.hash(hasher),
        Value::Enum(word) => word.as_str().hash(hasher),
        Value::List(items) => items.iter().for_each(|item| hash_value(item, hasher)),
        Value::Object(fields) => fields.values().for_each(|field| hash_value(field, hasher)),
        Value::Null | Value::Binary(_) => 0.hash(hasher),
    }
}

impl PartialEq for CacheKey {
    fn eq(&self, other: &Self) -> bool {
        self.fetch_key.is_same_fetch(&other.fetch_key) && self.values == other.values
    }
}

impl Eq for CacheKey {}

impl Equivalent<CacheKey> for CacheKeyRef<'_> {
    fn equivalent(&self, key: &CacheKey) -> bool {
        let known = key.values.iter().map(Option::as_ref);
        self.fetch_key.is_same_fetch(&key.fetch_key) && self.values().eq(known)
    }
}

/// Returns the approximate memory of a tree.
pub fn bytes_of(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Enum(word) => word.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::List(items) => items.iter().map(bytes_of).sum(),
            // Every value of an object also takes a key, a hash and an index.
            Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + 32 + bytes_of(value)).sum(),
            Value::Null | Value::Number(_) | Value::Boolean(_) => 0,
        }
}
