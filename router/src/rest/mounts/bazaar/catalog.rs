//! The catalog: stocks, and changes of their shares without an order.

use contract::ErrorCode;

use super::common::{BAD_TRADE, ENTRY, NO_STOCK, OK, STOCK_MODEL, message_member, success};
use super::front::STOCK;
use crate::rest::field::{FieldType, ObjectModel, acknowledgement};
use crate::rest::route::{AccessRule, ErrorRow, RequestBody, ResponseSource, Route, Service, Verb};

/// The catalog.
pub(super) const SERVICE: Service = Service {
    name: "catalog",
    about: "The stocks, and how many shares of each are left.",
    prefixes: &["/catalog"],
    routes: &[LOOKUP, UPDATE],
};

const LOOKUP: Route = Route {
    path: "/lookup/{stockName}",
    name: "lookUpStock",
    response: FieldType::Object(&STOCK_MODEL),
    example: r#"{"name":"GameStart","price":15.99,"quantity":100}"#,
    access: AccessRule::Internal,
    ..STOCK
};

const UPDATE: Route = Route {
    verb: Verb::Post,
    path: "/update",
    name: "updateStock",
    summary: "Takes shares out of the catalog (buy) or puts shares in (sell), without an order",
    operation: "mutation ($stock: String!, $side: Side!, $quantity: Int!, $idempotencyKey: String) {
        adjustStock(stock: $stock, side: $side, quantity: $quantity, idempotencyKey: $idempotencyKey) { id }
    }",
    source: ResponseSource::One("/adjustStock"),
    body: Some(RequestBody::json(&ENTRY)),
    response: FieldType::Object(&UPDATED),
    example: r#"{"success":{"code":200,"message":"successfully updated stock"}}"#,
    errors: &[
        BAD_TRADE,
        NO_STOCK,
        ErrorRow::new(
            ErrorCode::InsufficientStock,
            "failed to update stock",
            "Too few shares are left.",
        ),
        ErrorRow::new(
            ErrorCode::Conflict,
            "failed to update stock",
            "The stock would have more shares than can be counted.",
        ),
    ],
    access: AccessRule::Internal,
    ..Route::BASE
};

static UPDATED: ObjectModel = acknowledgement("Updated", &[success(&UPDATED_SUCCESS)]);

static UPDATED_SUCCESS: ObjectModel =
    acknowledgement("UpdatedSaid", &[OK, message_member(r#""successfully updated stock""#)]);
