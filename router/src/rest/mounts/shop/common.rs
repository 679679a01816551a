//! The errors and the health check that the shop's services share.

use contract::ErrorCode;

use crate::rest::field::{Field, FieldType, ObjectModel};
use crate::rest::route::{AccessRule, ErrorRow, ResponseSource, Route, not_found_row};

pub(super) const NOT_THEIRS: ErrorRow =
    ErrorRow::new(ErrorCode::Forbidden, "", "The user is another person than the caller.");

pub(super) const NO_USER: ErrorRow = not_found_row(
    "User not found.",
    "The user does not exist, or the account is no longer in use.",
);

/// The health check of each service.
pub(super) const CHECK: Route = Route {
    path: "/api/check",
    name: "checkService",
    summary: "Reports that the service responds",
    source: ResponseSource::Fixed("{}"),
    response: FieldType::Object(&CHECKED),
    example: r#"{"status":"OK"}"#,
    access: AccessRule::Anyone,
    ..Route::BASE
};

pub(super) static CHECKED: ObjectModel = ObjectModel {
    name: "Check",
    about: "The service's health.",
    fields: &[Field::new("status", FieldType::Const(r#""OK""#))],
    example: "",
};
