//! The resources that one answer may use.

use std::sync::Arc;

use foundation::AnswerBudget;
use tokio::time::Instant;

/// The memory and the time that one answer may use.
#[derive(Clone)]
pub struct Allowance {
    /// The bytes that the answer may hold.
    pub budget: Arc<AnswerBudget>,
    /// The time by which the answer must be complete.
    pub deadline: Instant,
}
