//! Why a request is refused before it runs.

use serde::Serialize;

use crate::subgraph::{Answer, Outcome};

/// Why a request is refused before it runs: nothing was executed, the answer has no `data`.
///
/// The variant decides `extensions.code`, which is API: clients match on it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// The document is not GraphQL. `GRAPHQL_PARSE_FAILED`
    #[error("{}", first(.0))]
    Parse(Vec<Complaint>),
    /// The document does not fit the schema. `GRAPHQL_VALIDATION_FAILED`
    #[error("{}", first(.0))]
    Validation(Vec<Complaint>),
    /// The document, or what it asks for, is bigger than the limits allow. `QUERY_TOO_COMPLEX`
    #[error("{0}")]
    TooComplex(String),
    /// `operationName` names no operation of the document, or is missing where there are several. `OPERATION_NOT_FOUND`
    #[error("{0}")]
    OperationNotFound(String),
    /// A variable is missing or does not fit its type; the text names it. `INVALID_INPUT`
    #[error("{0}")]
    InvalidInput(String),
    /// A value that its type cannot take; `extensions.field` names it too. `INVALID_INPUT`
    #[error("{}", .0.message)]
    InvalidValue(Box<InvalidValue>),
    /// It came by a way that only queries may come. `METHOD_NOT_ALLOWED`
    #[error("only queries may be sent this way, not a {0}")]
    QueriesOnly(&'static str),
    /// A subscription came by a transport that carries one answer. `SUBSCRIPTION_NOT_SUPPORTED`
    #[error("a subscription needs a WebSocket, server-sent events or a multipart response")]
    Subscription,
    /// Introspection is switched off. `INTROSPECTION_DISABLED`
    #[error("introspection is switched off")]
    Introspection,
    /// Validating and planning took too long. `TIMEOUT`
    #[error("the request took too long to plan")]
    Timeout,
    /// Callers who have not signed in write too much; the number is the seconds to wait. `RATE_LIMITED`
    #[error("callers who have not signed in write too much: try again later, or sign in")]
    RateLimited(u32),
    /// The subgraph refused the subscription, in its own words and with its own code.
    #[error("{}", .1.message)]
    Source(&'static str, Box<async_graphql::ServerError>),
    /// Valid, but the planner cannot plan it; the log says more. `OPERATION_NOT_SUPPORTED`
    #[error("the operation is valid, but it cannot be planned yet: ask for parts of it one by one")]
    NotSupported,
    /// Too many requests wait to be validated or planned. `UNAVAILABLE`
    #[error("too many requests are being planned, try again")]
    Busy,
    /// Our fault; the log says more. `INTERNAL`
    #[error("something went wrong on our side")]
    Internal,
}

/// What is wrong with a document, and where.
#[derive(Clone, Debug, Serialize)]
pub struct Complaint {
    /// What is wrong.
    pub message: String,
    /// Where, in the text as it was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
    /// The argument or member that is wrong, `input.tags[2]`, if one is.
    #[serde(skip)]
    pub field: Option<String>,
}

/// A value that its type cannot take.
#[derive(Clone, Debug, Serialize)]
pub struct InvalidValue {
    /// Where it is: `$price`, or `input.price` for an argument.
    #[serde(skip)]
    pub at: String,
    /// What is wrong.
    pub message: String,
    /// Where it stands in the text, if it is written there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
}

impl InvalidValue {
    /// The value at `at` does not have the format of its scalar.
    pub fn misfit(at: &str, misfit: &contract::Misfit, locations: Vec<Location>) -> Self {
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

    /// What `extensions.field` calls it: as the domains do, without the `$` of a variable.
    pub fn field(&self) -> &str {
        self.at.trim_start_matches('$')
    }
}

impl From<InvalidValue> for Refusal {
    fn from(invalid: InvalidValue) -> Self {
        Self::InvalidValue(Box::new(invalid))
    }
}

/// A place in a document, counted from 1.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// A message shows the names that the document uses.
const MESSAGE_CHARS_MAX: usize = 600;
/// The name of a variable may be as long as the document.
const FIELD_CHARS_MAX: usize = 200;
/// How many complaints one answer lists.
pub const COMPLAINTS_MAX: usize = 20;

impl Refusal {
    /// The stable code that goes out as `extensions.code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Parse(_) => "GRAPHQL_PARSE_FAILED",
            Self::Validation(_) => "GRAPHQL_VALIDATION_FAILED",
            Self::TooComplex(_) => "QUERY_TOO_COMPLEX",
            Self::OperationNotFound(_) => "OPERATION_NOT_FOUND",
            Self::InvalidInput(_) | Self::InvalidValue(_) => "INVALID_INPUT",
            Self::QueriesOnly(_) => "METHOD_NOT_ALLOWED",
            Self::Subscription => "SUBSCRIPTION_NOT_SUPPORTED",
            Self::Introspection => "INTROSPECTION_DISABLED",
            Self::Timeout => "TIMEOUT",
            Self::RateLimited(_) => "RATE_LIMITED",
            Self::Source(code, _) => code,
            Self::NotSupported => "OPERATION_NOT_SUPPORTED",
            Self::Busy => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The response map: `errors`, and no `data`.
    pub fn into_answer(self) -> Answer {
        let code = self.code();
        let mut errors = match &self {
            Self::Source(_, error) => vec![serde_json::json!(error)],
            Self::Parse(complaints) | Self::Validation(complaints) => complaints
                .iter()
                .take(COMPLAINTS_MAX)
                .map(|complaint| {
                    let mut entry = serde_json::json!(complaint);
                    entry["extensions"] = serde_json::json!({ "code": code });
                    if let Some(field) = &complaint.field {
                        entry["extensions"]["field"] = clipped_field(field).into();
                    }
                    entry
                })
                .collect(),
            Self::RateLimited(seconds) => vec![serde_json::json!({
                "message": self.to_string(), "extensions": { "code": code, "retryAfter": seconds }
            })],
            Self::InvalidValue(invalid) => {
                let mut entry = serde_json::json!(invalid);
                entry["extensions"] = serde_json::json!({ "code": code, "field": clipped_field(invalid.field()) });
                vec![entry]
            }
            _ => vec![serde_json::json!({ "message": self.to_string(), "extensions": { "code": code } })],
        };
        for error in &mut errors {
            if let Some(serde_json::Value::String(message)) = error.get_mut("message") {
                contract::clip(message, MESSAGE_CHARS_MAX);
            }
        }
        Answer {
            body: serde_json::json!({ "errors": errors }).to_string().into(),
            outcome: Outcome::Refused(code),
        }
    }
}

fn clipped_field(field: &str) -> String {
    let mut field = field.to_owned();
    contract::clip(&mut field, FIELD_CHARS_MAX);
    field
}

fn first(complaints: &[Complaint]) -> &str {
    complaints
        .first()
        .map_or("the document is not valid", |first| &first.message)
}
