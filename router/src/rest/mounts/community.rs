//! The community's REST routes (docs/rest-contract/community.md#services): four services that share the mount, because their
//! paths do not collide. Each can have a port of its own.

mod common;
mod message;
mod post;
mod user;
mod vote;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::rest::error::{Envelope, RestError};
use crate::rest::route::Mount;

/// The community: posts, votes, people and their messages.
pub const MOUNT: Mount = Mount {
    name: "community",
    prefix: "/community",
    title: "Community",
    about: "Posts and the votes on them, people and the messages between them.",
    envelope: Envelope {
        body: error_body,
        schemas: error_schemas,
    },
    services: &[post::SERVICE, vote::SERVICE, user::SERVICE, message::SERVICE],
    extra_openapi_paths: &[],
};

fn error_body(error: &RestError) -> Value {
    let status = error.status();
    json!({ "status": status.as_u16(), "error": phrase(status), "message": error.message })
}

/// Returns the reason phrase of RFC 9110.
fn phrase(status: StatusCode) -> &'static str {
    match status {
        // The library still has the phrases of the older RFCs.
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        status => status.canonical_reason().unwrap_or("Error"),
    }
}

fn error_schemas() -> Value {
    json!({ "ErrorBody": {
        "type": "object",
        "required": ["status", "error", "message"],
        "properties": {
            "status": { "type": "integer", "description": "The HTTP status." },
            "error": { "type": "string", "description": "The reason phrase of the HTTP status." },
            "message": { "type": "string" },
        },
    } })
}
