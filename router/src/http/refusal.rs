//! Requests that are refused before anything ran, and why.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contract::TokenError;
use serde_json::json;

use crate::http::accept::Media;
use crate::rest::{Envelope, Failure};
use crate::status::status_of;

/// Why a request was refused: a code with its status, and a sentence for whoever sent it.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: &'static str,
    message: Cow<'static, str>,
    status: StatusCode,
    allow: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            status: status_of(code),
            allow: None,
        }
    }

    pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("INVALID_INPUT", message)
    }

    pub(super) fn shutting_down() -> Self {
        Self::new("UNAVAILABLE", "the server is shutting down")
    }

    pub(super) fn internal() -> Self {
        Self::new("INTERNAL", "something went wrong on our side")
    }

    /// The method is not for this, but `allow` are.
    pub(super) fn method(message: &'static str, allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new("METHOD_NOT_ALLOWED", message)
        }
    }

    /// The client did not finish sending (408: the graph's own `TIMEOUT` is 504).
    pub(super) fn too_slow_to_send() -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            ..Self::new("TIMEOUT", "the request body took too long to arrive")
        }
    }

    /// The list of GraphQL errors: this one.
    pub(super) fn errors(&self) -> serde_json::Value {
        json!([{ "message": self.message, "extensions": { "code": self.code } }])
    }

    /// The GraphQL response.
    pub(super) fn body(&self) -> Bytes {
        json!({ "errors": self.errors() }).to_string().into()
    }

    pub(super) fn respond(&self, media: Media) -> Response {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, media.content_type());
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        describe(self.status, headers, 1);
        response
    }

    /// The same in the words of a REST mount.
    pub(super) fn respond_as(&self, envelope: &Envelope) -> Response {
        let mut failure = Failure::new(self.code, self.message.clone());
        failure.allow = self.allow.map(str::to_owned);
        let mut response = failure.response(envelope);
        *response.status_mut() = self.status;
        response
    }
}

/// Adds what a status must not be without.
pub(super) fn describe(status: StatusCode, headers: &mut axum::http::HeaderMap, retry_after_seconds: u64) {
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
        }
        _ => {}
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::new("UNAUTHENTICATED", error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.respond(Media::Json)
    }
}

/// What answers where nothing is.
pub(super) async fn not_found() -> Refusal {
    Refusal::new("NOT_FOUND", "there is nothing at this address")
}

/// What answers a method that an address does not know; axum adds `Allow`.
pub(super) async fn method_not_allowed() -> Refusal {
    Refusal::new("METHOD_NOT_ALLOWED", "this address does not know that method")
}
