//! What a request that cannot be served is answered with.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::status::status_of;

/// Seconds a client is asked to wait where nobody knows better.
const RETRY_AFTER_SECONDS_DEFAULT: u32 = 1;

/// Why a request could not be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stable code; its status comes from the one table.
    pub code: Cow<'static, str>,
    /// What the caller reads.
    pub message: String,
    /// Which members of the request are wrong, each with why; empty where it is not about members.
    pub members: Vec<(String, String)>,
    /// Whole seconds to wait, where the graph said so.
    pub retry_after_seconds: Option<u32>,
    /// Whether what was asked for may have happened, or may still: the same key tells later (docs/rest-contract/common.md#unavailable-services).
    pub is_outcome_unknown: bool,
    /// The methods that the path has, where it was the method that is wrong.
    pub allow: Option<String>,
    /// What of the request's form would be accepted instead, as a header says it.
    pub accepted: Option<&'static (&'static str, &'static str)>,
}

/// Why a compressed body is refused.
pub(crate) const ENCODED: &str = "Content-Encoding must be identity: bodies are not decompressed";

/// The JSON schema of the member that [`Failure::tell_outcome`] adds.
pub fn outcome_schema() -> Value {
    serde_json::json!({
        "type": "string",
        "const": "unknown",
        "description": "There when a trade may still happen, or has: sent again under the same `Idempotency-Key`, the request \
            is answered with what became of it. Without this member, an error has changed nothing and never will.",
    })
}

/// How a mount's errors look.
#[derive(Clone, Copy)]
pub struct Envelope {
    /// The body of an error.
    pub body: fn(&Failure) -> Value,
    /// The JSON schema of such a body.
    pub schema: fn() -> Value,
}

impl Failure {
    /// A failure with that code and message.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            members: Vec::new(),
            retry_after_seconds: None,
            is_outcome_unknown: false,
            allow: None,
            accepted: None,
        }
    }

    /// One or more members of the request are wrong.
    pub fn invalid(members: Vec<(String, String)>) -> Self {
        let said: Vec<String> = members.iter().map(|(name, why)| format!("{name} {why}")).collect();
        Self {
            members,
            ..Self::new("INVALID_INPUT", said.join("; "))
        }
    }

    /// Nothing is at this path.
    pub fn no_route() -> Self {
        Self::new("NOT_FOUND", "there is no such path")
    }

    /// The path has other methods.
    pub fn wrong_method(allow: String) -> Self {
        Self {
            message: format!("this path answers {allow}"),
            allow: Some(allow),
            ..Self::new("METHOD_NOT_ALLOWED", "")
        }
    }

    /// The body is of another media type than the route takes.
    pub fn wrong_media_type(form: bool) -> Self {
        Self {
            accepted: Some(match form {
                true => &("accept", "application/json, application/x-www-form-urlencoded"),
                false => &("accept", "application/json"),
            }),
            ..Self::new("UNSUPPORTED_MEDIA_TYPE", "the body must be application/json")
        }
    }

    /// The body is compressed.
    pub fn encoded() -> Self {
        Self {
            accepted: Some(&("accept-encoding", "identity")),
            ..Self::new("UNSUPPORTED_MEDIA_TYPE", ENCODED)
        }
    }

    /// Our fault; the log says more.
    pub fn internal() -> Self {
        Self::new("INTERNAL", "something went wrong on our side")
    }

    /// The same failure of a request that may have happened, or may still.
    pub fn with_unknown_outcome(self) -> Self {
        Self {
            is_outcome_unknown: true,
            ..self
        }
    }

    /// Adds to the `error` member of a body what is known of the outcome, where that is nothing.
    pub fn tell_outcome(&self, mut body: Value) -> Value {
        if self.is_outcome_unknown {
            body["error"]["outcome"] = "unknown".into();
        }
        body
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        status_of(&self.code)
    }

    /// The whole response.
    pub fn response(&self, envelope: &Envelope) -> Response<Body> {
        let status = self.status();
        let body = (envelope.body)(self).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
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
