//! JSON from clients, read more strictly than serde reads it by default.
//!
//! Serde takes an array for a struct, and the last one of several members with the same name. A request that is read in
//! two ways by two programs on its way is a danger, so both are errors here.

use std::fmt::{self, Display};
use std::marker::PhantomData;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Number, Value, Variables};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Map;

/// Reads a struct or an enum from a JSON object, never from an array.
///
/// # Errors
/// When it is not an object, or the object does not fit.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(json: D) -> Result<T, D::Error> {
    json.deserialize_map(ObjectVisitor(PhantomData))
}

/// Reads a text that is one JSON object, as [`object`] does.
///
/// # Errors
/// When it is not JSON, not an object, or the object does not fit.
pub(super) fn object_from_str<'de, T: Deserialize<'de>>(text: &'de str) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = object(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Reads the payload of a message: an object in which every member has another name, or null.
///
/// # Errors
/// When it is something else, or a name is there twice.
pub(super) fn payload<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Map<String, serde_json::Value>>, D::Error> {
    Ok(Option::<Unique<_>>::deserialize(json)?.map(|Unique(members)| members))
}

/// An object in which every member has another name, and so have the members of all objects in it, as far as `M` holds
/// GraphQL values.
#[derive(Debug)]
pub(super) struct Unique<M>(pub(super) M);

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// A map that the members of an object are read into.
pub(super) trait Members: Default {
    type Name: for<'de> Deserialize<'de> + Clone + Display;
    type Value: for<'de> Deserialize<'de>;

    /// Adds a member. Returns whether its name is new.
    fn add(&mut self, name: Self::Name, value: Self::Value) -> bool;
}

impl Members for Map<String, serde_json::Value> {
    type Name = String;
    type Value = serde_json::Value;

    fn add(&mut self, name: String, value: serde_json::Value) -> bool {
        self.insert(name, value).is_none()
    }
}

impl Members for Variables {
    type Name = Name;
    type Value = UniqueValue;

    fn add(&mut self, name: Name, UniqueValue(value): UniqueValue) -> bool {
        self.insert(name, value).is_none()
    }
}

impl Members for IndexMap<Name, Value> {
    type Name = Name;
    type Value = UniqueValue;

    fn add(&mut self, name: Name, UniqueValue(value): UniqueValue) -> bool {
        self.insert(name, value).is_none()
    }
}

impl<'de, M: Members> Deserialize<'de> for Unique<M> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(UniqueVisitor(PhantomData))
    }
}

struct UniqueVisitor<M>(PhantomData<M>);

impl<'de, M: Members> Visitor<'de> for UniqueVisitor<M> {
    type Value = Unique<M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique<M>, A::Error> {
        let mut members = M::default();
        while let Some(name) = map.next_key::<M::Name>()? {
            if !members.add(name.clone(), map.next_value()?) {
                return Err(A::Error::custom(format!("{name} must be given once")));
            }
        }
        Ok(Unique(members))
    }
}

/// A value whose objects are [`Unique`].
pub(super) struct UniqueValue(Value);

impl<'de> Deserialize<'de> for UniqueValue {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = UniqueValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<UniqueValue, E> {
        Ok(UniqueValue(Value::Boolean(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<UniqueValue, E> {
        Ok(UniqueValue(Value::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<UniqueValue, E> {
        Ok(UniqueValue(Value::Number(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<UniqueValue, E> {
        // JSON has no infinite numbers.
        Ok(UniqueValue(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<UniqueValue, E> {
        Ok(UniqueValue(Value::String(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<UniqueValue, E> {
        Ok(UniqueValue(Value::String(value)))
    }

    fn visit_unit<E>(self) -> Result<UniqueValue, E> {
        Ok(UniqueValue(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<UniqueValue, A::Error> {
        let mut list = Vec::new();
        while let Some(UniqueValue(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(UniqueValue(Value::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<UniqueValue, A::Error> {
        let Unique(members) = UniqueVisitor(PhantomData).visit_map(map)?;
        Ok(UniqueValue(Value::Object(members)))
    }
}
