//! The reasons to end a request before its answer is complete.

use async_graphql::{ServerError, Value};
use contract::BudgetError;

use crate::subgraph::{EncodedResponse, ResponseKind};

/// The code of an answer that is larger than allowed.
const TOO_LARGE: &str = "ANSWER_TOO_LARGE";

/// The reason that a request ends before its answer is complete. The response is this one error, and `data`
/// is null.
#[derive(Debug, PartialEq, Eq)]
pub struct Abort {
    message: String,
    code: &'static str,
}

impl Abort {
    /// The request exceeded its time limit.
    pub fn timeout() -> Self {
        Self {
            message: "the request took too long".to_owned(),
            code: "TIMEOUT",
        }
    }

    /// An internal error.
    pub fn internal() -> Self {
        Self {
            message: "something went wrong on our side".to_owned(),
            code: "INTERNAL",
        }
    }

    /// Returns the abort that a subgraph's error requires, if it requires one.
    pub fn of(error: &ServerError) -> Option<Self> {
        let code = error.extensions.as_ref()?.get("code")?;
        (*code == Value::from(TOO_LARGE)).then(|| Self {
            message: error.message.clone(),
            code: TOO_LARGE,
        })
    }

    /// Returns the response map: one error, and `data` is null.
    pub fn into_encoded(self) -> EncodedResponse {
        let Self { message, code } = self;
        let error = serde_json::json!({ "message": message, "extensions": { "code": code } });
        EncodedResponse {
            body: serde_json::json!({ "data": null, "errors": [error] })
                .to_string()
                .into(),
            kind: ResponseKind::NullData,
        }
    }
}

impl From<BudgetError> for Abort {
    fn from(error: BudgetError) -> Self {
        Self {
            message: error.to_string(),
            code: error.code(),
        }
    }
}
