//! The bookstore's REST routes (docs/rest-contract/bookstore.md).

use contract::ErrorCode;
use serde_json::{Value, json};

use crate::rest::error::{Envelope, RestError};
use crate::rest::field::{Field, FieldType, ID, ObjectModel, ValueBounds};
use crate::rest::reshape::{RequestView, ResponseDraft};
use crate::rest::route::{
    AccessRule, ErrorRow, InvalidParam, Mount, Param, ParamLocation, RequestBody, ResponseSource, Route, Service, Verb,
};

/// The bookstore: a front end, a catalog and an order server.
pub const MOUNT: Mount = Mount {
    name: "bookstore",
    prefix: "/bookstore",
    title: "Bookstore",
    about: "Books to search for, look up and buy: a front end, with the catalog and the orders behind it.",
    envelope: Envelope {
        body: error_body,
        schemas: error_schemas,
    },
    services: &[
        Service {
            name: "front",
            about: "The front end for customers: search, book details and purchases.",
            prefixes: &[""],
            routes: &[SEARCH, INFO, PURCHASE, HEALTH],
        },
        Service {
            name: "catalog",
            about: "The books, and how many copies of each are left.",
            prefixes: &["/catalog"],
            routes: &[SEARCH, INFO, BOOKS, BOOK, ADD_BOOK, UPDATE_BOOK, DELETE_BOOK],
        },
        Service {
            name: "order",
            about: "Purchases, and the record of all sales.",
            prefixes: &["/order"],
            routes: &[PURCHASE, ORDERS, ORDER],
        },
    ],
    extra_openapi_paths: &[],
};

const SEARCH: Route = Route {
    path: "/search/{topic}",
    name: "searchBooks",
    summary: "The books whose whole topic equals the given one, ignoring case",
    operation: "query ($topic: String!, $first: Int, $after: String) {
        books(topic: $topic, first: $first, after: $after) { nodes { id title } pageInfo { hasNextPage endCursor } }
    }",
    source: ResponseSource::All("/books"),
    params: &[Param {
        location: ParamLocation::Path,
        field: Field::new("topic", FieldType::Text).bounds(ValueBounds::text(300)),
        on_invalid: InvalidParam::Named,
        example: "distributed systems",
    }],
    response: FieldType::List(&FieldType::Object(&BOOK_FOUND)),
    example: r#"[{"id":1,"title":"How to get a good grade in DOS in 40 minutes a day"},{"id":2,"title":"RPCs for Noobs"}]"#,
    errors: &[ErrorRow::new(ErrorCode::InvalidInput, "", "The topic is blank.")],
    ..Route::BASE
};

const INFO: Route = Route {
    path: "/info/{bookId}",
    name: "getBookInfo",
    summary: "One book",
    operation: "query ($bookId: ID!) { book(id: $bookId) { id title topic quantity price } }",
    source: ResponseSource::One("/book"),
    params: &[BOOK_ID],
    response: FieldType::Object(&BOOK_MODEL),
    example: BOOK_2,
    errors: BOOK_ERRORS,
    ..Route::BASE
};

const PURCHASE: Route = Route {
    verb: Verb::Post,
    path: "/purchase/{bookId}",
    name: "purchaseBook",
    summary: "Buys one copy of a book",
    operation: "mutation ($bookId: ID!, $idempotencyKey: String) {
        purchaseBook(id: $bookId, idempotencyKey: $idempotencyKey) { id title price quantityAfter }
    }",
    source: ResponseSource::One("/purchaseBook"),
    params: &[BOOK_ID],
    response: FieldType::Object(&BOUGHT),
    example: r#"{"success":true,"message":"bought book RPCs for Noobs","orderId":1,"order_id":1,"book":{"id":2,"title":"RPCs for Noobs","price":50,"quantity":9}}"#,
    errors: &[
        BAD_BOOK_ID,
        NO_BOOK,
        ErrorRow::new(ErrorCode::InsufficientStock, "book out of stock", "No copy is left."),
    ],
    access: AccessRule::Attributed,
    reshape: Some(add_purchase_message),
    ..Route::BASE
};

const HEALTH: Route = Route {
    path: "/health",
    name: "checkHealth",
    summary: "Reports that the service responds",
    source: ResponseSource::Fixed("{}"),
    response: FieldType::Object(&HEALTHY),
    example: r#"{"status":"ok"}"#,
    access: AccessRule::Anyone,
    ..Route::BASE
};

const BOOKS: Route = Route {
    path: "/books",
    name: "listBooks",
    summary: "All books",
    operation: "query ($first: Int, $after: String) {
        books(first: $first, after: $after) { nodes { id title topic quantity price } pageInfo { hasNextPage endCursor } }
    }",
    source: ResponseSource::All("/books"),
    response: FieldType::List(&FieldType::Object(&BOOK_MODEL)),
    example: r#"[{"id":2,"title":"RPCs for Noobs","topic":"distributed systems","quantity":10,"price":50}]"#,
    ..Route::BASE
};

