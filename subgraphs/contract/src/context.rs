//! Short names for what every resolver takes out of its context.

use std::sync::Arc;

use async_graphql::Context;

use crate::{AnswerBudget, Db, Event, Result, Services, Viewer};

/// What resolvers reach through their context.
pub trait ContextExt {
    /// Who is asking; [`Viewer::Anonymous`] where the router handed none on.
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

    /// The bytes that the answer may hold; none where the router handed none on.
    fn answer_budget(&self) -> Option<&AnswerBudget>;

    /// Counts bytes of rows that were loaded. Call it with zero before a read that may bring many, so that an answer that
    /// is too large already reads no more.
    ///
    /// # Errors
    /// When the answer may not hold them.
    fn charge(&self, bytes: usize) -> Result<()> {
        self.answer_budget().map_or(Ok(()), |budget| Ok(budget.load(bytes)?))
    }

    /// Tells everyone who listens. Call it after the commit, never inside the transaction.
    fn publish(&self, event: Event) {
        self.services().bus.publish(event);
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
