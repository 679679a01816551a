//! The messages of `graphql-transport-ws`.

use bytes::Bytes;
use contract::{ErrorCode, TokenError};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::error::HttpError;
use crate::http::json;
use crate::http::params::RawParams;
use crate::subgraph::{EncodedResponse, ResponseKind};

/// A message from the client: a JSON object, read by [`json::object_from_str`].
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientMessage {
    ConnectionInit {
        #[serde(default, deserialize_with = "json::payload")]
        payload: Option<Map<String, Value>>,
    },
    Ping {
        #[serde(default, deserialize_with = "json::payload")]
        payload: Option<Map<String, Value>>,
    },
    Pong {
        #[serde(default, rename = "payload", deserialize_with = "json::payload")]
        _payload: Option<Map<String, Value>>,
    },
    Subscribe {
        id: String,
        #[serde(deserialize_with = "json::object")]
        payload: RawParams,
    },
    Complete {
        id: String,
    },
}

/// The answer to `connection_init`.
pub(super) const ACK: &str = r#"{"type":"connection_ack"}"#;

/// Encodes the answer to `ping`, with the payload of the ping.
pub(super) fn pong(payload: Option<Map<String, Value>>) -> String {
    match payload {
        Some(payload) => serde_json::json!({ "type": "pong", "payload": payload }).to_string(),
        None => r#"{"type":"pong"}"#.to_owned(),
    }
}

/// Encodes an answer of the operation `id`.
pub(super) fn next(id: &str, body: &Bytes) -> String {
    with_payload("next", id, &String::from_utf8_lossy(body))
}

/// Encodes the end of the operation `id` with these errors.
pub(super) fn error(id: &str, errors: &str) -> String {
    with_payload("error", id, errors)
}

/// Encodes the end of the operation `id`.
pub(super) fn complete(id: &str) -> String {
    serde_json::json!({ "id": id, "type": "complete" }).to_string()
}

fn with_payload(kind: &str, id: &str, payload: &str) -> String {
    let id = Value::from(id);
    format!(r#"{{"id":{id},"type":"{kind}","payload":{payload}}}"#)
}

/// Returns the errors of an answer to a rejected request.
pub(super) fn request_errors(answer: &EncodedResponse) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Body {
        errors: Box<RawValue>,
    }
    let ResponseKind::RequestError(_) = answer.kind else {
        return None;
    };
    let body: Body = serde_json::from_slice(&answer.body).ok()?;
    Some(body.errors)
}

/// The error of one subscription too many.
pub(in crate::http) fn too_many_operations(most: usize) -> HttpError {
    HttpError::new(
        ErrorCode::RateLimited,
        format!("one WebSocket carries at most {most} operations at once"),
    )
}

/// Returns the `authorization` of a `connection_init`, whatever its case.
///
/// # Errors
/// When it is present but not a string, or present in two spellings.
pub(in crate::http) fn authorization(payload: Option<&Map<String, Value>>) -> Result<Option<&str>, ()> {
    let members = payload.into_iter().flatten();
    let mut found = members.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    match (found.next(), found.next()) {
        (None | Some((_, Value::Null)), None) => Ok(None),
        (Some((_, Value::String(value))), None) => Ok(Some(value)),
        _ => Err(()),
    }
}

/// The code and the reason with which the server closes a WebSocket.
#[derive(Clone, Debug)]
pub(in crate::http) struct Close {
    pub(in crate::http) code: u16,
    pub(in crate::http) reason: String,
}

impl Close {
    /// A close frame's reason has at most 123 bytes (RFC 6455, section 5.5).
    const REASON_BYTES_MAX: usize = 123;

    pub(in crate::http) fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        let end = (0..=Self::REASON_BYTES_MAX.min(reason.len()))
            .rev()
            .find(|end| reason.is_char_boundary(*end));
        reason.truncate(end.unwrap_or(0));
        Self { code, reason }
    }

    /// The close of a connection whose client offers another protocol.
    pub(in crate::http) fn protocol() -> Self {
        Self::new(4406, "Subprotocol not acceptable: graphql-transport-ws is spoken here")
    }

    /// The close of a connection without `connection_init`.
    pub(in crate::http) fn initialisation_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// The close of a connection whose caller was valid.
    pub(in crate::http) fn unauthorized(error: &TokenError) -> Self {
        Self::new(4401, format!("Unauthorized: {error}"))
    }

    /// The close of a connection whose `connection_init` identifies no caller.
    pub(in crate::http) fn forbidden(error: &TokenError) -> Self {
        Self::new(4403, format!("Forbidden: {error}"))
    }

    /// The close of a connection whose client does not read in time.
    pub(in crate::http) fn too_slow() -> Self {
        Self::new(1008, "the answers were not read in time")
    }

    /// The close after which nothing is left to say.
    pub(in crate::http) fn normal() -> Self {
        Self::new(1000, "")
    }

    /// The close of all connections while the process ends.
    pub(in crate::http) fn shutting_down() -> Self {
        Self::new(1001, "the server is shutting down")
    }
}