const BOOK: Route = Route {
    path: "/books/{bookId}",
    name: "getBook",
    ..INFO
};

const ADD_BOOK: Route = Route {
    verb: Verb::Post,
    path: "/books",
    name: "addBook",
    summary: "Adds a book",
    operation: "mutation ($input: BookInput!, $idempotencyKey: String) {
        addBook(input: $input, idempotencyKey: $idempotencyKey) { id title topic quantity price }
    }",
    source: ResponseSource::One("/addBook"),
    status: 201,
    location: Some("/books/{id}"),
    body: Some(RequestBody::json(&NEW_BOOK)),
    response: FieldType::Object(&BOOK_MODEL),
    example: r#"{"id":8,"title":"Consensus over Coffee","topic":"distributed systems","quantity":3,"price":15.99}"#,
    errors: &[ErrorRow::new(
        ErrorCode::InvalidInput,
        "",
        "A member is missing or wrong.",
    )],
    ..Route::BASE
};

const UPDATE_BOOK: Route = Route {
    verb: Verb::Put,
    path: "/books/{bookId}",
    aliases: &["/update/{bookId}"],
    name: "updateBook",
    summary: "Changes a book; new values are absolute, and omitted members keep their values",
    operation: "mutation ($bookId: ID!, $input: BookPatch!) {
        updateBook(id: $bookId, input: $input) { id title topic quantity price }
    }",
    source: ResponseSource::One("/updateBook"),
    params: &[BOOK_ID],
    body: Some(RequestBody::patch(&BOOK_PATCH)),
    response: FieldType::Object(&BOOK_MODEL),
    example: r#"{"id":2,"title":"RPCs for Noobs","topic":"distributed systems","quantity":12,"price":50}"#,
    errors: &[BAD_BOOK, NO_BOOK],
    ..Route::BASE
};

const DELETE_BOOK: Route = Route {
    verb: Verb::Delete,
    path: "/books/{bookId}",
    name: "deleteBook",
    summary: "Deletes a book; its sales stay on record",
    operation: "mutation ($bookId: ID!) { deleteBook(id: $bookId) }",
    source: ResponseSource::One("/deleteBook"),
    params: &[BOOK_ID],
    response: FieldType::Object(&BOOK_DELETED),
    example: r#"{"success":true,"message":"book deleted"}"#,
    errors: BOOK_ERRORS,
    ..Route::BASE
};

const ORDERS: Route = Route {
    path: "/orders",
    name: "listOrders",
    summary: "All sales, oldest first",
    operation: "query ($first: Int, $after: String) {
        bookPurchases(first: $first, after: $after) { nodes { id bookId title price at } pageInfo { hasNextPage endCursor } }
    }",
    source: ResponseSource::All("/bookPurchases"),
    response: FieldType::List(&FieldType::Object(&BOOK_ORDER)),
    example: r#"[{"id":1,"bookId":2,"title":"RPCs for Noobs","book_title":"RPCs for Noobs","price":50,"status":"SUCCESS","created_at":"2026-01-02T03:04:05+00:00"}]"#,
    ..Route::BASE
};

const ORDER: Route = Route {
    path: "/orders/{orderId}",
    name: "getOrder",
    summary: "One sale",
    operation: "query ($orderId: ID!) { bookPurchase(id: $orderId) { id bookId title price at } }",
    source: ResponseSource::One("/bookPurchase"),
    params: &[Param {
        location: ParamLocation::Path,
        field: Field::new("orderId", ID),
        on_invalid: InvalidParam::NotFound,
        example: "1",
    }],
    response: FieldType::Object(&BOOK_ORDER),
    example: r#"{"id":1,"bookId":2,"title":"RPCs for Noobs","book_title":"RPCs for Noobs","price":50,"status":"SUCCESS","created_at":"2026-01-02T03:04:05+00:00"}"#,
    errors: &[ErrorRow::new(
        ErrorCode::NotFound,
        "order not found",
        "There is no such order.",
    )],
    ..Route::BASE
};

const BOOK_ID: Param = Param {
    location: ParamLocation::Path,
    field: Field::new("bookId", ID),
    on_invalid: InvalidParam::Message("invalid book id"),
    example: "2",
};

const BAD_BOOK_ID: ErrorRow = ErrorRow::new(
    ErrorCode::InvalidInput,
    "",
    "The id is not a positive integer; the message is `invalid book id`.",
);
const BAD_BOOK: ErrorRow = ErrorRow::new(
    ErrorCode::InvalidInput,
    "",
    "The id is not a positive integer, or a member is wrong.",
);
const NO_BOOK: ErrorRow = ErrorRow::new(ErrorCode::NotFound, "book not found", "There is no such book.");
const BOOK_ERRORS: &[ErrorRow] = &[BAD_BOOK_ID, NO_BOOK];

