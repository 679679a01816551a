//! The resources that one answer may use.

use std::sync::Arc;

use foundation::AnswerBudget;
use tokio::time::Instant;

use crate::execution_trace::ExecutionTrace;

/// The memory and the time that one answer may use.
#[derive(Clone)]
pub struct Allowance {
    /// The bytes that the answer may hold.
    pub budget: Arc<AnswerBudget>,
    /// The time by which the answer must be complete.
    pub deadline: Instant,
    /// Notes what the answer takes, for a caller that asks to see it.
    pub trace: Option<Arc<ExecutionTrace>>,
}
