//! The brokerage's REST routes (docs/rest-contract/brokerage.md#services): three services that share the mount, because their
//! paths do not collide. Each can have a port of its own.

mod authorization;
mod common;
mod stock;
mod user;
mod wallet;

use serde_json::{Value, json};

use crate::rest::error::{Envelope, RestError, nested_error_schemas};
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
    let mut schemas = nested_error_schemas();
    let details = &mut schemas["ErrorDetails"];
    details["required"] = json!(["code", "message", "reason"]);
    details["properties"]["reason"] =
        json!({ "type": "string", "description": "The error's stable code.", "pattern": "^[A-Z_]+$" });
    schemas
}
