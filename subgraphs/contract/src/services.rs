//! What a domain is built from.

use std::sync::Arc;

use entities::expiry;

use crate::{Bus, Changed, Clock, Db, Error, Event, OrderLog, Result, TokenKeys, Tx};

/// How much one write settles of what is due.
pub const SETTLED_MAX: u64 = 100;

/// What a domain is built from: made once per process, cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where events go and come from.
    pub bus: Arc<dyn Bus>,
    /// Where trades with the exchange are carried out and numbered.
    pub orders: Arc<dyn OrderLog>,
    /// The installation's signing keys.
    pub keys: Arc<TokenKeys>,
}

impl Services {
    /// As [`Db::write`]; publishes the events that `tell` finds in the outcome after the commit, in the order of the
    /// commits, and before this or any later write is answered: who repeats a request and is answered first learns
    /// nothing that has not been told.
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
        let (db, bus) = (self.db.clone(), Arc::clone(&self.bus));
        let written = tokio::spawn(async move {
            let publish = move |outcome: &T| tell(outcome).into_iter().for_each(|event| bus.publish(event));
            db.write_then(change, publish).await
        });
        written
            .await
            .map_err(|_| Error::Internal("what waits for a write panicked".into()))?
    }

    /// Settles what is over, so that what it gives back is seen: to be called before money, shares, authorizations or
    /// orders are read or used. Costs one look into an index when nothing is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_due(&self) -> Result<()> {
        loop {
            let now_us = self.clock.now_us();
            if !expiry::is_due(self.db.read(), now_us).await? {
                return Ok(());
            }
            let settle = async move |tx: &Tx| Ok(expiry::settle(tx, now_us, SETTLED_MAX).await?);
            let settled = self.write_and_tell(settle, Changed::events).await?;
            if !settled.uncovered.is_empty() {
                tracing::error!(orders = ?settled.uncovered, "orders are over whose cover is lost");
            }
        }
    }
}
