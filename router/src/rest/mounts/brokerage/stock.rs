//! The stock service: the exchange's stocks, people's shares, and orders.

use contract::{ErrorCode, Money};
use serde_json::{Value, json};

use super::common::{AMOUNT, BAD_FILTER, MONEY, SHARES, filter_param, for_each_object};
use crate::rest::field::{Field, FieldType, ID, ObjectModel, QUANTITY, REFERENCE};
use crate::rest::reshape::{RequestView, ResponseDraft};
use crate::rest::route::{
    AccessRule, ErrorRow, Param, RequestBody, ResponseSource, Route, Service, Verb, not_found_row, path_id,
};

/// Stocks, shares and orders.
pub const SERVICE: Service = Service {
    name: "stock",
    about: "The exchange's stocks, people's shares, and orders.",
    prefixes: &[""],
    routes: &[
        STOCKS,
        STOCK,
        HOLDINGS,
        HOLDING,
        COMMIT,
        ORDERS,
        ORDER,
        PLACE_ORDER,
        CANCEL_ORDER,
    ],
};

/// The selected fields of a stock.
macro_rules! stock {
    () => {
        "id name price quantity open high low close volume"
    };
}

/// The selected fields of a holding.
macro_rules! holding {
    () => {
        "id owner { id } stock { id } free committed"
    };
}

/// The selected fields of an order.
macro_rules! order {
    () => {
        "id side stock { id } quantity total fee placedAt status investor { id } broker { id } authorization { id }
            automated limitPrice exchangeOrder { number }"
    };
}

/// A stock of the sample data.
macro_rules! boar {
    () => {
        r#"{"id":3,"name":"BoarCo","price":24.99,"quantity":100,"open":24.99,"high":24.99,"low":24.99,"close":24.99,"volume":0}"#
    };
}

/// Shares of the sample data.
macro_rules! shares {
    () => {
        r#"{"id":2,"userId":1,"stockId":2,"amount":15,"committedAmount":10,"commitedAmount":10}"#
    };
}

/// An order of the sample data.
macro_rules! waiting {
    () => {
        r#"{"id":7,"type":"PURCHASE","stockId":10,"stockAmount":5,"orderPrice":79.15,"fee":0,"date":"2026-01-02T03:04:05+00:00","status":"PENDING","investorId":1,"brokerId":null,"authorizationId":null,"automated":true,"limitPrice":15.83,"exchangeOrderNumber":null}"#
    };
}

