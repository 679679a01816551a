//! The services that a domain is built from.

use std::sync::Arc;

use entities::expiry;

use crate::{Bus, Clock, Db, Error, Event, Invalidates, OrderLog, Result, TokenKeys, Tx};

/// The most authorizations, and the most orders, that one write expires.
pub const EXPIRED_MAX: u64 = 100;

/// The services that a domain is built from: created once per process, cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The event bus.
    pub bus: Arc<dyn Bus>,
    /// The log through which trades with the exchange are executed and numbered.
    pub order_log: Arc<dyn OrderLog>,
    /// The installation's signing keys.
    pub keys: Arc<TokenKeys>,
}

impl Services {
    /// Like [`Db::write`], and publishes the events that `tell` returns for the outcome. It publishes them after
    /// the commit, in the order of the commits, and before this or any later write is answered. So when a repeated
    /// request is answered first, the events of the change it reports are already published.
    ///
    /// A caller that stops waiting (hangs up, runs out of time) gives up the answer, but neither the change nor the
    /// events: a committed change is always published.
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

    /// Expires what is overdue, so that readers see the money and shares that this gives back. Call it before
    /// reading or using money, shares, authorizations or orders. It costs one index lookup when nothing is overdue.
    pub async fn expire_overdue(&self) -> Result<()> {
        loop {
            let now_us = self.clock.now_us();
            if !expiry::is_any_overdue(self.db.read(), now_us).await? {
                return Ok(());
            }
            let expire = async move |tx: &Tx| Ok(expiry::expire(tx, now_us, EXPIRED_MAX).await?);
            let expired = self.write_and_tell(expire, Invalidates::events).await?;
            if !expired.without_reserve.is_empty() {
                tracing::error!(orders = ?expired.without_reserve, "expired orders have no reserved funds or shares");
            }
        }
    }
}
