//! The reasons to reject a request before execution (the specification's request errors).

use foundation::ErrorCode;
use serde::Serialize;

use crate::subgraph::{EncodedResponse, ResponseKind};

/// A request error: nothing was executed, and the response has no `data`.
///
/// The variant decides `extensions.code`, which is API: clients match on it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RequestError {
    /// The document is not valid GraphQL syntax. `GRAPHQL_PARSE_FAILED`
    #[error("{}", first_message(.0))]
    Parse(Vec<Diagnostic>),
    /// The document is not valid for the schema. `GRAPHQL_VALIDATION_FAILED`
    #[error("{}", first_message(.0))]
    Validation(Vec<Diagnostic>),
    /// The document or its result exceeds the limits. `QUERY_TOO_COMPLEX`
    #[error("{0}")]
    TooComplex(String),
    /// `operationName` names no operation of the document, or is missing where there are several. `OPERATION_NOT_FOUND`
    #[error("{0}")]
    OperationNotFound(String),
    /// A variable is missing or does not fit its type; the text names it. `INVALID_INPUT`
    #[error("{0}")]
    InvalidInput(String),
    /// A value that is not valid for its type; `extensions.field` names it too. `INVALID_INPUT`
    #[error("{}", .0.message)]
    InvalidValue(Box<InvalidValue>),
    /// A subscription arrived by a transport that carries a single response. `SUBSCRIPTION_NOT_SUPPORTED`
    #[error("a subscription needs a WebSocket, server-sent events or a multipart response")]
    SubscriptionNotSupported,
    /// Introspection is disabled. `INTROSPECTION_DISABLED`
    #[error("introspection is switched off")]
    IntrospectionDisabled,
    /// Validating and planning took too long. `TIMEOUT`
    #[error("the request took too long to plan")]
    Timeout,
    /// The callers who have not signed in exceed their shared rate limit; the number is the seconds to wait.
    /// `RATE_LIMITED`
    #[error("callers who have not signed in write too much: try again later, or sign in")]
    RateLimited(u32),
    /// The subgraph rejected the subscription, with its own message and code.
    #[error("{}", .1.message)]
    SubscriptionRejected(ErrorCode, Box<async_graphql::ServerError>),
    /// The subscription's operation is none of the graph that has replaced the one it began on. The code is that of the reason.
    #[error("the graph has changed, and the subscription has ended: {0}")]
    GraphChanged(Box<RequestError>),
    /// Valid, but the planner cannot plan it; the log has the details. `OPERATION_NOT_SUPPORTED`
    #[error("the operation is valid, but it cannot be planned yet: ask for parts of it one by one")]
    OperationNotSupported,
    /// Too many requests wait to be validated or planned. `UNAVAILABLE`
    #[error("too many requests are being planned, try again")]
    Busy,
    /// Too many queries run on the threads for long operations. `UNAVAILABLE`
    #[error("too many long operations are running, try again")]
    TooManyLong,
    /// An internal error; the log has the details. `INTERNAL`
    #[error("something went wrong on our side")]
    Internal,
}

/// A problem of a document, and its locations.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnostic {
    /// The description of the problem.
    pub message: String,
    /// The locations in the document as the client sent it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
    /// The invalid argument or input field, such as `input.tags[2]`, if there is one.
    #[serde(skip)]
    pub field: Option<String>,
}

/// A value that is not valid for its type.
#[derive(Clone, Debug, Serialize)]
pub struct InvalidValue {
    /// The path of the value: `$price`, or `input.price` for an argument.
    #[serde(skip)]
    pub at: String,
    /// The description of the problem.
    pub message: String,
    /// The locations in the document, if the value is written there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
}

impl InvalidValue {
    /// The value at `at` does not have the format of its scalar.
    pub fn new(at: &str, misfit: &foundation::ScalarError, locations: Vec<Location>) -> Self {
        let at = match misfit.member {
            Some(member) => format!("{at}.{member}"),
            None => at.to_owned(),
        };
        Self {
            message: format!("{at}: {}", misfit.reason),
            at,
            locations,
        }
    }

