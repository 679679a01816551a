//! Words: the values of this domain's enums are spelled in the database as they are in the API.

use async_graphql::resolver_utils::EnumType;
use contract::{Error, Result};

/// The word of a value.
pub(crate) fn word<E: EnumType>(value: E) -> &'static str {
    let items = E::items().iter();
    items
        .filter(|item| item.value == value)
        .map(|item| item.name)
        .next()
        .unwrap_or_default()
}

/// The value of a word.
///
/// # Errors
/// When there is none: the database says something that the API does not.
pub(crate) fn value<E: EnumType>(word: &str) -> Result<E> {
    let found = E::items().iter().find(|item| item.name == word);
    found
        .map(|item| item.value)
        .ok_or_else(|| Error::Internal(format!("{word} is not in the schema").into()))
}
