//! The shop's REST routes (docs/rest-contract/shop.md#services): a user service and an order service that share the mount,
//! because their paths do not collide. Each can have a port of its own.

mod common;
mod order;
mod user;

use contract::ErrorCode;
use serde_json::{Map, Value, json};

use crate::rest::error::{Envelope, RestError};
use crate::rest::route::Mount;

/// The shop: people and their orders.
pub const MOUNT: Mount = Mount {
    name: "shop",
    prefix: "/shop",
    title: "Shop",
    about: "People order products. Products have no REST routes: clients read and manage them through GraphQL.",
    envelope: Envelope {
        body: error_body,
        schemas: error_schemas,
    },
    services: &[user::SERVICE, order::SERVICE],
    extra_openapi_paths: &["/swagger.json"],
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

fn error_schemas() -> Value {
    json!({
        "ErrorBody": { "oneOf": [
            { "$ref": "#/components/schemas/ErrorMessage" },
            { "$ref": "#/components/schemas/InvalidPayload" },
        ] },
        "ErrorMessage": {
            "type": "object",
            "description": "The body of an error that is not about the members of the request.",
            "required": ["response"],
            "properties": { "response": { "type": "string" } },
        },
        "InvalidPayload": {
            "type": "object",
            "description": "The body of an error about members of the request.",
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
    })
}
