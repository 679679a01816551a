//! The user messaging service: messages from one person to another.

use contract::ErrorCode;

use super::common::PREFIXES;
use crate::rest::field::{Field, FieldType, ID, ObjectModel, ValueBounds, acknowledgement};
use crate::rest::route::{
    BAD_MEMBER, ErrorRow, InvalidParam, Param, ParamLocation, RequestBody, ResponseSource, Route, Service, Verb,
    not_found_row, path_id,
};

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
    source: ResponseSource::One("/sendMessage"),
    status: 201,
    location: Some("/messages/{id}"),
    body: Some(RequestBody::json(&NEW_MESSAGE)),
    response: FieldType::Object(&MESSAGE_MODEL),
    example: r#"{"id":9,"userFrom":"cleo","userTo":"dan","timestamp":"2026-01-02T03:04:05+00:00","contents":"I found your glove.","flag":null,"favorite":false}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new(
            ErrorCode::Conflict,
            "",
            "The sender or the receiver does not exist, or no longer does.",
        ),
    ],
    ..Route::BASE
};

const MESSAGE: Route = Route {
    path: "/messages/{id}",
    name: "getMessage",
    summary: "One message",
    operation: concat!("query ($id: ID!) { message(id: $id) { ", message!(), " } }"),
    source: ResponseSource::One("/message"),
    params: &[MESSAGE_ID],
    response: FieldType::Object(&MESSAGE_MODEL),
    example: to_ben!(),
    errors: &[NO_MESSAGE],
    ..Route::BASE
};

const MESSAGES: Route = Route {
    path: "/messages",
    name: "listMessages",
    summary: "Messages, newest first, by receiver, by whether they are favourites, or both; at least one filter is required",
    operation: concat!(
        "query ($to: String, $favorite: Boolean, $first: Int, $after: String) {
            messages(to: $to, favorite: $favorite, first: $first, after: $after) { nodes { ",
        message!(),
        " } pageInfo { hasNextPage endCursor } }
        }"
    ),
    source: ResponseSource::All("/messages"),
    cursor_columns: 2,
    params: &[
        Param {
            location: ParamLocation::Query,
            field: Field::new("userTo", FieldType::Text)
                .pointer("/to")
                .optional()
                .about("The receiver's username; an unknown user has no messages."),
            on_invalid: InvalidParam::Named,
            example: "ben",
        },
        Param {
            location: ParamLocation::Query,
            field: Field::new("favorite", FieldType::Boolean)
                .optional()
                .about("Whether the receivers marked the messages as favourites."),
            on_invalid: InvalidParam::Named,
            example: "false",
        },
    ],
    response: FieldType::List(&FieldType::Object(&MESSAGE_MODEL)),
    example: concat!("[", to_ben!(), "]"),
    errors: &[ErrorRow::new(
        ErrorCode::InvalidInput,
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
    source: ResponseSource::One("/deleteMessage"),
    params: &[MESSAGE_ID],
    response: FieldType::Object(&DELETED),
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
    source: ResponseSource::One("/favoriteMessage"),
    params: &[MESSAGE_ID],
    response: FieldType::Object(&MESSAGE_MODEL),
    example: r#"{"id":4,"userFrom":"ada","userTo":"ben","timestamp":"2026-01-01T03:04:05+00:00","contents":"What do you think of MenhirCo at this price?","flag":"question","favorite":true}"#,
    errors: &[NO_MESSAGE],
    ..Route::BASE
};

const MESSAGE_ID: Param = path_id("id", "4");
const NO_MESSAGE: ErrorRow = not_found_row("message not found", "The message does not exist or has been deleted.");

static NEW_MESSAGE: ObjectModel = ObjectModel {
    name: "NewMessage",
    about: "A message to send.",
    fields: &[
        Field::new("userFrom", FieldType::Text).pointer("/from"),
        Field::new("userTo", FieldType::Text).pointer("/to"),
        Field::new("contents", FieldType::Text)
            .bounds(ValueBounds::text(40_000))
            .about("Up to 40,000 characters."),
        Field::new("flag", FieldType::Text)
            .bounds(ValueBounds::optional_text(64))
            .nullable()
            .about("A label that the sender gives the message, up to 64 characters."),
    ],
    example: r#"{"userFrom":"cleo","userTo":"dan","contents":"I found your glove."}"#,
};

static MESSAGE_MODEL: ObjectModel = ObjectModel {
    name: "Message",
    about: "A message.",
    fields: &[
        Field::new("id", ID),
        Field::new("userFrom", FieldType::Text).pointer("/from/username"),
        Field::new("userTo", FieldType::Text).pointer("/to/username"),
        Field::new("timestamp", FieldType::DateTime).pointer("/at"),
        Field::new("contents", FieldType::Text),
        Field::new("flag", FieldType::Text).nullable(),
        Field::new("favorite", FieldType::Boolean).about("Whether the receiver marked the message as a favourite."),
    ],
    example: "",
};

static DELETED: ObjectModel = acknowledgement(
    "MessageDeleted",
    &[Field::new("message", FieldType::Const(r#""Message deleted""#))],
);
