//! The data and the errors of a running plan.

use std::sync::Arc;

use async_graphql::{PathSegment, Response, ServerError, Value};
use foundation::{AnswerBudget, BudgetError};

use super::field_errors::{FetchError, FieldErrors};
use super::merged_tapes::MergedTapes;
use super::plan::model::{Fetch, ObjectProjection};
use super::tree::{merge, rewrite, rewrite_path};

/// The data and errors fetched so far.
#[derive(Debug)]
pub struct ExecutionState {
    /// The merged trees, an object.
    pub data: Value,
    /// The field errors.
    pub field_errors: FieldErrors,
    /// The data of a query over subgraphs whose answers are tapes, until something needs values; the tree is empty until then.
    pub tapes: Option<MergedTapes>,
}

impl ExecutionState {
    /// The empty state of an answer of that shape, with room for `errors_max` errors.
    pub fn new(errors_max: usize, projection: Arc<ObjectProjection>) -> Self {
        Self {
            data: Value::Object(Default::default()),
            field_errors: FieldErrors::new(errors_max, projection),
            tapes: None,
        }
    }

    /// Converts what is on tapes into values. They count against the budget.
    ///
    /// # Errors
    /// When they exceed it.
    pub fn leave_tapes(&mut self, budget: &AnswerBudget) -> Result<(), BudgetError> {
        if let Some(tapes) = self.tapes.take() {
            merge(&mut self.data, tapes.to_value(budget)?);
        }
        Ok(())
    }

    /// Merges the response to a fetch of root fields.
    pub fn merge_root(&mut self, fetch: &Fetch, response: Response) {
        let mut data = response.data;
        fetch.rewrites.iter().for_each(|change| rewrite(&mut data, change));
        record_errors(&mut self.field_errors, &response.errors, &[], fetch);
        if matches!(data, Value::Object(_)) {
            merge(&mut self.data, data);
        }
    }
}

/// Records a response's errors. An error with a path belongs to that place. An error without a path, or at a field outside
/// of the fetch's keys, is the reason that the fetch's keys are missing.
pub fn record_errors(field_errors: &mut FieldErrors, errors: &[ServerError], at: &[PathSegment], fetch: &Fetch) {
    let is_asked_for = |key: &PathSegment| match key {
        PathSegment::Field(key) => fetch.keys.contains(key),
        PathSegment::Index(_) => false,
    };
    for error in errors {
        let mut inside = error.path.clone();
        let rewrites = fetch.rewrites.iter();
        rewrites.for_each(|change| rewrite_path(&mut inside, change));
        if !inside.first().is_some_and(is_asked_for) {
            let cause = FetchError::from_subgraph(error.clone());
            for key in &fetch.keys {
                let mut path = at.to_vec();
                path.push(PathSegment::Field(key.clone()));
                field_errors.fail(&path, &cause);
            }
            continue;
        }
        let mut listed = ServerError::new(error.message.clone(), None);
        listed.extensions.clone_from(&error.extensions);
        listed.path = at.iter().cloned().chain(inside).collect();
        field_errors.list(listed);
    }
}