const STOCKS: Route = Route {
    path: "/stocks",
    name: "listStocks",
    summary: "All stocks of the exchange",
    operation: concat!(
        "query ($first: Int, $after: String) {
            stocks(first: $first, after: $after) { nodes { ",
        stock!(),
        " } pageInfo { hasNextPage endCursor } }
        }"
    ),
    source: ResponseSource::All("/stocks"),
    response: FieldType::List(&FieldType::Object(&STOCK_MODEL)),
    example: concat!("[", boar!(), "]"),
    access: AccessRule::Anyone,
    ..Route::BASE
};

const STOCK: Route = Route {
    path: "/stocks/{stockId}",
    name: "getStock",
    summary: "One stock",
    operation: concat!("query ($stockId: ID!) { stock(id: $stockId) { ", stock!(), " } }"),
    source: ResponseSource::One("/stock"),
    params: &[path_id("stockId", "3")],
    response: FieldType::Object(&STOCK_MODEL),
    example: boar!(),
    errors: &[NO_STOCK],
    access: AccessRule::Anyone,
    ..Route::BASE
};

const HOLDINGS: Route = Route {
    path: "/stockholdings",
    name: "listStockholdings",
    summary: "The caller's shares, by stock",
    operation: concat!(
        "query ($first: Int, $after: String) {
            me { holdings(first: $first, after: $after) { nodes { ",
        holding!(),
        " } pageInfo { hasNextPage endCursor } } }
        }"
    ),
    source: ResponseSource::All("/me/holdings"),
    response: FieldType::List(&FieldType::Object(&HOLDING_MODEL)),
    example: concat!("[", shares!(), "]"),
    access: AccessRule::Person,
    ..Route::BASE
};

const HOLDING: Route = Route {
    path: "/stockholdings/{stockholdingId}",
    name: "getStockholding",
    summary: "The caller's shares of one stock",
    operation: concat!(
        "query ($stockholdingId: ID!) { holding(id: $stockholdingId) { ",
        holding!(),
        " } }"
    ),
    source: ResponseSource::One("/holding"),
    params: &[HOLDING_ID],
    response: FieldType::Object(&HOLDING_MODEL),
    example: shares!(),
    errors: &[NO_HOLDING],
    access: AccessRule::Bearer,
    ..Route::BASE
};

const COMMIT: Route = Route {
    verb: Verb::Put,
    path: "/stockholdings/{stockholdingId}",
    name: "commitStockholding",
    summary: "Sets how many shares are committed to brokers and moves the difference from or to the free shares; services can do it too",
    operation: concat!(
        "mutation ($stockholdingId: ID!, $committed: Int!) {
            commitShares(holdingId: $stockholdingId, committed: $committed) { ",
        holding!(),
        " }
        }"
    ),
    source: ResponseSource::One("/commitShares"),
    params: &[HOLDING_ID],
    body: Some(RequestBody::json(&HOLDING_CHANGE)),
    response: FieldType::Object(&HOLDING_MODEL),
    example: r#"{"id":2,"userId":1,"stockId":2,"amount":13,"committedAmount":12,"commitedAmount":12}"#,
    errors: &[
        ErrorRow::new(
            ErrorCode::InvalidInput,
            "",
            "The number is missing or wrong: below the number of lent shares, or above the number of free and committed shares.",
        ),
        NO_HOLDING,
    ],
    access: AccessRule::Bearer,
    ..Route::BASE
};

const ORDERS: Route = Route {
    path: "/orders",
    name: "listOrders",
    summary: "The caller's orders, newest first: all orders on an investor's account, or those that a broker placed",
    operation: concat!(
        "query ($side: Side, $status: OrderStatus, $first: Int, $after: String) {
            me { brokerageOrders(side: $side, status: $status, first: $first, after: $after) { nodes { ",
        order!(),
        " } pageInfo { hasNextPage endCursor } } }
        }"
    ),
    source: ResponseSource::All("/me/brokerageOrders"),
    params: &[
        filter_param(Field::new("type", SIDE).pointer("/side"), "PURCHASE"),
        filter_param(Field::new("status", STATUS), "PENDING"),
    ],
    response: FieldType::List(&FieldType::Object(&ORDER_MODEL)),
    example: concat!("[", waiting!(), "]"),
    errors: &[BAD_FILTER],
    access: AccessRule::Person,
    reshape: Some(fill_limit_price),
    ..Route::BASE
};

const ORDER: Route = Route {
    path: "/orders/{orderId}",
    name: "getOrder",
    summary: "One order, for its investor and its broker",
    operation: concat!(
        "query ($orderId: ID!) { brokerageOrder(id: $orderId) { ",
        order!(),
        " } }"
    ),
    source: ResponseSource::One("/brokerageOrder"),
    params: &[ORDER_ID],
    response: FieldType::Object(&ORDER_MODEL),
    example: waiting!(),
    errors: &[NO_ORDER],
    access: AccessRule::Bearer,
    reshape: Some(fill_limit_price),
    ..Route::BASE
};

const PLACE_ORDER: Route = Route {
    verb: Verb::Post,
    path: "/orders",
    name: "placeOrder",
    summary: "Buys or sells shares now, or when the price reaches a limit",
    operation: concat!(
        "mutation ($input: PlaceOrderInput!, $idempotencyKey: String) {
            placeOrder(input: $input, idempotencyKey: $idempotencyKey) { ",
        order!(),
        " }
        }"
    ),
    source: ResponseSource::One("/placeOrder"),
    status: 201,
    location: Some("/orders/{id}"),
    body: Some(RequestBody::json(&NEW_ORDER).with_rule(AUTOMATED_OR_NOT)),
    response: FieldType::Object(&ORDER_MODEL),
    example: r#"{"id":9,"type":"PURCHASE","stockId":4,"stockAmount":3,"orderPrice":24,"fee":0,"date":"2026-01-02T03:04:05+00:00","status":"PENDING","investorId":1,"brokerId":null,"authorizationId":null,"automated":true,"limitPrice":8,"exchangeOrderNumber":null}"#,
    errors: &[
        ErrorRow::new(
            ErrorCode::InvalidInput,
            "",
            "A member is missing or wrong: a broker must send `authorizationId`, an investor must not.",
        ),
        ErrorRow::new(
            ErrorCode::InvalidAutomatedOrder,
            "",
            "Only an investor can place an automated order, without `authorizationId`.",
        ),
        ErrorRow {
            message_prefix: "an automated order",
            ..ErrorRow::new(
                ErrorCode::InvalidAutomatedOrder,
                "authorizationId must be null for an automated order, which is the investor's own",
                "An automated order has no `authorizationId`.",
            )
        },
        ErrorRow::new(ErrorCode::Forbidden, "", "The authorization is not in force."),
        ErrorRow::new(
            ErrorCode::AuthorizationMismatch,
            "",
            "The authorization is for another stock, or for the other kind of order.",
        ),
        NO_STOCK,
        ErrorRow {
            message_prefix: "authorization",
            ..not_found_row(
                "authorization not found",
                "There is no such authorization, or it is not this broker's.",
            )
        },
        ErrorRow::new(ErrorCode::InsufficientFunds, "", "The free balance is too low."),
        ErrorRow::new(ErrorCode::InsufficientShares, "", "Too few shares are free."),
        ErrorRow::new(
            ErrorCode::InsufficientAuthorization,
            "",
            "Too little is left of the authorization.",
        ),
        ErrorRow::new(ErrorCode::InsufficientStock, "", "The exchange has too few shares."),
        ErrorRow::new(
            ErrorCode::Conflict,
            "",
            "The exchange or a wallet cannot hold the resulting amount.",
        ),
    ],
    access: AccessRule::Person,
    reshape: Some(fill_limit_price),
    ..Route::BASE
};

const CANCEL_ORDER: Route = Route {
    verb: Verb::Put,
    path: "/orders/{orderId}",
    name: "cancelOrder",
    summary: "Cancels an order that waits for its limit price; repeating the request changes nothing",
    operation: concat!(
        "mutation ($orderId: ID!) { cancelOrder(id: $orderId) { ",
        order!(),
        " } }"
    ),
    source: ResponseSource::One("/cancelOrder"),
    params: &[ORDER_ID],
    body: Some(RequestBody::json(&ORDER_CHANGE)),
    response: FieldType::Object(&ORDER_MODEL),
    example: r#"{"id":7,"type":"PURCHASE","stockId":10,"stockAmount":5,"orderPrice":79.15,"fee":0,"date":"2026-01-02T03:04:05+00:00","status":"CANCELLED","investorId":1,"brokerId":null,"authorizationId":null,"automated":true,"limitPrice":15.83,"exchangeOrderNumber":null}"#,
    errors: &[
        ErrorRow::new(
            ErrorCode::InvalidInput,
            "",
            "The status is missing or is neither `CANCELLED` nor `CANCELED`.",
        ),
        NO_ORDER,
        ErrorRow::new(ErrorCode::OrderCompleted, "", "The order has been executed."),
    ],
    access: AccessRule::Bearer,
    reshape: Some(fill_limit_price),
    ..Route::BASE
};

const NO_STOCK: ErrorRow = not_found_row("stock not found", "There is no such stock.");
const HOLDING_ID: Param = path_id("stockholdingId", "2");
const NO_HOLDING: ErrorRow = not_found_row("stockholding not found", "The caller has no such stockholding.");
const ORDER_ID: Param = path_id("orderId", "7");
const NO_ORDER: ErrorRow = not_found_row(
    "order not found",
    "There is no such order, or it does not concern the caller.",
);

const SIDE: FieldType =
    FieldType::EnumIgnoringCase(&[("PURCHASE", "BUY"), ("SALE", "SELL"), ("BUY", "BUY"), ("SELL", "SELL")]);
const STATUS: FieldType = FieldType::EnumIgnoringCase(&[
    ("PENDING", "PENDING"),
    ("COMPLETED", "COMPLETED"),
    ("CANCELLED", "CANCELLED"),
    ("CANCELED", "CANCELLED"),
]);
const CANCELLED: FieldType = FieldType::EnumIgnoringCase(&[("CANCELLED", "CANCELLED"), ("CANCELED", "CANCELLED")]);

static STOCK_MODEL: ObjectModel = ObjectModel {
    name: "Stock",
    about: "A stock of the exchange, with the prices and the volume of the current day (UTC).",
    fields: &[
        Field::new("id", ID),
        Field::new("name", FieldType::Text),
        Field::new("price", AMOUNT).about("The current price of one share, in US dollars."),
        Field::new("quantity", SHARES).about("Shares that the exchange has for sale."),
        Field::new("open", AMOUNT),
        Field::new("high", AMOUNT),
        Field::new("low", AMOUNT),
        Field::new("close", AMOUNT),
        Field::new("volume", SHARES).about("Shares traded today."),
    ],
    example: "",
};

static HOLDING_MODEL: ObjectModel = ObjectModel {
    name: "StockHolding",
    about: "A person's shares of one stock. Shares reserved for automated orders are in neither number.",
    fields: &[
        Field::new("id", ID),
        Field::new("userId", ID).pointer("/owner/id"),
        Field::new("stockId", ID).pointer("/stock/id"),
        Field::new("amount", SHARES).pointer("/free").about("Free shares."),
        Field::new("committedAmount", SHARES)
            .pointer("/committed")
            .alias("commitedAmount")
            .about("Shares set aside for brokers or lent to them."),
    ],
    example: "",
};

static HOLDING_CHANGE: ObjectModel = ObjectModel {
    name: "StockHoldingChange",
    about: "The new number of committed shares.",
    fields: &[Field::new("committedAmount", SHARES)
        .pointer("/committed")
        .alias("commitedAmount")
        .about("The total number of committed shares, not a difference.")],
    example: r#"{"committedAmount":12}"#,
};

static ORDER_MODEL: ObjectModel = ObjectModel {
    name: "Order",
    about: "An order to buy or sell shares.",
    fields: &[
        Field::new("id", ID),
        Field::new("type", SIDE).pointer("/side"),
        Field::new("stockId", ID).pointer("/stock/id"),
        Field::new("stockAmount", QUANTITY).pointer("/quantity"),
        Field::new("orderPrice", AMOUNT)
            .pointer("/total")
            .about("The price of all shares, without the fee. For an order that was not executed: at its limit price."),
        Field::new("fee", MONEY)
            .about("The broker's fee: added to the price of a purchase, deducted from the proceeds of a sale."),
        Field::new("date", FieldType::DateTime).pointer("/placedAt"),
        Field::new("status", STATUS),
        Field::new("investorId", ID).pointer("/investor/id"),
        Field::new("brokerId", ID)
            .pointer("/broker/id")
            .nullable()
            .about("The broker who placed the order for the investor; otherwise null."),
        Field::new("authorizationId", ID)
            .pointer("/authorization/id")
            .nullable(),
        Field::new("automated", FieldType::Boolean).about("Whether the order waits, or waited, for its limit price."),
        Field::new("limitPrice", AMOUNT).nullable(),
        Field::new("exchangeOrderNumber", SHARES)
            .pointer("/exchangeOrder/number")
            .nullable()
            .about("The exchange's number of the trade."),
    ],
    example: "",
};

static NEW_ORDER: ObjectModel = ObjectModel {
    name: "NewOrder",
    about: "An order to buy or sell shares.",
    fields: &[
        Field::new("type", SIDE).pointer("/input/side"),
        Field::new("stockId", REFERENCE).pointer("/input/stock"),
        Field::new("stockAmount", QUANTITY).pointer("/input/quantity"),
        Field::new("authorizationId", REFERENCE)
            .pointer("/input/authorization")
            .nullable()
            .about("Required for a broker; an investor must not send one."),
        Field::new("automated", FieldType::Boolean)
            .pointer("/input/automated")
            .optional()
            .about("Whether the order waits for `limitPrice`: it buys at that price or below, and sells at that price or above."),
        Field::new("limitPrice", AMOUNT)
            .pointer("/input/limitPrice")
            .nullable()
            .about("The limit price of one share, in US dollars; required for an automated order."),
    ],
    example: r#"{"type":"PURCHASE","stockId":4,"stockAmount":3,"automated":true,"limitPrice":8}"#,
};

/// An automated order has a limit and no authorization; other orders have no limit.
const AUTOMATED_OR_NOT: &str = r#"{
    "if":{"required":["automated"],"properties":{"automated":{"const":true}}},
    "then":{"required":["limitPrice"],"properties":{"limitPrice":{"type":"number"},"authorizationId":{"type":"null"}}},
    "else":{"properties":{"limitPrice":{"type":"null"}}}
}"#;

static ORDER_CHANGE: ObjectModel = ObjectModel {
    name: "OrderChange",
    about: "The new status of an order.",
    fields: &[Field::new("status", CANCELLED).pointer("")],
    example: r#"{"status":"CANCELLED"}"#,
};

/// Fills in the price of an order that has not been executed: the total at its limit.
fn fill_limit_price(reply: &mut ResponseDraft, _: &RequestView) {
    for_each_object(reply, |order| {
        if order["total"].is_null() {
            order["total"] = total_at_limit(order).unwrap_or_default();
        }
    });
}

fn total_at_limit(order: &Value) -> Option<Value> {
    let limit = &order["limitPrice"];
    let (amount, currency) = (limit["amount"].as_str()?, limit["currency"].as_str()?);
    let one = Money::parse("limitPrice", amount, currency).ok()?;
    let all = Money {
        minor: one.minor.checked_mul(order["quantity"].as_i64()?)?,
        ..one
    };
    Some(json!({ "amount": all.amount(), "currency": currency }))
}
