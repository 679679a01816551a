//! The reasons to end a request before its answer is complete.

use async_graphql::ServerError;
use foundation::{BudgetError, ErrorCode};

use crate::subgraph::{EncodedResponse, ResponseKind, code_of};

/// The reason that a request ends before its answer is complete. The response is this one error, and `data`
/// is null.
#[derive(Debug, PartialEq, Eq)]
pub struct Abort {
    message: String,
    code: ErrorCode,
}

impl Abort {
    /// The request exceeded its time limit.
    pub fn timeout() -> Self {
        Self {
            message: "the request took too long".to_owned(),
            code: ErrorCode::Timeout,
        }
    }

    /// An internal error.
    pub fn internal() -> Self {
        Self {
            message: "something went wrong on our side".to_owned(),
            code: ErrorCode::Internal,
        }
    }

    /// Returns the abort that a subgraph's error requires, if it requires one.
    pub fn of(error: &ServerError) -> Option<Self> {
        let code = code_of(error).filter(|code| *code == ErrorCode::AnswerTooLarge)?;
        Some(Self {
            message: error.message.clone(),
            code,
        })
    }

    /// Returns the code of its error.
    pub fn code(&self) -> ErrorCode {
        self.code
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
            codes: code.into(),
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
