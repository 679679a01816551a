//! The shop's REST routes (CONTRACTS, section 4): a user service and an order service that share the mount, for their
//! paths do not collide. Each can have a port of its own.

mod order;
mod user;

use serde_json::{Map, Value, json};

use super::failure::{Envelope, Failure};
use super::kind::{Field, Kind, Model};
use super::route::{Access, Answer, ErrorRow, Invalid, Mount, Param, Place, Route};

/// The shop: people and their orders.
pub const MOUNT: Mount = Mount {
    name: "shop",
    prefix: "/shop",
    title: "Shop",
    about: "People order products. Products have no routes: they are seen and managed in the graph.",
    envelope: Envelope {
        body: error_body,
        schema: error_schema,
    },
    services: &[user::SERVICE, order::SERVICE],
    openapi_also: &["/swagger.json"],
};

const ID: Kind = Kind::Id { min: 1 };
/// The id of something in a body: any integer may be one, and of most there is nothing.
const REFERENCE: Kind = Kind::Id { min: i64::MIN };

const BAD_MEMBER: ErrorRow = ErrorRow::new("INVALID_INPUT", "", "A member is missing or wrong.");
const NOT_THEIRS: ErrorRow = ErrorRow::new("FORBIDDEN", "", "It is somebody else's.");
const NO_USER: ErrorRow = missing("User not found.", "There is no such user, or none any more.");

/// Each service says that it answers.
const CHECK: Route = Route {
    path: "/api/check",
    name: "check",
    summary: "Says that the service answers",
    answer: Answer::Fixed("{}"),
    response: Kind::Object(&CHECKED),
    example: r#"{"status":"OK"}"#,
    access: Access::Anyone,
    ..Route::BASE
};

static CHECKED: Model = Model {
    name: "Check",
    about: "The service answers.",
    fields: &[Field::new("status", Kind::Const(r#""OK""#))],
    example: "",
};

/// The id in a path; one that cannot be one is nobody's.
const fn path_id(name: &'static str, example: &'static str) -> Param {
    Param {
        place: Place::Path,
        field: Field::new(name, ID),
        invalid: Invalid::NotFound,
        example,
    }
}

/// What is missing, in the words of a route.
const fn missing(message: &'static str, when: &'static str) -> ErrorRow {
    ErrorRow::new("NOT_FOUND", message, when)
}

/// What a route answers that has nothing to show.
const fn acknowledged(name: &'static str, fields: &'static [Field]) -> Model {
    Model {
        name,
        about: "It is done.",
        fields,
        example: "",
    }
}

const REFUSED_PAYLOAD: &str = "Input payload validation failed";

fn error_body(failure: &Failure) -> Value {
    if failure.code != "INVALID_INPUT" {
        return json!({ "response": failure.message });
    }
    let named = failure.members.iter();
    let mut errors: Map<String, Value> = named.map(|(name, why)| (name.clone(), why.as_str().into())).collect();
    // What is wrong with all of it.
    if errors.is_empty() {
        errors.insert("request".to_owned(), failure.message.as_str().into());
    }
    json!({ "errors": errors, "message": REFUSED_PAYLOAD })
}

fn error_schema() -> Value {
    json!({ "oneOf": [
        {
            "type": "object",
            "required": ["response"],
            "properties": { "response": { "type": "string" } },
        },
        {
            "type": "object",
            "required": ["errors", "message"],
            "properties": {
                "errors": {
                    "type": "object",
                    "description": "Why, by member; `request` is all of it.",
                    "additionalProperties": { "type": "string" },
                },
                "message": { "type": "string", "const": REFUSED_PAYLOAD },
            },
        },
    ] })
}
