//! Short names for what every resolver takes out of its context.

use async_graphql::Context;

use crate::{Db, Event, Services, Viewer};

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
}
