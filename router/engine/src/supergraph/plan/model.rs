//! The data types of a compiled plan. They depend on neither the planner nor the executor.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};
use foundation::ErrorCode;

use crate::cache::{FetchKey, Slot};
use crate::subgraph::RequestDocument;
use crate::supergraph::arguments::Arguments;

/// The compiled plan of an operation: executing it looks up no names and parses no documents.
#[derive(Debug)]
pub struct Plan {
    /// The fetches, shared by all operations that fetch the same.
    pub fetches: Arc<Fetches>,
    /// The arguments of the operation's fields, which the fetches pass as variables.
    pub arguments: Arguments,
    /// Whether the operation selects `__schema` or `__type`, beside other fields or alone.
    pub introspects: bool,
    /// The shape of the answer.
    pub projection: Arc<ObjectProjection>,
}

/// The fetches of an operation.
#[derive(Debug)]
pub struct Fetches {
    /// The source stream of a subscription; `None` for queries and mutations.
    pub source: Option<Fetch>,
    /// The steps to execute; for a subscription, on every event.
    pub steps: PlanStep,
}

/// A step of a plan.
#[derive(Debug)]
pub enum PlanStep {
    /// Runs the steps one after the other.
    Sequence(Vec<PlanStep>),
    /// Runs all steps at once.
    Parallel(Vec<PlanStep>),
    /// The root fields of a mutation, each with its whole selection set, one after the other.
    Serial(Vec<MutationStep>),
    /// Fetches root fields of one subgraph.
    Fetch(Fetch),
    /// Fetches root fields of one subgraph for a place inside the answer.
    Nested(Vec<FlattenPathSegment>, Fetch),
    /// Fetches fields of entities that other subgraphs have returned.
    Entities(Fetch, Vec<EntityBatch>),
}

/// One root field of a mutation.
#[derive(Debug)]
pub struct MutationStep {
    /// The key that its value is fetched by.
    pub data_key: Name,
    /// All fetches for it.
    pub step: PlanStep,
}

/// A request to a subgraph.
#[derive(Debug)]
pub struct Fetch {
    /// The subgraph's index in the supergraph's list.
    pub subgraph: usize,
    /// The subgraph's name, for messages.
    pub name: Arc<str>,
    /// The document to send.
    pub document: RequestDocument,
    /// The operation's variables that it needs.
    pub variables: Vec<Name>,
    /// The keys at the root of its response.
    pub keys: Vec<String>,
    /// The changes to its response before it is merged.
    pub rewrites: Vec<Rewrite>,
    /// Whether the response is the same for every caller, so that it can be fetched anonymously.
    pub is_anonymous: bool,
    /// How its response may be cached; for [`PlanStep::Entities`], each [`EntityBatch`] has its own.
    pub cache_policy: Option<CachePolicy<Vec<TrackedField>>>,
    /// The text that represents it in the plan's text.
    pub text: String,
}

/// The caching of a response.
#[derive(Debug)]
pub struct CachePolicy<W> {
    /// The part of the cache key that the plan knows.
    pub fetch_key: Arc<FetchKey>,
    /// The entities that it depends on.
    pub dependencies: W,
}

/// The entities of one kind in a fetch.
#[derive(Debug)]
pub struct EntityBatch {
    /// Their key in the response.
    pub key: Name,
    /// The variable for the representations.
    pub variable: Name,
    /// The paths to the entities in the fetched data.
    pub paths: Vec<Vec<FlattenPathSegment>>,
    /// The selections that make up a representation.
    pub required: Vec<RequiredSelection>,
    /// The keys of an entity that the fetch fills, once it is merged.
    pub selected: Arc<[Name]>,
    /// The changes to a representation.
    pub input_rewrites: Vec<Rewrite>,
    /// The changes to an entity before it is merged.
    pub output_rewrites: Vec<Rewrite>,
    /// How each of the entities may be cached.
    pub cache_policy: Option<CachePolicy<TrackedObject>>,
}

/// A segment of the path to the entities.
#[derive(Debug, PartialEq)]
pub enum FlattenPathSegment {
    /// Into the value of a key.
    Key(Name),
    /// Into every item of a list.
    Items,
    /// Only into objects of one of these types.
    Types(HashSet<String>),
}

/// A selection of a representation.
#[derive(Debug, PartialEq)]
pub enum RequiredSelection {
    /// A field.
    Field {
        /// The key in the representation.
        key: Name,
        /// The key in the fetched data, which differs if a selected field has taken the name.
        name: Name,
        /// The selections on the value, if it is an object.
        inner: Vec<RequiredSelection>,
    },
    /// Selections that apply only to objects of one of these types.
    On(HashSet<String>, Vec<RequiredSelection>),
}

