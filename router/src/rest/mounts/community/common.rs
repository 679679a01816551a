//! The prefixes, types and parameters that the community's services share.

use contract::ErrorCode;

use crate::rest::field::{Field, FieldType};
use crate::rest::route::{ErrorRow, InvalidParam, Param, ParamLocation};

/// The prefixes of every service; the second is the one in the example of the document.
pub(super) const PREFIXES: &[&str] = &["", "/api/v1.0"];

/// A count.
pub(super) const COUNT: FieldType = FieldType::Integer { min: 0, max: i64::MAX };

/// A number that may be negative.
pub(super) const POINTS: FieldType = FieldType::Integer {
    min: i64::MIN,
    max: i64::MAX,
};

pub(super) const BAD_N: ErrorRow = ErrorRow::new(ErrorCode::InvalidInput, "", "`n` is not an integer from 1 to 100.");

/// The number of results that the caller wants.
pub(super) const N: Param = Param {
    location: ParamLocation::Query,
    field: Field::new("n", FieldType::Integer { min: 1, max: 100 })
        .optional()
        .about("The largest number of results; 25 if omitted."),
    on_invalid: InvalidParam::Named,
    example: "2",
};
