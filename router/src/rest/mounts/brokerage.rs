//! The brokerage's REST routes (docs/rest-contract/brokerage.md#services): three services that share the mount, because their
//! paths do not collide. Each can have a port of its own.

mod authorization;
mod common;
mod stock;
mod user;
mod wallet;

use serde_json::{Value, json};

use crate::rest::error::{Envelope, RestError, outcome_schema};
use crate::rest::route::Mount;

/// The brokerage: people and authorizations, money, stocks and orders.
pub const MOUNT: Mount = Mount {
    name: "brokerage",
    prefix: "/brokerage",
    title: "Brokerage",
    about: "Investors trade stocks at the exchange, themselves or through brokers whom they authorize.",
    envelope: Envelope {
        body: error_body,
        schemas: error_schemas,
    },
    services: &[user::SERVICE, wallet::SERVICE, stock::SERVICE],
    extra_openapi_paths: &[],
};

fn error_body(error: &RestError) -> Value {
    error.add_outcome(json!({ "error": {
        "code": error.status().as_u16(),
        "message": error.message,
        "reason": error.code,
    } }))
}

fn error_schemas() -> Value {
    json!({
        "ErrorBody": {
            "type": "object",
            "required": ["error"],
            "properties": { "error": { "$ref": "#/components/schemas/ErrorDetails" } },
        },
        "ErrorDetails": {
            "type": "object",
            "description": "The error.",
            "required": ["code", "message", "reason"],
            "properties": {
                "code": { "type": "integer", "description": "The HTTP status." },
                "message": { "type": "string" },
                "reason": { "type": "string", "description": "The error's stable code.", "pattern": "^[A-Z_]+$" },
                "outcome": outcome_schema(),
            },
        },
    })
}
