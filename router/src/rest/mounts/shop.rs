//! The shop's REST routes (docs/rest-contract/shop.md#services): a user service and an order service that share the mount,
//! because their paths do not collide. Each can have a port of its own.

mod order;
mod user;

use contract::ErrorCode;
use serde_json::{Map, Value, json};

use crate::rest::error::{Envelope, RestError};
use crate::rest::field::{Field, FieldType, ObjectModel};
use crate::rest::route::{AccessRule, ErrorRow, Mount, ResponseSource, Route, not_found_row};

/// The shop: people and their orders.
pub const MOUNT: Mount = Mount {
    name: "shop",
    prefix: "/shop",
    title: "Shop",
    about: "People order products. Products have no REST routes: clients read and manage them through GraphQL.",
    envelope: Envelope {
        body: error_body,
        schema: error_schema,
    },
    services: &[user::SERVICE, order::SERVICE],
    extra_openapi_paths: &["/swagger.json"],
};

const NOT_THEIRS: ErrorRow = ErrorRow::new(ErrorCode::Forbidden, "", "The user is another person than the caller.");
const NO_USER: ErrorRow = not_found_row(
    "User not found.",
    "The user does not exist, or the account is no longer in use.",
);

/// The health check of each service.
const CHECK: Route = Route {
    path: "/api/check",
    name: "check",
    summary: "Reports that the service responds",
    source: ResponseSource::Fixed("{}"),
    response: FieldType::Object(&CHECKED),
    example: r#"{"status":"OK"}"#,
    access: AccessRule::Anyone,
    ..Route::BASE
};

static CHECKED: ObjectModel = ObjectModel {
    name: "Check",
    about: "The service's health.",
    fields: &[Field::new("status", FieldType::Const(r#""OK""#))],
    example: "",
};

const REFUSED_PAYLOAD: &str = "Input payload validation failed";

fn error_body(error: &RestError) -> Value {
    if error.code != ErrorCode::InvalidInput {
        return json!({ "response": error.message });
    }
    let named = error.members.iter();
    let mut errors: Map<String, Value> = named.map(|(name, why)| (name.clone(), why.as_str().into())).collect();
    // An error about the request as a whole.
    if errors.is_empty() {
        errors.insert("request".to_owned(), error.message.as_str().into());
    }
    json!({ "errors": errors, "message": REFUSED_PAYLOAD })
}

fn error_schema() -> Value {
    json!({ "oneOf": [
        {
            "type": "object",
            "required": ["response"],
            "properties": { "response": { "type": "string" } },
        },
        {
            "type": "object",
            "required": ["errors", "message"],
            "properties": {
                "errors": {
                    "type": "object",
                    "description": "The reason for each invalid member; `request` stands for the request as a whole.",
                    "additionalProperties": { "type": "string" },
                },
                "message": { "type": "string", "const": REFUSED_PAYLOAD },
            },
        },
    ] })
}
