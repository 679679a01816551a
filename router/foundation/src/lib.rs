//! The types that the engine and the domains share: error codes, the budget of an answer, the format of a scalar, and
//! lists of settings.
//!
//! This crate knows no domain, no entity and no database.

mod budget;
mod error_code;
mod scalar;
mod settings;
mod text;

pub use budget::{AnswerBudget, AnswerPool, BudgetError};
pub use error_code::{ErrorCode, Fault, UnknownErrorCode};
pub use scalar::{Scalar, ScalarError, require_string};
pub use settings::StringList;
pub use text::truncate_chars;
