//! The error responses of the REST interfaces.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use contract::ErrorCode;
use serde_json::Value;

use crate::http::{ENCODED_BODY_MESSAGE, ErrorEnvelope};
use crate::status::{ERROR_CODE_HEADER, status_of};

/// The default of `Retry-After`, in seconds.
const RETRY_AFTER_SECONDS_DEFAULT: u32 = 1;

/// The error of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestError {
    /// The stable code, which gives the status.
    pub code: ErrorCode,
    /// The message for the caller.
    pub message: String,
    /// The members of the request that are wrong, each with the reason; empty for an error that is not about members.
    pub members: Vec<(String, String)>,
    /// Whole seconds to wait, where the graph said so.
    pub retry_after_seconds: Option<u32>,
    /// Whether the effect of the request is unknown: it may have happened, or may still happen. A retry with the same idempotency
    /// key returns the outcome (docs/rest-contract/common.md#unavailable-services).
    pub is_outcome_unknown: bool,
    /// The methods that the path has, when the request's method is not one of them.
    pub allow: Option<String>,
    /// A response header, as name and value, with the media types or encodings that the route accepts.
    pub accepted: Option<&'static (&'static str, &'static str)>,
}

/// Returns the JSON schema of the member that [`RestError::add_outcome`] adds.
fn outcome_schema() -> Value {
    serde_json::json!({
        "type": "string",
        "const": "unknown",
        "description": "Present when the trade may have happened or may still happen: the same request with the same \
            `Idempotency-Key` returns its outcome. Without this member, the failed request has changed nothing and never will.",
    })
}

/// Returns the schemas of an error with a status and a message in the member `error`.
pub fn nested_error_schemas() -> Value {
    serde_json::json!({
        "ErrorBody": {
            "type": "object",
            "required": ["error"],
            "properties": { "error": { "$ref": "#/components/schemas/ErrorDetails" } },
        },
        "ErrorDetails": {
            "type": "object",
            "description": "The error.",
            "required": ["code", "message"],
            "properties": {
                "code": { "type": "integer", "description": "The HTTP status." },
                "message": { "type": "string" },
                "outcome": outcome_schema(),
            },
        },
    })
}

/// The error format of a mount.
#[derive(Clone, Copy)]
pub struct Envelope {
    /// Builds the body of an error.
    pub body: fn(&RestError) -> Value,
    /// Builds the JSON schemas of such a body, by name: that of `ErrorBody`, and those that it refers to.
    pub schemas: fn() -> Value,
}

impl ErrorEnvelope for Envelope {
    fn response(&self, code: ErrorCode, message: &str) -> Response<Body> {
        RestError::new(code, message).response(self)
    }
}

impl RestError {
    /// Creates an error with that code and message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            members: Vec::new(),
            retry_after_seconds: None,
            is_outcome_unknown: false,
            allow: None,
            accepted: None,
        }
    }

    /// Returns 400: one or more members of the request are wrong.
    pub fn invalid(members: Vec<(String, String)>) -> Self {
        let sentences: Vec<String> = members.iter().map(|(name, why)| format!("{name} {why}")).collect();
        Self {
            members,
            ..Self::new(ErrorCode::InvalidInput, sentences.join("; "))
        }
    }

    /// Returns 404: the path matches no route.
    pub fn no_route() -> Self {
        Self::new(ErrorCode::NotFound, "there is no such path")
    }

    /// Returns 405: the path has other methods.
    pub fn wrong_method(allow: String) -> Self {
        Self {
            message: format!("this path answers {allow}"),
            allow: Some(allow),
            ..Self::new(ErrorCode::MethodNotAllowed, "")
        }
    }

    /// Returns 415: the body has a media type that the route does not accept.
    pub fn wrong_media_type(form: bool) -> Self {
        Self {
            accepted: Some(if form {
                &("accept", "application/json, application/x-www-form-urlencoded")
            } else {
                &("accept", "application/json")
            }),
            ..Self::new(ErrorCode::UnsupportedMediaType, "the body must be application/json")
        }
    }

    /// Returns 415: the body is compressed.
    pub fn encoded_body() -> Self {
        Self {
            accepted: Some(&("accept-encoding", "identity")),
            ..Self::new(ErrorCode::UnsupportedMediaType, ENCODED_BODY_MESSAGE)
        }
    }

    /// Returns 500: the server failed, and the log has the reason.
    pub fn internal() -> Self {
        Self::new(ErrorCode::Internal, "something went wrong on our side")
    }

    /// Marks the effect of the request as unknown.
    pub fn with_unknown_outcome(self) -> Self {
        Self {
            is_outcome_unknown: true,
            ..self
        }
    }

    /// Adds `"outcome": "unknown"` to the `error` member of a body where the effect of the request is unknown.
    pub fn add_outcome(&self, mut body: Value) -> Value {
        if self.is_outcome_unknown {
            body["error"]["outcome"] = "unknown".into();
        }
        body
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        status_of(self.code)
    }

    /// Returns the whole response.
    pub fn response(&self, envelope: &Envelope) -> Response<Body> {
        let status = self.status();
        let body = (envelope.body)(self).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ERROR_CODE_HEADER, HeaderValue::from_static(self.code.as_str()));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            let seconds = self.retry_after_seconds.unwrap_or(RETRY_AFTER_SECONDS_DEFAULT);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some((name, accepted)) = self.accepted {
            headers.insert(*name, HeaderValue::from_static(accepted));
        }
        if let Some(allow) = self.allow.as_ref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}
