//! The bookstore's REST routes (docs/rest-contract/bookstore.md).

use serde_json::{Value, json};

use super::failure::{Envelope, Failure};
use super::kind::{Bounds, Field, ID, Kind, Model};
use super::reply::{Call, Reply};
use super::route::{Access, Answer, Body, ErrorRow, Invalid, Mount, Param, Place, Route, Service, Verb};

/// The bookstore: a front end, a catalog and an order server.
pub const MOUNT: Mount = Mount {
    name: "bookstore",
    prefix: "/bookstore",
    title: "Bookstore",
    about: "Books to search for, look up and buy: a front end, with the catalog and the orders behind it.",
    envelope: Envelope {
        body: error_body,
        schema: error_schema,
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
    openapi_also: &[],
};

const SEARCH: Route = Route {
    path: "/search/{topic}",
    name: "search",
    summary: "The books whose whole topic equals the given one, ignoring case",
    operation: "query ($topic: String!, $first: Int, $after: String) {
        books(topic: $topic, first: $first, after: $after) { nodes { id title } pageInfo { hasNextPage endCursor } }
    }",
    answer: Answer::All("/books"),
    params: &[Param {
        place: Place::Path,
        field: Field::new("topic", Kind::Text).bounds(Bounds::text(300)),
        invalid: Invalid::Named,
        example: "distributed systems",
    }],
    response: Kind::List(&Kind::Object(&BOOK_FOUND)),
    example: r#"[{"id":1,"title":"How to get a good grade in DOS in 40 minutes a day"},{"id":2,"title":"RPCs for Noobs"}]"#,
    errors: &[ErrorRow::new("INVALID_INPUT", "", "The topic is blank.")],
    ..Route::BASE
};

const INFO: Route = Route {
    path: "/info/{bookId}",
    name: "info",
    summary: "One book",
    operation: "query ($bookId: ID!) { book(id: $bookId) { id title topic quantity price } }",
    answer: Answer::One("/book"),
    params: &[BOOK_ID],
    response: Kind::Object(&BOOK_MODEL),
    example: BOOK_2,
    errors: BOOK_ERRORS,
    ..Route::BASE
};

const PURCHASE: Route = Route {
    verb: Verb::Post,
    path: "/purchase/{bookId}",
    name: "purchase",
    summary: "Buys one copy of a book",
    operation: "mutation ($bookId: ID!, $idempotencyKey: String) {
        purchaseBook(id: $bookId, idempotencyKey: $idempotencyKey) { id title price quantityAfter }
    }",
    answer: Answer::One("/purchaseBook"),
    params: &[BOOK_ID],
    response: Kind::Object(&BOUGHT),
    example: r#"{"success":true,"message":"bought book RPCs for Noobs","orderId":1,"order_id":1,"book":{"id":2,"title":"RPCs for Noobs","price":50,"quantity":9}}"#,
    errors: &[
        BAD_BOOK_ID,
        NO_BOOK,
        ErrorRow::new("INSUFFICIENT_STOCK", "book out of stock", "No copy is left."),
    ],
    access: Access::Attributed,
    reshape: Some(bought),
    ..Route::BASE
};

const HEALTH: Route = Route {
    path: "/health",
    name: "health",
    summary: "Reports that the service responds",
    answer: Answer::Fixed("{}"),
    response: Kind::Object(&HEALTHY),
    example: r#"{"status":"ok"}"#,
    access: Access::Anyone,
    ..Route::BASE
};

const BOOKS: Route = Route {
    path: "/books",
    name: "books",
    summary: "All books",
    operation: "query ($first: Int, $after: String) {
        books(first: $first, after: $after) { nodes { id title topic quantity price } pageInfo { hasNextPage endCursor } }
    }",
    answer: Answer::All("/books"),
    response: Kind::List(&Kind::Object(&BOOK_MODEL)),
    example: r#"[{"id":2,"title":"RPCs for Noobs","topic":"distributed systems","quantity":10,"price":50}]"#,
    ..Route::BASE
};

