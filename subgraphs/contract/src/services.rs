//! What a domain is built from.

use std::sync::Arc;

use crate::{Bus, Clock, Db, Error, Event, Result, TokenKeys, Tx};

/// What a domain is built from: made once per process, cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where events go and come from.
    pub bus: Arc<dyn Bus>,
    /// The installation's signing keys.
    pub keys: Arc<TokenKeys>,
}

impl Services {
    /// As [`Db::write`]; publishes the events that `tell` finds in the outcome after the commit.
    ///
    /// A caller who stops waiting (hangs up, runs out of time) gives up the answer, neither the change nor the events:
    /// what is committed is told.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_and_tell<T, F, E>(&self, change: F, tell: impl FnOnce(&T) -> E + Send + 'static) -> Result<T>
    where
        F: AsyncFn(&Tx) -> Result<T> + Send + 'static,
        T: Send + 'static,
        E: IntoIterator<Item = Event>,
    {
        let services = self.clone();
        let written = tokio::spawn(async move {
            let outcome = services.db.write(change).await?;
            for event in tell(&outcome) {
                services.bus.publish(event);
            }
            Ok(outcome)
        });
        written
            .await
            .map_err(|_| Error::Internal("what tells of a write panicked".into()))?
    }
}
