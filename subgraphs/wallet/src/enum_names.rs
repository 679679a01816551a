//! Conversion of enums: the database stores their values under their names in the API.

use async_graphql::resolver_utils::EnumType;
use contract::{Error, Result};

/// Returns the name of a value.
pub(crate) fn to_name<E: EnumType>(value: E) -> &'static str {
    let items = E::items().iter();
    items
        .filter(|item| item.value == value)
        .map(|item| item.name)
        .next()
        .unwrap_or_default()
}

/// Parses the name of a value.
///
/// # Errors
/// `INTERNAL` for an unknown name: the database has a value that the API does not have.
pub(crate) fn from_name<E: EnumType>(name: &str) -> Result<E> {
    let found = E::items().iter().find(|item| item.name == name);
    found
        .map(|item| item.value)
        .ok_or_else(|| Error::Internal(format!("{name} is not in the schema").into()))
}