const BOOK: Route = Route {
    path: "/books/{bookId}",
    name: "book",
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
    answer: Answer::One("/addBook"),
    status: 201,
    location: Some("/books/{id}"),
    body: Some(Body::json(&NEW_BOOK)),
    response: Kind::Object(&BOOK_MODEL),
    example: r#"{"id":8,"title":"Consensus over Coffee","topic":"distributed systems","quantity":3,"price":15.99}"#,
    errors: &[ErrorRow::new("INVALID_INPUT", "", "A member is missing or wrong.")],
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
    answer: Answer::One("/updateBook"),
    params: &[BOOK_ID],
    body: Some(Body::patch(&BOOK_PATCH)),
    response: Kind::Object(&BOOK_MODEL),
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
    answer: Answer::One("/deleteBook"),
    params: &[BOOK_ID],
    response: Kind::Object(&BOOK_DELETED),
    example: r#"{"success":true,"message":"book deleted"}"#,
    errors: BOOK_ERRORS,
    ..Route::BASE
};

const ORDERS: Route = Route {
    path: "/orders",
    name: "orders",
    summary: "All sales, oldest first",
    operation: "query ($first: Int, $after: String) {
        bookPurchases(first: $first, after: $after) { nodes { id bookId title price at } pageInfo { hasNextPage endCursor } }
    }",
    answer: Answer::All("/bookPurchases"),
    response: Kind::List(&Kind::Object(&BOOK_ORDER)),
    example: r#"[{"id":1,"bookId":2,"title":"RPCs for Noobs","book_title":"RPCs for Noobs","price":50,"status":"SUCCESS","created_at":"2026-01-02T03:04:05+00:00"}]"#,
    ..Route::BASE
};

const ORDER: Route = Route {
    path: "/orders/{orderId}",
    name: "order",
    summary: "One sale",
    operation: "query ($orderId: ID!) { bookPurchase(id: $orderId) { id bookId title price at } }",
    answer: Answer::One("/bookPurchase"),
    params: &[Param {
        place: Place::Path,
        field: Field::new("orderId", ID),
        invalid: Invalid::NotFound,
        example: "1",
    }],
    response: Kind::Object(&BOOK_ORDER),
    example: r#"{"id":1,"bookId":2,"title":"RPCs for Noobs","book_title":"RPCs for Noobs","price":50,"status":"SUCCESS","created_at":"2026-01-02T03:04:05+00:00"}"#,
    errors: &[ErrorRow::new("NOT_FOUND", "order not found", "There is no such order.")],
    ..Route::BASE
};

const BOOK_ID: Param = Param {
    place: Place::Path,
    field: Field::new("bookId", ID),
    invalid: Invalid::Saying("invalid book id"),
    example: "2",
};

const BAD_BOOK_ID: ErrorRow = ErrorRow::new(
    "INVALID_INPUT",
    "",
    "The id is not a positive integer; the message is `invalid book id`.",
);
const BAD_BOOK: ErrorRow = ErrorRow::new(
    "INVALID_INPUT",
    "",
    "The id is not a positive integer, or a member is wrong.",
);
const NO_BOOK: ErrorRow = ErrorRow::new("NOT_FOUND", "book not found", "There is no such book.");
const BOOK_ERRORS: &[ErrorRow] = &[BAD_BOOK_ID, NO_BOOK];

const PRICE: Kind = Kind::Money { min_minor: 0 };
const COPIES: Kind = Kind::Quantity {
    min: 0,
    max: i32::MAX as i64,
};
const BOOK_2: &str = r#"{"id":2,"title":"RPCs for Noobs","topic":"distributed systems","quantity":10,"price":50}"#;

static BOOK_FOUND: Model = Model {
    name: "BookFound",
    about: "A book in the result of a search.",
    fields: &[Field::new("id", ID), Field::new("title", Kind::Text)],
    example: "",
};

