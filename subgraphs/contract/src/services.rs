//! The services that a domain is built from.

use std::sync::Arc;

use entities::expiry;

use crate::detach::DetachOnDrop;
use crate::{Bus, Clock, Db, ExpirySchedule, OrderLog, Result, SharedReads, TokenKeys, Tx, TxExt};

/// The most authorizations, and the most orders, that one write expires.
pub const EXPIRED_MAX: u64 = 100;

/// The services that a domain is built from: created once per process, cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The event bus; the one to which `db` publishes the events of its writes.
    pub bus: Arc<dyn Bus>,
    /// The log through which trades with the exchange are executed and numbered.
    pub order_log: Arc<dyn OrderLog>,
    /// The installation's signing keys.
    pub keys: Arc<TokenKeys>,
    /// The time of the next expiry in `db`.
    pub expiry: Arc<ExpirySchedule>,
    /// The rows that subscriptions read from `db` since the last commit.
    pub shared_reads: Arc<SharedReads>,
}

impl Services {
    /// Like [`Db::write`], but the change happens even if the caller stops waiting (hangs up, runs out of time) before
    /// its turn: such a caller gives up the answer, but neither the change nor its events.
    ///
    /// A change publishes its events by [`Tx::publish`] and [`TxExt::invalidate`].
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        F: AsyncFn(&Tx) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let db = self.db.clone();
        DetachOnDrop::new(async move { db.write(change).await }).await
    }

    /// Expires what is overdue, so that readers see the money and shares that this gives back. Call it before
    /// reading or using money, shares, authorizations or orders. When nothing is overdue, it reads at most once for
    /// each commit.
    pub async fn expire_overdue(&self) -> Result<()> {
        loop {
            let now_us = self.clock.now_us();
            if !self.expiry.is_any_overdue(&self.db, now_us).await? {
                return Ok(());
            }
            let expire = async move |tx: &Tx| {
                let expired = expiry::expire(tx, now_us, EXPIRED_MAX).await?;
                tx.invalidate(&expired);
                Ok(expired)
            };
            let expired = self.write(expire).await?;
            if !expired.without_reserve.is_empty() {
                tracing::error!(orders = ?expired.without_reserve, "expired orders have no reserved funds or shares");
            }
        }
    }
}
