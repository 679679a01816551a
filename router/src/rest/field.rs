//! The types of values: how a request is read, how a response is written, and the OpenAPI schema of both.

mod bounds;
mod model;
mod parse;

pub use bounds::{AUTHOR, EMAIL, PASSWORD, SIGN_IN_NAME, USERNAME, ValueBounds};
pub use model::{Field, FieldType, ID, ObjectModel, Presence, QUANTITY, REFERENCE, RequestMember, acknowledgement};
pub use parse::{ParseError, RawInput, without_trailing_zeros};

pub(in crate::rest) use bounds::control;
