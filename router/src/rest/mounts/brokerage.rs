//! The brokerage's REST routes (docs/rest-contract/brokerage.md#services): three services that share the mount, because their
//! paths do not collide. Each can have a port of its own.

mod stock;
mod user;
mod wallet;

use contract::ErrorCode;
use serde_json::{Value, json};

use crate::rest::error::{Envelope, RestError, outcome_schema};
use crate::rest::field::{Field, FieldType};
use crate::rest::reply::ResponseDraft;
use crate::rest::route::{ErrorRow, InvalidParam, Mount, Param, ParamLocation};

/// The brokerage: people and authorizations, money, stocks and orders.
pub const MOUNT: Mount = Mount {
    name: "brokerage",
    prefix: "/brokerage",
    title: "Brokerage",
    about: "Investors trade stocks at the exchange, themselves or through brokers whom they authorize.",
    envelope: Envelope {
        body: error_body,
        schema: error_schema,
    },
    services: &[user::SERVICE, wallet::SERVICE, stock::SERVICE],
    extra_openapi_paths: &[],
};

/// An amount that may be 0.
const MONEY: FieldType = FieldType::Money { min_minor: 0 };
/// An amount above 0.
const AMOUNT: FieldType = FieldType::Money { min_minor: 1 };
/// A number of shares that may be 0.
const SHARES: FieldType = FieldType::Quantity {
    min: 0,
    max: i32::MAX as i64,
};

const BAD_FILTER: ErrorRow = ErrorRow::new(
    ErrorCode::InvalidInput,
    "",
    "The filter is not one of the permitted values.",
);

/// Returns an optional query parameter.
const fn filter_param(field: Field, example: &'static str) -> Param {
    Param {
        location: ParamLocation::Query,
        field: field.optional(),
        on_invalid: InvalidParam::Named,
        example,
    }
}

/// Applies a change to the reply's object, or to each object of its list.
fn for_each_object(reply: &mut ResponseDraft, change: impl Fn(&mut Value)) {
    match &mut reply.node {
        Value::Array(nodes) => nodes.iter_mut().for_each(change),
        node => change(node),
    }
}

/// Whether an amount of the graph is in the only currency of the mount; a value that is no amount is not.
fn is_in_dollars(amount: &Value) -> bool {
    amount.is_null() || amount["currency"] == "USD"
}

fn error_body(error: &RestError) -> Value {
    error.add_outcome(json!({ "error": {
        "code": error.status().as_u16(),
        "message": error.message,
        "reason": error.code,
    } }))
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message", "reason"],
            "properties": {
                "code": { "type": "integer", "description": "The HTTP status." },
                "message": { "type": "string" },
                "reason": { "type": "string", "description": "The error's stable code.", "pattern": "^[A-Z_]+$" },
                "outcome": outcome_schema(),
            },
        } },
    })
}
