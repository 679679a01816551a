//! What an answer is remembered by.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use async_graphql::indexmap::Equivalent;
use async_graphql::{Name, Value, Variables};

use super::bytes_of;

/// What is asked, but for the values of its variables: made once per plan. Plans that ask the same share what is remembered.
#[derive(Debug)]
pub struct Question {
    subgraph: usize,
    /// The document, and the key of its answer that is meant where it has several.
    text: (Arc<str>, Option<Name>),
    /// The variables it needs.
    variables: Vec<Name>,
    hash: u64,
}

impl Question {
    /// Of that subgraph (its place in the supergraph's list): this document with these variables.
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

    fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || (self.hash == other.hash && self.subgraph == other.subgraph && self.text == other.text)
    }
}

/// A question with the values of its variables, all of them somebody else's: asking the cache copies nothing.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What is asked.
    pub question: &'a Arc<Question>,
    /// The operation's variables, coerced; those the question does not need play no part.
    pub variables: &'a Variables,
    /// The entity it is asked of.
    pub entity: Option<&'a Value>,
}

/// A question with the values of its variables.
#[derive(Debug)]
pub(super) struct Key {
    question: Arc<Question>,
    /// In the question's order; last the entity it is asked of.
    values: Box<[Option<Value>]>,
}

impl<'a> Asked<'a> {
    fn values(self) -> impl Iterator<Item = Option<&'a Value>> {
        let Self {
            question,
            variables,
            entity,
        } = self;
        let of_variables = question.variables.iter().map(|name| variables.get(name));
        of_variables.chain(std::iter::once(entity))
    }

    pub(super) fn to_key(self) -> Key {
        Key {
            question: Arc::clone(self.question),
            values: self.values().map(Option::<&Value>::cloned).collect(),
        }
    }

    /// About how much memory its values take as a key.
    pub(super) fn bytes(self) -> usize {
        self.values().flatten().map(bytes_of).sum()
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_key(self.question, self.values(), state);
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_key(&self.question, self.values.iter().map(Option::as_ref), state);
    }
}

fn hash_key<'v, H: Hasher>(question: &Question, values: impl Iterator<Item = Option<&'v Value>>, state: &mut H) {
    state.write_u64(question.hash);
    for value in values {
        match value {
            None => state.write_u8(0),
            Some(value) => hash_value(value, state),
        }
    }
}

/// Hashes a value so that equal ones have the same hash (but for the order of an object's members).
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

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.question.is(&other.question) && self.values == other.values
    }
}

impl Eq for Key {}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        let known = key.values.iter().map(Option::as_ref);
        self.question.is(&key.question) && self.values().eq(known)
    }
}
