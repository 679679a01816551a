//! Patches: new values for some members of something.

use async_graphql::MaybeUndefined;

use crate::{Error, Result};

/// What a patch gives a member that is never empty; `None` where it was left out.
///
/// # Errors
/// `INVALID_INPUT` naming `field` for null.
pub fn given<T>(field: &'static str, value: MaybeUndefined<T>) -> Result<Option<T>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(Error::invalid(field, "must not be null")),
        MaybeUndefined::Value(value) => Ok(Some(value)),
    }
}