    /// Returns the value's name in `extensions.field`: the domains' form, without the `$` of a variable.
    pub fn field(&self) -> &str {
        self.at.trim_start_matches('$')
    }
}

impl From<InvalidValue> for RequestError {
    fn from(invalid: InvalidValue) -> Self {
        Self::InvalidValue(Box::new(invalid))
    }
}

/// A location in a document, counted from 1.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// Limits a message, because it includes names from the document.
const MESSAGE_CHARS_MAX: usize = 600;
/// Limits a field name, because the name of a variable may be as long as the document.
const FIELD_CHARS_MAX: usize = 200;
/// The most diagnostics that one response lists.
pub const DIAGNOSTICS_MAX: usize = 20;

impl RequestError {
    /// Returns the stable code for `extensions.code`.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Parse(_) => ErrorCode::GraphqlParseFailed,
            Self::Validation(_) => ErrorCode::GraphqlValidationFailed,
            Self::TooComplex(_) => ErrorCode::QueryTooComplex,
            Self::OperationNotFound(_) => ErrorCode::OperationNotFound,
            Self::InvalidInput(_) | Self::InvalidValue(_) => ErrorCode::InvalidInput,
            Self::SubscriptionNotSupported => ErrorCode::SubscriptionNotSupported,
            Self::IntrospectionDisabled => ErrorCode::IntrospectionDisabled,
            Self::Timeout => ErrorCode::Timeout,
            Self::RateLimited(_) => ErrorCode::RateLimited,
            Self::SubscriptionRejected(code, _) => *code,
            Self::GraphChanged(reason) => reason.code(),
            Self::OperationNotSupported => ErrorCode::OperationNotSupported,
            Self::Busy | Self::TooManyLong => ErrorCode::Unavailable,
            Self::Internal => ErrorCode::Internal,
        }
    }

    /// Returns the response map: `errors`, and no `data`.
    pub fn into_encoded(self) -> EncodedResponse {
        let code = self.code();
        let mut errors = match &self {
            Self::SubscriptionRejected(_, error) => vec![serde_json::json!(error)],
            Self::Parse(diagnostics) | Self::Validation(diagnostics) => diagnostics
                .iter()
                .take(DIAGNOSTICS_MAX)
                .map(|diagnostic| {
                    let mut entry = serde_json::json!(diagnostic);
                    entry["extensions"] = serde_json::json!({ "code": code });
                    if let Some(field) = &diagnostic.field {
                        entry["extensions"]["field"] = truncated_field(field).into();
                    }
                    entry
                })
                .collect(),
            Self::RateLimited(seconds) => vec![serde_json::json!({
                "message": self.to_string(), "extensions": { "code": code, "retryAfter": seconds }
            })],
            Self::InvalidValue(invalid) => {
                let mut entry = serde_json::json!(invalid);
                entry["extensions"] = serde_json::json!({ "code": code, "field": truncated_field(invalid.field()) });
                vec![entry]
            }
            _ => vec![serde_json::json!({ "message": self.to_string(), "extensions": { "code": code } })],
        };
        for error in &mut errors {
            if let Some(serde_json::Value::String(message)) = error.get_mut("message") {
                foundation::truncate_chars(message, MESSAGE_CHARS_MAX);
            }
        }
        EncodedResponse {
            body: serde_json::json!({ "errors": errors }).to_string().into(),
            kind: ResponseKind::RequestError(code),
            codes: code.into(),
        }
    }
}

fn truncated_field(field: &str) -> String {
    let mut field = field.to_owned();
    foundation::truncate_chars(&mut field, FIELD_CHARS_MAX);
    field
}

fn first_message(diagnostics: &[Diagnostic]) -> &str {
    diagnostics
        .first()
        .map_or("the document is not valid", |first| &first.message)
}
