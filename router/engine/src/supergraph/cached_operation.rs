//! A valid operation with its plans, as the supergraph caches it.

use std::sync::{Arc, Mutex, PoisonError};

use super::plan::model::Plan;
use super::validate::{ConditionValues, ValidOperation};
use crate::subgraph::PreparedOperation;

/// The text of a document and the name of the requested operation.
pub type OperationKey = (Arc<str>, Option<String>);

/// A valid operation and its first few plans.
pub struct CachedOperation {
    /// The operation.
    pub valid: ValidOperation,
    /// The plans, by the values of their conditions. Other plans come from the plan cache by their text, or are made
    /// again.
    plans: Mutex<Vec<(ConditionValues, Arc<Plan>)>>,
}

/// The most plans that an operation stores.
const STORED_PLANS_MAX: usize = 16;

impl PreparedOperation for CachedOperation {
    fn name(&self) -> Option<&str> {
        self.valid.definition.name.as_ref().map(|name| name.as_str())
    }
}

impl std::fmt::Debug for CachedOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedOperation")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl CachedOperation {
    /// An operation without plans.
    pub fn new(valid: ValidOperation) -> Self {
        Self {
            valid,
            plans: Mutex::default(),
        }
    }

    /// Returns the stored plan for these values of the conditions.
    pub fn stored_plan(&self, condition_values: &[bool]) -> Option<Arc<Plan>> {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, plan) = plans.iter().find(|(made_for, _)| made_for == condition_values)?;
        Some(plan.clone())
    }

    /// Stores a plan, up to a small number.
    pub fn store_plan(&self, condition_values: ConditionValues, plan: Arc<Plan>) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() < STORED_PLANS_MAX && plans.iter().all(|(made_for, _)| *made_for != condition_values) {
            plans.push((condition_values, plan));
        }
    }
}