/// A change to a tree.
#[derive(Debug, PartialEq)]
pub struct Rewrite {
    /// The path to the place.
    pub at: Vec<RewritePathSegment>,
    /// The change there.
    pub action: RewriteAction,
}

/// A segment of the path to a rewrite. Lists are followed to their items.
#[derive(Debug, PartialEq)]
pub enum RewritePathSegment {
    /// Into the value of a key.
    Key(Name),
    /// Only into objects of one of these types.
    Types(HashSet<String>),
}

/// The effect of a rewrite.
#[derive(Debug, PartialEq)]
pub enum RewriteAction {
    /// The key at the end of the path gets this name.
    Rename(Name),
    /// The key at the end of the path gets this string as its value, even if the object has no such key.
    Set(String),
}

/// A key of a response and the entities behind it, whose changes invalidate the response.
#[derive(Debug)]
pub struct TrackedField {
    /// The key.
    pub key: Name,
    /// The object or list of objects under it.
    pub object: TrackedObject,
}

/// An object of a response.
#[derive(Debug)]
pub struct TrackedObject {
    /// For an entity, its type and the key of its id; `None` for an object that is part of an entity.
    pub entity: Option<(Arc<str>, Name)>,
    /// The objects inside it.
    pub inner: Vec<TrackedField>,
}

impl TrackedField {
    /// Adds the entities below this key of an object. Returns `None` if one is missing: no event would report that it now
    /// exists.
    pub fn slots(&self, of: &Fields, found: &mut Vec<Slot>) -> Option<()> {
        self.object.slots(of.get(&self.key)?, found)
    }
}

impl TrackedObject {
    /// As [`TrackedField::slots`], for the object itself or a list of objects.
    pub fn slots(&self, value: &Value, found: &mut Vec<Slot>) -> Option<()> {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::List(items) => return items.iter().try_for_each(|item| self.slots(item, found)),
            // A part of an entity may be absent: the entity changes when the part appears.
            Value::Null if self.entity.is_none() => return Some(()),
            _ => return None,
        };
        if let Some((typename, id)) = &self.entity {
            found.push(match fields.get(id)? {
                Value::String(id) => Slot::of(typename, id),
                Value::Number(id) => Slot::of(typename, &id.to_string()),
                _ => return None,
            });
        }
        self.inner.iter().try_for_each(|inner| inner.slots(fields, found))
    }
}

/// The fields of an object of one concrete type, in the order of the operation.
#[derive(Debug)]
pub struct ObjectProjection {
    /// The object's type.
    pub typename: Box<str>,
    /// Its fields.
    pub fields: Vec<FieldProjection>,
    /// The code of the error in its place, if the caller may not see objects of its type.
    pub denied: Option<ErrorCode>,
}

/// One key of an answer.
#[derive(Debug)]
pub struct FieldProjection {
    /// The alias, or the name.
    pub key: Box<str>,
    /// The key in the fetched data. The gateway chooses it, not the client.
    pub data_key: Box<str>,
    /// The field's name, for messages.
    pub name: Box<str>,
    /// `"key":`, already encoded as JSON.
    pub key_json: Box<[u8]>,
    /// The shape of the value; `None` for `__typename`, which the object's shape knows.
    pub value: Option<ValueProjection>,
}

/// The expected type of a value.
#[derive(Debug)]
pub struct ValueProjection {
    /// Whether a null here propagates to the parent.
    pub non_null: bool,
    /// The type of the value when it is not null.
    pub kind: ValueKind,
}

/// The type of a value that is not null.
#[derive(Debug)]
pub enum ValueKind {
    /// A list of values of this shape.
    List(Box<ValueProjection>),
    /// A scalar or an enum value.
    Leaf(Leaf),
    /// An object whose type is known.
    Object(Arc<ObjectProjection>),
    /// An object of one of several types, selected by its `__typename`.
    Abstract(Arc<HashMap<Box<str>, Arc<ObjectProjection>>>),
    /// A value that the caller may not see: null, with an error of this code.
    Denied(ErrorCode),
}

/// Scalars and enums.
#[derive(Debug)]
pub enum Leaf {
    /// A 32-bit integer.
    Int,
    /// A finite number.
    Float,
    /// A string.
    String,
    /// True or false.
    Boolean,
    /// A string; a number is converted to one.
    Id,
    /// One of these enum values.
    Enum(Arc<[Box<str>]>),
    /// A custom scalar: only the subgraph knows its values.
    Custom,
}

/// The fields of an object.
pub type Fields = IndexMap<Name, Value>;
