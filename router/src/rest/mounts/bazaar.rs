//! The bazaar's REST routes (docs/rest-contract/bazaar.md).

mod catalog;
mod common;
mod front;
mod order_service;

use serde_json::{Value, json};

use crate::rest::error::{Envelope, RestError, nested_error_schemas};
use crate::rest::route::Mount;

pub(in crate::rest) use order_service::{SERVICE as ORDER_SERVICE, replica_name, replicas as order_replicas};

/// The bazaar: a front end, a catalog and an order service.
pub const MOUNT: Mount = Mount {
    name: "bazaar",
    prefix: "/bazaar",
    title: "Bazaar",
    about: "Stocks to look up and to trade, and trades to look up: a front end, with the catalog and the order service behind it.",
    envelope: Envelope {
        body: error_body,
        schemas: nested_error_schemas,
    },
    services: &[front::SERVICE, catalog::SERVICE, order_service::SERVICE],
    extra_openapi_paths: &[],
};

fn error_body(error: &RestError) -> Value {
    error.add_outcome(json!({ "error": { "code": error.status().as_u16(), "message": error.message } }))
}
