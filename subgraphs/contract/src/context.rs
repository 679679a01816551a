//! Accessors for the values that every resolver takes from its context.

use std::sync::Arc;

use async_graphql::Context;

use crate::{AnswerBudget, Db, Result, Services, Viewer};

/// Access to the values in a resolver's context.
pub trait ContextExt {
    /// The caller; [`Viewer::Anonymous`] if the router passed none.
    fn viewer(&self) -> &Viewer;
    /// The services of this process.
    fn services(&self) -> &Services;

    /// The database.
    fn db(&self) -> &Db {
        &self.services().db
    }

    /// Microseconds since the epoch.
    fn now_us(&self) -> i64 {
        self.services().clock.now_us()
    }

    /// The byte budget of the answer; `None` if the router passed none.
    fn answer_budget(&self) -> Option<&AnswerBudget>;

    /// Counts bytes of loaded rows. Call it with zero before a read of many rows, so that an answer that is already
    /// too large reads no more.
    ///
    /// # Errors
    /// When the budget of the answer is exceeded.
    fn charge(&self, bytes: usize) -> Result<()> {
        self.answer_budget()
            .map_or(Ok(()), |budget| Ok(budget.charge_rows(bytes)?))
    }
}

impl ContextExt for Context<'_> {
    fn viewer(&self) -> &Viewer {
        self.data_opt::<Viewer>().unwrap_or(&Viewer::Anonymous)
    }

    fn services(&self) -> &Services {
        self.data_unchecked::<Services>()
    }

    fn answer_budget(&self) -> Option<&AnswerBudget> {
        self.data_opt::<Arc<AnswerBudget>>().map(Arc::as_ref)
    }
}
