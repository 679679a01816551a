//! The order service: the orders of users.

use contract::ErrorCode;
use serde_json::Value;

use super::common::{CHECK, NO_USER, NOT_THEIRS};
use crate::rest::field::{Field, FieldType, ID, ObjectModel, QUANTITY, REFERENCE, acknowledgement};
use crate::rest::reshape::{RequestView, ResponseDraft};
use crate::rest::route::{
    BAD_MEMBER, ErrorRow, Param, RequestBody, ResponseSource, Route, Service, Verb, not_found_row, path_id,
};

/// Orders.
pub const SERVICE: Service = Service {
    name: "order",
    about: "Orders: the ordered items are unavailable to other orders until the order is deleted.",
    prefixes: &[""],
    routes: &[CHECK, PLACE, ORDER, UPDATE, DELETE, USER_ORDERS],
};

/// The selected fields of an order.
macro_rules! order {
    () => {
        "id user { id } product { id } quantity date"
    };
}

const PLACE: Route = Route {
    verb: Verb::Post,
    path: "/api/orders",
    name: "placeOrder",
    summary: "Places an order",
    operation: "mutation ($input: ShopOrderInput!, $idempotencyKey: String) {
        placeShopOrder(input: $input, idempotencyKey: $idempotencyKey) { id }
    }",
    source: ResponseSource::One("/placeShopOrder"),
    location: Some("/api/order/{id}"),
    body: Some(RequestBody::json(&NEW_ORDER)),
    response: FieldType::Object(&PLACED),
    example: r#"{"response":"Order placed successfully"}"#,
    errors: &[
        BAD_MEMBER,
        NOT_THEIRS,
        ErrorRow {
            message_prefix: "user",
            ..NO_USER
        },
        NO_PRODUCT,
        NOT_ENOUGH,
    ],
    ..Route::BASE
};

const ORDER: Route = Route {
    path: "/api/order/{order_id}",
    name: "getOrder",
    summary: "One order",
    operation: concat!("query ($order_id: ID!) { shopOrder(id: $order_id) { ", order!(), " } }"),
    source: ResponseSource::One("/shopOrder"),
    params: &[ORDER_ID],
    response: FieldType::Object(&ORDER_MODEL),
    example: r#"{"id":1,"user_id":3,"product_id":1,"quantity":2,"date":"2023-11-28"}"#,
    errors: &[NO_ORDER],
    ..Route::BASE
};

const UPDATE: Route = Route {
    verb: Verb::Put,
    path: "/api/order/{order_id}",
    name: "updateOrder",
    summary: "Changes an order: applies all requested changes, or none",
    operation: "mutation ($order_id: ID!, $input: ShopOrderPatch!) {
        updateShopOrder(id: $order_id, input: $input) { id }
    }",
    source: ResponseSource::One("/updateShopOrder"),
    params: &[ORDER_ID],
    body: Some(RequestBody::patch(&ORDER_CHANGE)),
    response: FieldType::Object(&MODIFIED),
    example: r#"{"response":"Order modified successfully"}"#,
    errors: &[BAD_MEMBER, NO_ORDER, NO_PRODUCT, NOT_ENOUGH],
    ..Route::BASE
};

const DELETE: Route = Route {
    verb: Verb::Delete,
    path: "/api/order/{order_id}",
    name: "deleteOrder",
    summary: "Deletes an order: its items become available again",
    operation: "mutation ($order_id: ID!) { deleteShopOrder(id: $order_id) }",
    source: ResponseSource::One("/deleteShopOrder"),
    params: &[ORDER_ID],
    response: FieldType::Object(&DELETED),
    example: r#"{"response":"Order deleted successfully"}"#,
    errors: &[NO_ORDER],
    ..Route::BASE
};

const USER_ORDERS: Route = Route {
    path: "/api/userorders/{user_id}",
    name: "listOrdersOfUser",
    summary: "All orders of a user, oldest first",
    operation: concat!(
        "query ($user_id: ID!, $first: Int, $after: String) {
            user(id: $user_id) { active shopOrders(first: $first, after: $after) { nodes { ",
        order!(),
        " } pageInfo { hasNextPage endCursor } } }
        }"
    ),
    source: ResponseSource::AllInPlace("/user/shopOrders"),
    params: &[path_id("user_id", "4")],
    response: FieldType::List(&FieldType::Object(&ORDER_MODEL)),
    example: r#"[{"id":2,"user_id":4,"product_id":2,"quantity":1,"date":"2023-11-28"}]"#,
    errors: &[NOT_THEIRS, NO_USER],
    reshape: Some(orders_of_active_user),
    ..Route::BASE
};

const ORDER_ID: Param = path_id("order_id", "1");
const NO_ORDER: ErrorRow = not_found_row(
    "Order not found.",
    "The order does not exist or belongs to another person.",
);
const NO_PRODUCT: ErrorRow = ErrorRow {
    message_prefix: "product",
    ..not_found_row("Product not found.", "There is no such product.")
};
const NOT_ENOUGH: ErrorRow = ErrorRow::new(
    ErrorCode::InsufficientStock,
    "Not enough items available.",
    "Too few items of the product are available. Nothing has changed.",
);

const USER_ID: Field = Field::new("user_id", REFERENCE).pointer("/input/user");
const PRODUCT_ID: Field = Field::new("product_id", REFERENCE).pointer("/input/product");
const HOW_MANY: Field = Field::new("quantity", QUANTITY).pointer("/input/quantity");
const DATE: Field = Field::new("date", FieldType::Date)
    .pointer("/input/date")
    .about("`YYYY-MM-DD`.");

static NEW_ORDER: ObjectModel = ObjectModel {
    name: "NewOrder",
    about: "An order to place.",
    fields: &[USER_ID, PRODUCT_ID, HOW_MANY, DATE],
    example: r#"{"user_id":4,"product_id":1,"quantity":2,"date":"2023-11-28"}"#,
};

static ORDER_CHANGE: ObjectModel = ObjectModel {
    name: "OrderChange",
    about: "New values for some members of an order.",
    fields: &[
        USER_ID
            .optional()
            .immutable()
            .about("The order's user: the current value is accepted, another one is an error."),
        PRODUCT_ID.optional(),
        HOW_MANY.optional(),
        DATE.optional(),
    ],
    example: r#"{"quantity":3}"#,
};

static ORDER_MODEL: ObjectModel = ObjectModel {
    name: "Order",
    about: "An order.",
    fields: &[
        Field::new("id", ID),
        Field::new("user_id", ID).pointer("/user/id"),
        Field::new("product_id", ID).pointer("/product/id"),
        Field::new("quantity", QUANTITY),
        Field::new("date", FieldType::Date),
    ],
    example: "",
};

static PLACED: ObjectModel = acknowledgement(
    "OrderPlaced",
    &[Field::new(
        "response",
        FieldType::Const(r#""Order placed successfully""#),
    )],
);

static MODIFIED: ObjectModel = acknowledgement(
    "OrderModified",
    &[Field::new(
        "response",
        FieldType::Const(r#""Order modified successfully""#),
    )],
);

static DELETED: ObjectModel = acknowledgement(
    "OrderDeleted",
    &[Field::new(
        "response",
        FieldType::Const(r#""Order deleted successfully""#),
    )],
);

/// Reduces the reply to the list of orders, or to `null` when the user's account has been closed.
fn orders_of_active_user(reply: &mut ResponseDraft, _: &RequestView) {
    let mut user = reply.node["user"].take();
    reply.node = if user["active"] == true {
        user["shopOrders"].take()
    } else {
        Value::Null
    };
}
