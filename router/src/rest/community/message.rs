//! The user messaging service: messages from one person to another.

use super::super::kind::{Bounds, Field, ID, Kind, Model, acknowledged};
use super::super::route::{
    Answer, BAD_MEMBER, Body, ErrorRow, Invalid, Param, Place, Route, Service, Verb, missing, path_id,
};
use super::PREFIXES;

/// Messages.
pub const SERVICE: Service = Service {
    name: "messages",
    about: "Messages from one person to another.",
    prefixes: PREFIXES,
    routes: &[SEND, MESSAGE, MESSAGES, DELETE, FAVORITE],
};

/// The selected fields of a message.
macro_rules! message {
    () => {
        "id from { username } to { username } at contents flag favorite"
    };
}

/// A message of the sample data.
macro_rules! to_ben {
    () => {
        r#"{"id":4,"userFrom":"ada","userTo":"ben","timestamp":"2026-01-01T03:04:05+00:00","contents":"What do you think of MenhirCo at this price?","flag":"question","favorite":false}"#
    };
}

const SEND: Route = Route {
    verb: Verb::Post,
    path: "/messages",
    name: "sendMessage",
    summary: "Sends a message",
    operation: concat!(
        "mutation ($from: String!, $to: String!, $contents: String!, $flag: String, $idempotencyKey: String) {
            sendMessage(from: $from, to: $to, contents: $contents, flag: $flag, idempotencyKey: $idempotencyKey) { ",
        message!(),
        " }
        }"
    ),
    answer: Answer::One("/sendMessage"),
    status: 201,
    location: Some("/messages/{id}"),
    body: Some(Body::json(&NEW_MESSAGE)),
    response: Kind::Object(&MESSAGE_MODEL),
    example: r#"{"id":9,"userFrom":"cleo","userTo":"dan","timestamp":"2026-01-02T03:04:05+00:00","contents":"I found your glove.","flag":null,"favorite":false}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new(
            "CONFLICT",
            "",
            "The sender or the receiver does not exist, or no longer does.",
        ),
    ],
    ..Route::BASE
};

const MESSAGE: Route = Route {
    path: "/messages/{id}",
    name: "message",
    summary: "One message",
    operation: concat!("query ($id: ID!) { message(id: $id) { ", message!(), " } }"),
    answer: Answer::One("/message"),
    params: &[MESSAGE_ID],
    response: Kind::Object(&MESSAGE_MODEL),
    example: to_ben!(),
    errors: &[NO_MESSAGE],
    ..Route::BASE
};

const MESSAGES: Route = Route {
    path: "/messages",
    name: "messages",
    summary: "Messages, newest first, by receiver, by whether they are favourites, or both; at least one filter is required",
    operation: concat!(
        "query ($to: String, $favorite: Boolean, $first: Int, $after: String) {
            messages(to: $to, favorite: $favorite, first: $first, after: $after) { nodes { ",
        message!(),
        " } pageInfo { hasNextPage endCursor } }
        }"
    ),
    answer: Answer::All("/messages"),
    cursor_columns: 2,
    params: &[
        Param {
            place: Place::Query,
            field: Field::new("userTo", Kind::Text)
                .at("/to")
                .optional()
                .about("The receiver's username; an unknown user has no messages."),
            invalid: Invalid::Named,
            example: "ben",
        },
        Param {
            place: Place::Query,
            field: Field::new("favorite", Kind::Boolean)
                .optional()
                .about("Whether the receivers marked the messages as favourites."),
            invalid: Invalid::Named,
            example: "false",
        },
    ],
    response: Kind::List(&Kind::Object(&MESSAGE_MODEL)),
    example: concat!("[", to_ben!(), "]"),
    errors: &[ErrorRow::new(
        "INVALID_INPUT",
        "",
        "Both filters are missing, or `favorite` is neither `true` nor `false`.",
    )],
    ..Route::BASE
};

const DELETE: Route = Route {
    verb: Verb::Delete,
    path: "/messages/{id}",
    name: "deleteMessage",
    summary: "Deletes a message for both the sender and the receiver",
    operation: "mutation ($id: ID!) { deleteMessage(id: $id) }",
    answer: Answer::One("/deleteMessage"),
    params: &[MESSAGE_ID],
    response: Kind::Object(&DELETED),
    example: r#"{"message":"Message deleted"}"#,
    errors: &[NO_MESSAGE],
    ..Route::BASE
};

const FAVORITE: Route = Route {
    verb: Verb::Put,
    path: "/messages/{id}/favorite",
    name: "favoriteMessage",
    summary: "Marks a message as a favourite of its receiver; repeating the request changes nothing",
    operation: concat!("mutation ($id: ID!) { favoriteMessage(id: $id) { ", message!(), " } }"),
    answer: Answer::One("/favoriteMessage"),
    params: &[MESSAGE_ID],
    response: Kind::Object(&MESSAGE_MODEL),
    example: r#"{"id":4,"userFrom":"ada","userTo":"ben","timestamp":"2026-01-01T03:04:05+00:00","contents":"What do you think of MenhirCo at this price?","flag":"question","favorite":true}"#,
    errors: &[NO_MESSAGE],
    ..Route::BASE
};

const MESSAGE_ID: Param = path_id("id", "4");
const NO_MESSAGE: ErrorRow = missing("message not found", "The message does not exist or has been deleted.");

static NEW_MESSAGE: Model = Model {
    name: "NewMessage",
    about: "A message to send.",
    fields: &[
        Field::new("userFrom", Kind::Text).at("/from"),
        Field::new("userTo", Kind::Text).at("/to"),
        Field::new("contents", Kind::Text)
            .bounds(Bounds::text(40_000))
            .about("Up to 40,000 characters."),
        Field::new("flag", Kind::Text)
            .bounds(Bounds::optional_text(64))
            .nullable()
            .about("A label that the sender gives the message, up to 64 characters."),
    ],
    example: r#"{"userFrom":"cleo","userTo":"dan","contents":"I found your glove."}"#,
};

static MESSAGE_MODEL: Model = Model {
    name: "Message",
    about: "A message.",
    fields: &[
        Field::new("id", ID),
        Field::new("userFrom", Kind::Text).at("/from/username"),
        Field::new("userTo", Kind::Text).at("/to/username"),
        Field::new("timestamp", Kind::DateTime).at("/at"),
        Field::new("contents", Kind::Text),
        Field::new("flag", Kind::Text).nullable(),
        Field::new("favorite", Kind::Boolean).about("Whether the receiver marked the message as a favourite."),
    ],
    example: "",
};

static DELETED: Model = acknowledged(
    "MessageDeleted",
    &[Field::new("message", Kind::Const(r#""Message deleted""#))],
);
