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

/// Reads an object, or null, in which every member has another name.
///
/// # Errors
/// When it is something else, or a name is there twice.
pub(super) fn payload<'de, D: Deserializer<'de>>(
    json: D,
) -> Result<Option<serde_json::Map<String, serde_json::Value>>, D::Error> {
    Ok(Option::<Payload>::deserialize(json)?.map(|Payload(members)| members))
}

/// The variables of an operation, in which no object has two members with the same name; null is the same as none.
#[derive(Debug, Default)]
pub(super) struct UniqueVariables(pub(super) Variables);

impl<'de> Deserialize<'de> for UniqueVariables {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let members = Option::<Members>::deserialize(json)?;
        Ok(Self(members.map_or_else(Variables::default, |Members(members)| {
            Variables::from_value(Value::Object(members))
        })))
    }
}

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

/// Reads the members of an object.
///
/// # Errors
/// When `insert` returns an earlier value of the same name.
fn read_members<'de, A, K, V>(mut map: A, mut insert: impl FnMut(K, V) -> Option<V>) -> Result<(), A::Error>
where
    A: MapAccess<'de>,
    K: Deserialize<'de> + Clone + Display,
    V: Deserialize<'de>,
{
    while let Some(name) = map.next_key::<K>()? {
        if insert(name.clone(), map.next_value()?).is_some() {
            return Err(A::Error::custom(format!("{name} must be given once")));
        }
    }
    Ok(())
}

struct Payload(serde_json::Map<String, serde_json::Value>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct PayloadVisitor;

        impl<'de> Visitor<'de> for PayloadVisitor {
            type Value = Payload;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Payload, A::Error> {
                let mut members = serde_json::Map::new();
                read_members(map, |name, value| members.insert(name, value))?;
                Ok(Payload(members))
            }
        }

        json.deserialize_map(PayloadVisitor)
    }
}

struct Members(IndexMap<Name, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Members, A::Error> {
                let mut members = IndexMap::new();
                read_members(map, |name, UniqueValue(value)| {
                    members.insert(name, value).map(UniqueValue)
                })?;
                Ok(Members(members))
            }
        }

        json.deserialize_map(MembersVisitor)
    }
}

struct UniqueValue(Value);

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
        let Members(members) = Members::deserialize(MapAccessDeserializer::new(map))?;
        Ok(UniqueValue(Value::Object(members)))
    }
}
