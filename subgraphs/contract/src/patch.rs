//! Patches: new values for some members of an object.

use async_graphql::MaybeUndefined;

use crate::{Error, Result};

/// Returns the value that a patch gives to a member that cannot be null; `None` if the patch leaves it out.
///
/// # Errors
/// `INVALID_INPUT` naming `field` for null.
pub fn non_null<T>(field: &'static str, value: MaybeUndefined<T>) -> Result<Option<T>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(Error::invalid(field, "must not be null")),
        MaybeUndefined::Value(value) => Ok(Some(value)),
    }
}