static BOOK_MODEL: Model = Model {
    name: "Book",
    about: "A book, and how many copies of it are left.",
    fields: &[
        Field::new("id", ID),
        Field::new("title", Kind::Text),
        Field::new("topic", Kind::Text),
        Field::new("quantity", COPIES).about("Copies left."),
        Field::new("price", PRICE).about("The price of one copy, in US dollars."),
    ],
    example: "",
};

static NEW_BOOK: Model = Model {
    name: "NewBook",
    about: "A book to add.",
    fields: &[
        Field::new("title", Kind::Text)
            .at("/input/title")
            .bounds(Bounds::text(300)),
        Field::new("topic", Kind::Text)
            .at("/input/topic")
            .bounds(Bounds::text(300)),
        Field::new("quantity", COPIES).at("/input/quantity"),
        Field::new("price", PRICE).at("/input/price"),
    ],
    example: r#"{"title":"Consensus over Coffee","topic":"distributed systems","quantity":3,"price":15.99}"#,
};

static BOOK_PATCH: Model = Model {
    name: "BookChange",
    about: "New values for some members of a book.",
    fields: &[
        Field::new("title", Kind::Text)
            .at("/input/title")
            .bounds(Bounds::text(300))
            .optional(),
        Field::new("topic", Kind::Text)
            .at("/input/topic")
            .bounds(Bounds::text(300))
            .optional(),
        Field::new("quantity", COPIES).at("/input/quantity").optional(),
        Field::new("price", PRICE).at("/input/price").optional(),
    ],
    example: r#"{"quantity":12}"#,
};

static BOUGHT: Model = Model {
    name: "Bought",
    about: "The result of the purchase of one copy.",
    fields: &[
        Field::new("success", Kind::Const("true")),
        Field::new("message", Kind::Text),
        Field::new("orderId", ID).at("/id"),
        Field::new("order_id", ID).at("/id").about("The same as `orderId`."),
        Field::new("book", Kind::Object(&BOUGHT_BOOK)).at(""),
    ],
    example: "",
};

static BOUGHT_BOOK: Model = Model {
    name: "BoughtBook",
    about: "The book as it was sold.",
    fields: &[
        Field::new("id", ID).at("/bookId"),
        Field::new("title", Kind::Text),
        Field::new("price", PRICE),
        Field::new("quantity", COPIES)
            .at("/quantityAfter")
            .about("Copies left after this sale."),
    ],
    example: "",
};

static BOOK_DELETED: Model = Model {
    name: "BookDeleted",
    about: "The acknowledgement of a deletion.",
    fields: &[
        Field::new("success", Kind::Const("true")),
        Field::new("message", Kind::Const(r#""book deleted""#)),
    ],
    example: "",
};

static BOOK_ORDER: Model = Model {
    name: "Order",
    about: "A sale of one copy.",
    fields: &[
        Field::new("id", ID),
        Field::new("bookId", ID).about("The book's id; the book may have been deleted since."),
        Field::new("title", Kind::Text).about("The title when it was sold."),
        Field::new("book_title", Kind::Text)
            .at("/title")
            .about("The same as `title`."),
        Field::new("price", PRICE).about("The price paid, in US dollars."),
        Field::new("status", Kind::Const(r#""SUCCESS""#)),
        Field::new("created_at", Kind::DateTime).at("/at"),
    ],
    example: "",
};

static HEALTHY: Model = Model {
    name: "Health",
    about: "The service's health.",
    fields: &[Field::new("status", Kind::Const(r#""ok""#))],
    example: "",
};

fn bought(reply: &mut Reply, call: &Call) {
    let title = reply.node["title"].as_str().unwrap_or_default();
    reply.node["message"] = format!("bought book {title}").into();
    // From the path, not from the graph: a replay returns the first response even when the book no longer exists.
    reply.node["bookId"] = call.param("bookId").into();
}

fn error_body(failure: &Failure) -> Value {
    json!({ "success": false, "error": failure.message, "message": failure.message })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["success", "error", "message"],
        "properties": {
            "success": { "type": "boolean", "const": false },
            "error": { "type": "string" },
            "message": { "type": "string", "description": "The same as `error`." },
        },
    })
}
