//! The limit on the work of planning one operation.

use std::time::{Duration, Instant};

use crate::supergraph::request_error::RequestError;

/// A reason that an operation has no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanningError {
    /// The search took more steps than the limit.
    TooMuchWork,
    /// Planning exceeded its time limit.
    Timeout,
    /// A selected field cannot be fetched from any subgraph.
    Unreachable,
}

impl From<PlanningError> for RequestError {
    fn from(error: PlanningError) -> Self {
        match error {
            PlanningError::TooMuchWork => Self::TooComplex(
                "the operation has too many possible plans: ask for fewer fields of fewer types".into(),
            ),
            PlanningError::Timeout => Self::Timeout,
            PlanningError::Unreachable => Self::OperationNotSupported,
        }
    }
}

/// The most steps for one operation. A step is the evaluation of one field in one subgraph, or a few costs or routes that are tried: half a
/// microsecond in an optimised build. So a search ends after a quarter of a second, and the ordinary query takes a few hundred steps.
const STEPS_MAX: usize = 500_000;
/// The number of steps between two looks at the clock.
const STEPS_PER_CHECK: usize = 1_024;

/// Counts the steps of a search.
#[derive(Debug)]
pub struct WorkLimit {
    steps: usize,
    deadline: Option<Instant>,
}

impl WorkLimit {
    /// A limit that also ends after `time_max`.
    pub fn new(time_max: Duration) -> Self {
        Self {
            steps: 0,
            deadline: Instant::now().checked_add(time_max),
        }
    }

    /// Counts a step.
    ///
    /// # Errors
    /// When there were too many, or the time is over.
    pub fn step(&mut self) -> Result<(), PlanningError> {
        self.steps(1)
    }

    /// Counts that many steps.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn steps(&mut self, count: usize) -> Result<(), PlanningError> {
        let before = self.steps / STEPS_PER_CHECK;
        self.steps = self.steps.saturating_add(count);
        if self.steps > STEPS_MAX {
            return Err(PlanningError::TooMuchWork);
        }
        let is_checked = self.steps / STEPS_PER_CHECK > before;
        if is_checked && self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(PlanningError::Timeout);
        }
        Ok(())
    }
}
