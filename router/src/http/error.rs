//! Requests that are rejected before execution, with the reasons.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contract::{ErrorCode, TokenError};
use serde_json::json;

use crate::http::accept::ResponseMediaType;
use crate::limits::Limits;
use crate::server::BodyError;
use crate::status::status_of;

/// The error format of routes that do not answer GraphQL: that of a REST mount.
pub trait ErrorEnvelope: Sync {
    /// Builds the response with this error.
    fn response(&self, code: ErrorCode, message: &str) -> Response;
}

/// The reason to reject a request: a code with its status, and a message for the client.
#[derive(Clone, Debug)]
pub(super) struct HttpError {
    code: ErrorCode,
    message: Cow<'static, str>,
    status: StatusCode,
    /// Headers that tell the client which request would be accepted.
    headers: &'static [(&'static str, &'static str)],
}

impl HttpError {
    pub(super) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            status: status_of(code),
            headers: &[],
        }
    }

    pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidInput, message)
    }

    pub(super) fn shutting_down() -> Self {
        Self::new(ErrorCode::Unavailable, "the server is shutting down")
    }

    pub(super) fn internal() -> Self {
        Self::new(ErrorCode::Internal, "something went wrong on our side")
    }

    /// The same error with headers that tell which request would be accepted.
    pub(super) fn with_headers(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    /// The same error with another status than its code has.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The error of a request whose body was not received completely.
    pub(super) fn from_body_error(error: BodyError, limits: &Limits) -> Self {
        match error {
            BodyError::TooLarge => {
                let most = limits.body_bytes_max;
                Self::new(
                    ErrorCode::PayloadTooLarge,
                    format!("a request body has at most {most} bytes"),
                )
            }
            // 408: the graph's own `TIMEOUT` is 504.
            BodyError::TooSlow => Self {
                status: StatusCode::REQUEST_TIMEOUT,
                ..Self::new(ErrorCode::Timeout, error.to_string())
            },
            BodyError::Displaced => Self::new(
                ErrorCode::Unavailable,
                "too many request bodies are being received, try again",
            ),
            BodyError::TooManyValues => Self::too_many_values(limits),
            BodyError::Incomplete => Self::invalid("the request body could not be read"),
        }
    }

    pub(super) fn too_many_values(limits: &Limits) -> Self {
        let most = limits.request_values_max;
        Self::invalid(format!("a request holds at most {most} JSON values"))
    }

    /// The error of an unsupported `Expect` header, 417.
    pub(super) fn unsupported_expectation() -> Self {
        Self::new(ErrorCode::ExpectationFailed, "Expect must be 100-continue")
    }

    /// Returns its code.
    pub(super) fn code(&self) -> ErrorCode {
        self.code
    }

    /// Whether it tells a client to send a query instead of its hash.
    pub(super) fn is_persisted_query(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::PersistedQueryNotSupported | ErrorCode::PersistedQueryNotFound
        )
    }

    /// Returns a list of GraphQL errors with this one.
    pub(super) fn errors(&self) -> serde_json::Value {
        json!([{ "message": self.message, "extensions": { "code": self.code } }])
    }

    /// Returns the GraphQL response as a tree.
    pub(super) fn to_tree(&self) -> async_graphql::Response {
        let mut error = async_graphql::ServerError::new(self.message.clone(), None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", self.code.as_str());
        async_graphql::Response::from_errors(vec![error])
    }

    /// Returns the GraphQL response.
    pub(super) fn body(&self) -> Bytes {
        json!({ "errors": self.errors() }).to_string().into()
    }

    pub(super) fn to_response(&self, media: ResponseMediaType) -> Response {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, media.content_type());
        self.add_headers(headers);
        insert_status_headers(self.status, headers, 1);
        response
    }

    /// Returns the response in the error format of the listener's routes.
    pub(super) fn to_response_in(&self, envelope: &dyn ErrorEnvelope) -> Response {
        let mut response = envelope.response(self.code, &self.message);
        *response.status_mut() = self.status;
        self.add_headers(response.headers_mut());
        response
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in self.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
}

/// Adds the headers that a status requires.
pub(super) fn insert_status_headers(status: StatusCode, headers: &mut HeaderMap, retry_after_seconds: u64) {
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

impl From<TokenError> for HttpError {
    fn from(error: TokenError) -> Self {
        Self::new(ErrorCode::Unauthenticated, error.to_string())
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        self.to_response(ResponseMediaType::Json)
    }
}

/// The error of a request to an unknown address.
pub(super) fn nothing_here() -> HttpError {
    HttpError::new(ErrorCode::NotFound, "there is nothing at this address")
}

/// Answers a method that an address does not support; axum adds `Allow`.
pub(super) async fn method_not_allowed() -> HttpError {
    HttpError::new(ErrorCode::MethodNotAllowed, "this address does not support this method")
}