const PRICE: FieldType = FieldType::Money { min_minor: 0 };
const COPIES: FieldType = FieldType::Quantity {
    min: 0,
    max: i32::MAX as i64,
};
const BOOK_2: &str = r#"{"id":2,"title":"RPCs for Noobs","topic":"distributed systems","quantity":10,"price":50}"#;

static BOOK_FOUND: ObjectModel = ObjectModel {
    name: "BookFound",
    about: "A book in the result of a search.",
    fields: &[Field::new("id", ID), Field::new("title", FieldType::Text)],
    example: "",
};

static BOOK_MODEL: ObjectModel = ObjectModel {
    name: "Book",
    about: "A book, and how many copies of it are left.",
    fields: &[
        Field::new("id", ID),
        Field::new("title", FieldType::Text),
        Field::new("topic", FieldType::Text),
        Field::new("quantity", COPIES).about("Copies left."),
        Field::new("price", PRICE).about("The price of one copy, in US dollars."),
    ],
    example: "",
};

static NEW_BOOK: ObjectModel = ObjectModel {
    name: "NewBook",
    about: "A book to add.",
    fields: &[
        Field::new("title", FieldType::Text)
            .pointer("/input/title")
            .bounds(ValueBounds::text(300)),
        Field::new("topic", FieldType::Text)
            .pointer("/input/topic")
            .bounds(ValueBounds::text(300)),
        Field::new("quantity", COPIES).pointer("/input/quantity"),
        Field::new("price", PRICE).pointer("/input/price"),
    ],
    example: r#"{"title":"Consensus over Coffee","topic":"distributed systems","quantity":3,"price":15.99}"#,
};

static BOOK_PATCH: ObjectModel = ObjectModel {
    name: "BookChange",
    about: "New values for some members of a book.",
    fields: &[
        Field::new("title", FieldType::Text)
            .pointer("/input/title")
            .bounds(ValueBounds::text(300))
            .optional(),
        Field::new("topic", FieldType::Text)
            .pointer("/input/topic")
            .bounds(ValueBounds::text(300))
            .optional(),
        Field::new("quantity", COPIES).pointer("/input/quantity").optional(),
        Field::new("price", PRICE).pointer("/input/price").optional(),
    ],
    example: r#"{"quantity":12}"#,
};

static BOUGHT: ObjectModel = ObjectModel {
    name: "Bought",
    about: "The result of the purchase of one copy.",
    fields: &[
        Field::new("success", FieldType::Const("true")),
        Field::new("message", FieldType::Text),
        Field::new("orderId", ID).pointer("/id").alias("order_id"),
        Field::new("book", FieldType::Object(&BOUGHT_BOOK)).pointer(""),
    ],
    example: "",
};

static BOUGHT_BOOK: ObjectModel = ObjectModel {
    name: "BoughtBook",
    about: "The book as it was sold.",
    fields: &[
        Field::new("id", ID).pointer("/bookId"),
        Field::new("title", FieldType::Text),
        Field::new("price", PRICE),
        Field::new("quantity", COPIES)
            .pointer("/quantityAfter")
            .about("Copies left after this sale."),
    ],
    example: "",
};

static BOOK_DELETED: ObjectModel = ObjectModel {
    name: "BookDeleted",
    about: "The acknowledgement of a deletion.",
    fields: &[
        Field::new("success", FieldType::Const("true")),
        Field::new("message", FieldType::Const(r#""book deleted""#)),
    ],
    example: "",
};

static BOOK_ORDER: ObjectModel = ObjectModel {
    name: "Order",
    about: "A sale of one copy.",
    fields: &[
        Field::new("id", ID),
        Field::new("bookId", ID).about("The book's id; the book may have been deleted since."),
        Field::new("title", FieldType::Text).about("The title when it was sold."),
        Field::new("book_title", FieldType::Text)
            .pointer("/title")
            .about("The same as `title`."),
        Field::new("price", PRICE).about("The price paid, in US dollars."),
        Field::new("status", FieldType::Const(r#""SUCCESS""#)),
        Field::new("created_at", FieldType::DateTime).pointer("/at"),
    ],
    example: "",
};

static HEALTHY: ObjectModel = ObjectModel {
    name: "Health",
    about: "The service's health.",
    fields: &[Field::new("status", FieldType::Const(r#""ok""#))],
    example: "",
};

fn add_purchase_message(reply: &mut ResponseDraft, request_view: &RequestView) {
    let title = reply.node["title"].as_str().unwrap_or_default();
    reply.node["message"] = format!("bought book {title}").into();
    // From the path, not from the graph: a replay returns the first response even when the book no longer exists.
    reply.node["bookId"] = request_view.param("bookId").into();
}

fn error_body(error: &RestError) -> Value {
    json!({ "success": false, "error": error.message, "message": error.message })
}

fn error_schemas() -> Value {
    json!({ "ErrorBody": {
        "type": "object",
        "required": ["success", "error", "message"],
        "properties": {
            "success": { "type": "boolean", "description": "Always `false`." },
            "error": { "type": "string" },
            "message": { "type": "string", "description": "The same as `error`." },
        },
    } })
}
