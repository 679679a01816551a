//! The order service: the orders of users.

use serde_json::Value;

use super::super::kind::{Field, ID, Kind, Model, REFERENCE, acknowledged};
use super::super::reply::{Call, Reply};
use super::super::route::{Answer, BAD_MEMBER, Body, ErrorRow, Param, Route, Service, Verb, missing, path_id};
use super::{CHECK, NO_USER, NOT_THEIRS};
use crate::rest::QUANTITY;

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
    name: "addOrder",
    summary: "Places an order",
    operation: "mutation ($input: ShopOrderInput!, $idempotencyKey: String) {
        placeShopOrder(input: $input, idempotencyKey: $idempotencyKey) { id }
    }",
    answer: Answer::One("/placeShopOrder"),
    location: Some("/api/order/{id}"),
    body: Some(Body::json(&NEW_ORDER)),
    response: Kind::Object(&PLACED),
    example: r#"{"response":"Order placed successfully"}"#,
    errors: &[
        BAD_MEMBER,
        NOT_THEIRS,
        ErrorRow { of: "user", ..NO_USER },
        NO_PRODUCT,
        NOT_ENOUGH,
    ],
    ..Route::BASE
};

const ORDER: Route = Route {
    path: "/api/order/{order_id}",
    name: "order",
    summary: "One order",
    operation: concat!("query ($order_id: ID!) { shopOrder(id: $order_id) { ", order!(), " } }"),
    answer: Answer::One("/shopOrder"),
    params: &[ORDER_ID],
    response: Kind::Object(&ORDER_MODEL),
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
    answer: Answer::One("/updateShopOrder"),
    params: &[ORDER_ID],
    body: Some(Body::patch(&ORDER_CHANGE)),
    response: Kind::Object(&MODIFIED),
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
    answer: Answer::One("/deleteShopOrder"),
    params: &[ORDER_ID],
    response: Kind::Object(&DELETED),
    example: r#"{"response":"Order deleted successfully"}"#,
    errors: &[NO_ORDER],
    ..Route::BASE
};

const USER_ORDERS: Route = Route {
    path: "/api/userorders/{user_id}",
    name: "userOrders",
    summary: "All orders of a user, oldest first",
    operation: concat!(
        "query ($user_id: ID!, $first: Int, $after: String) {
            user(id: $user_id) { active shopOrders(first: $first, after: $after) { nodes { ",
        order!(),
        " } pageInfo { hasNextPage endCursor } } }
        }"
    ),
    answer: Answer::AllAnd("/user/shopOrders"),
    params: &[path_id("user_id", "4")],
    response: Kind::List(&Kind::Object(&ORDER_MODEL)),
    example: r#"[{"id":2,"user_id":4,"product_id":2,"quantity":1,"date":"2023-11-28"}]"#,
    errors: &[NOT_THEIRS, NO_USER],
    reshape: Some(of_user_in_use),
    ..Route::BASE
};

const ORDER_ID: Param = path_id("order_id", "1");
const NO_ORDER: ErrorRow = missing(
    "Order not found.",
    "The order does not exist or belongs to another person.",
);
const NO_PRODUCT: ErrorRow = ErrorRow {
    of: "product",
    ..missing("Product not found.", "There is no such product.")
};
const NOT_ENOUGH: ErrorRow = ErrorRow::new(
    "INSUFFICIENT_STOCK",
    "Not enough items available.",
    "Too few items of the product are available. Nothing has changed.",
);

const USER_ID: Field = Field::new("user_id", REFERENCE).at("/input/user");
const PRODUCT_ID: Field = Field::new("product_id", REFERENCE).at("/input/product");
const HOW_MANY: Field = Field::new("quantity", QUANTITY).at("/input/quantity");
const DATE: Field = Field::new("date", Kind::Date).at("/input/date").about("`YYYY-MM-DD`.");

static NEW_ORDER: Model = Model {
    name: "NewOrder",
    about: "An order to place.",
    fields: &[USER_ID, PRODUCT_ID, HOW_MANY, DATE],
    example: r#"{"user_id":4,"product_id":1,"quantity":2,"date":"2023-11-28"}"#,
};

static ORDER_CHANGE: Model = Model {
    name: "OrderChange",
    about: "New values for some members of an order.",
    fields: &[
        USER_ID
            .optional()
            .fixed()
            .about("The order's user: the current value is accepted, another one is an error."),
        PRODUCT_ID.optional(),
        HOW_MANY.optional(),
        DATE.optional(),
    ],
    example: r#"{"quantity":3}"#,
};

static ORDER_MODEL: Model = Model {
    name: "Order",
    about: "An order.",
    fields: &[
        Field::new("id", ID),
        Field::new("user_id", ID).at("/user/id"),
        Field::new("product_id", ID).at("/product/id"),
        Field::new("quantity", QUANTITY),
        Field::new("date", Kind::Date),
    ],
    example: "",
};

static PLACED: Model = acknowledged(
    "OrderPlaced",
    &[Field::new("response", Kind::Const(r#""Order placed successfully""#))],
);

static MODIFIED: Model = acknowledged(
    "OrderModified",
    &[Field::new("response", Kind::Const(r#""Order modified successfully""#))],
);

static DELETED: Model = acknowledged(
    "OrderDeleted",
    &[Field::new("response", Kind::Const(r#""Order deleted successfully""#))],
);

/// Reduces the reply to the list of orders, or to `null` when the user's account has been closed.
fn of_user_in_use(reply: &mut Reply, _: &Call) {
    let mut user = reply.node["user"].take();
    reply.node = match user["active"] == true {
        true => user["shopOrders"].take(),
        false => Value::Null,
    };
}
