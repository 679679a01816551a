//! The front end: stocks to look up, and trades to make and to look up.

use contract::ErrorCode;

use super::common::{
    BAD_TRADE, ENTRY, NO_REPLICA, NO_STOCK, NUMBER, OK, ORDER_MODEL, STOCK_MODEL, STOCK_NAME, TOO_FEW, TOO_MANY,
    TRADED, message_member, success,
};
use crate::rest::field::{Field, FieldType, ObjectModel, acknowledgement};
use crate::rest::route::{
    AccessRule, ErrorRow, InvalidParam, Param, ParamLocation, RequestBody, ResponseSource, Route, Service, Verb,
};

/// The front end.
pub(super) const SERVICE: Service = Service {
    name: "front",
    about: "The front end for traders: stocks and trades.",
    prefixes: &[""],
    routes: &[STOCK, TRADE, ORDER, INVALIDATE],
};

pub(super) const STOCK: Route = Route {
    path: "/stocks/{stockName}",
    name: "getStock",
    summary: "One stock",
    operation: "query ($stockName: String!) { stock(name: $stockName) { name price quantity } }",
    source: ResponseSource::One("/stock"),
    params: &[STOCK_NAME],
    response: FieldType::Object(&STOCK_SHOWN),
    example: r#"{"data":{"name":"GameStart","price":15.99,"quantity":100}}"#,
    errors: &[NO_STOCK],
    ..Route::BASE
};

pub(super) const TRADE: Route = Route {
    verb: Verb::Post,
    path: "/orders",
    name: "placeOrder",
    summary: "Buys shares from the bazaar, or sells shares to it",
    operation: "mutation ($stock: String!, $side: Side!, $quantity: Int!, $trader: ID, $idempotencyKey: String) {
        trade(stock: $stock, side: $side, quantity: $quantity, trader: $trader, idempotencyKey: $idempotencyKey) { number }
    }",
    source: ResponseSource::One("/trade"),
    body: Some(RequestBody::json_or_form(&ENTRY)),
    response: FieldType::Object(&TRADED_SHOWN),
    example: r#"{"data":{"order_number":6,"transaction-number":6,"transaction_number":6}}"#,
    errors: &[
        BAD_TRADE,
        ErrorRow::new(
            ErrorCode::NotFound,
            "requested stock could not be traded because it could not be found",
            "There is no such stock.",
        ),
        TOO_FEW,
        TOO_MANY,
        NO_REPLICA,
    ],
    access: AccessRule::OnBehalf,
    ..Route::BASE
};

pub(super) const ORDER: Route = Route {
    path: "/orders/{orderNum}",
    name: "getOrder",
    summary: "One trade, by its number",
    operation: "query ($orderNum: Int!) { exchangeOrder(number: $orderNum) { number stock { name } quantity side } }",
    source: ResponseSource::One("/exchangeOrder"),
    params: &[ORDER_NUMBER],
    response: FieldType::Object(&ORDER_SHOWN),
    example: r#"{"data":{"number":0,"name":"GameStart","quantity":40,"type":"buy"}}"#,
    errors: &[NO_ORDER, NO_REPLICA],
    ..Route::BASE
};

const INVALIDATE: Route = Route {
    verb: Verb::Post,
    path: "/invalidate/{stockName}",
    name: "invalidateStock",
    summary: "Removes a stock from the cache; succeeds even if the stock is not cached",
    operation: "mutation ($stockName: String!) { invalidateStock(stock: $stockName) }",
    source: ResponseSource::One("/invalidateStock"),
    params: &[STOCK_NAME],
    response: FieldType::Object(&INVALIDATED),
    example: r#"{"success":{"code":200,"message":"successfully removed stock"}}"#,
    errors: &[NO_STOCK],
    access: AccessRule::Internal,
    ..Route::BASE
};

const ORDER_NUMBER: Param = Param {
    location: ParamLocation::Path,
    field: Field::new("orderNum", NUMBER),
    on_invalid: InvalidParam::NotFound,
    example: "0",
};

const NO_ORDER: ErrorRow = ErrorRow::new(
    ErrorCode::NotFound,
    "could not find order with number {orderNum}",
    "No trade has this number.",
);

static STOCK_SHOWN: ObjectModel = ObjectModel {
    name: "StockShown",
    about: "A stock.",
    fields: &[Field::new("data", FieldType::Object(&STOCK_MODEL)).pointer("")],
    example: "",
};

static TRADED_SHOWN: ObjectModel = ObjectModel {
    name: "TradedShown",
    about: "The number that the trade got.",
    fields: &[Field::new("data", FieldType::Object(&TRADED)).pointer("")],
    example: "",
};

static ORDER_SHOWN: ObjectModel = ObjectModel {
    name: "OrderShown",
    about: "A trade.",
    fields: &[Field::new("data", FieldType::Object(&ORDER_MODEL)).pointer("")],
    example: "",
};

static INVALIDATED: ObjectModel = acknowledgement("Invalidated", &[success(&INVALIDATED_SUCCESS)]);

static INVALIDATED_SUCCESS: ObjectModel = acknowledgement(
    "InvalidatedSaid",
    &[OK, message_member(r#""successfully removed stock""#)],
);
