//! The types that the engine and the domains share: error codes, the budget of an answer, the format of a scalar, the
//! address of the client, and lists of settings.
//!
//! This crate knows no domain, no entity and no database.

mod budget;
mod client_address;
mod error_code;
mod error_code_set;
mod scalar;
mod settings;
mod text;

pub use budget::{AnswerBudget, AnswerPool, BatchBudget, BatchSum, BudgetError};
pub use client_address::{client_address, client_network, with_client_address};
pub use error_code::{ErrorCode, Fault, UnknownErrorCode};
pub use error_code_set::{ErrorCodeCounts, ErrorCodeSet};
pub use scalar::{Scalar, ScalarError, require_string};
pub use settings::StringList;
pub use text::truncate_chars;
