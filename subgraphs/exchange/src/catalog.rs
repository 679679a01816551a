//! The table of stocks as the catalog of the replicated order log: a replica that executes a trade itself reserves its
//! shares here.

use contract::{Changed, Error, Services, Tx};
use entities::failed::{Failed, Refusal};
use entities::reservation::{self, EndError, Ended, Names};
use entities::side;
use entities::stock::Which;
use futures_util::FutureExt;
use order_log::order::{Price, Shares, Side};
use order_log::{Catalog, CatalogError, CatalogResult, Reservation};

/// The stocks of this database.
pub struct StockCatalog(Services);

impl StockCatalog {
    /// The catalog over the database of these services; it publishes changes on their event bus.
    pub fn new(services: Services) -> Self {
        Self(services)
    }

    /// Ends a reservation in a transaction of its own, and publishes the stock's change before the replica gets an
    /// answer.
    async fn end(
        &self,
        end: impl AsyncFn(&Tx, i64) -> Result<Ended, EndError> + Send + 'static,
    ) -> Result<(), CatalogError> {
        let now_us = self.0.clock.now_us();
        let end = async move |tx: &Tx| answered(end(tx, now_us).await);
        let tell = |ended: &Result<Ended, CatalogError>| ended.as_ref().map_or_else(|_| Vec::new(), Changed::events);
        let ended = self.0.write_and_tell(end, tell).await.map_err(unavailable)?;
        ended.map(|_| ())
    }
}

impl Catalog for StockCatalog {
    fn reserve<'a>(&'a self, reservation: &'a Reservation, shares: &'a Shares) -> CatalogResult<'a, Price> {
        let (names, shares, now_us) = (reservation.clone(), shares.clone(), self.0.clock.now_us());
        let reserve = async move |tx: &Tx| {
            let names = Names {
                attempt: &names.attempt,
                key: &names.key,
            };
            let which = Which::Name(shares.name.clone());
            answered(reservation::reserve(tx, names, &which, stored(shares.side), shares.quantity, now_us).await)
        };
        async move {
            let tell = |reserved: &Result<_, CatalogError>| match reserved {
                Ok((_, stock)) => Option::<entities::stock::Model>::events(stock),
                Err(_) => Vec::new(),
            };
            let reserved = self.0.write_and_tell(reserve, tell).await.map_err(unavailable)?;
            reserved.map(|(reserved, _)| Price {
                minor: reserved.price_minor,
                currency: reserved.currency,
            })
        }
        .boxed()
    }

    fn confirm<'a>(&'a self, attempt: &'a str, number: i64) -> CatalogResult<'a, ()> {
        let attempt = attempt.to_owned();
        self.end(async move |tx, now_us| reservation::confirm(tx, &attempt, number, now_us).await)
            .boxed()
    }

    fn cancel<'a>(&'a self, attempt: &'a str) -> CatalogResult<'a, ()> {
        let attempt = attempt.to_owned();
        self.end(async move |tx, now_us| reservation::cancel(tx, &attempt, now_us).await)
            .boxed()
    }

    fn reserved<'a>(&'a self, key: Option<&'a str>, limit: usize) -> CatalogResult<'a, Vec<Reservation>> {
        async move {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            let aside = reservation::aside(self.0.db.read(), key, limit).await;
            let aside = aside.map_err(|error| unavailable(error.into()))?;
            let named = aside.into_iter().map(|aside| Reservation {
                attempt: aside.attempt,
                key: aside.log_key,
            });
            Ok(named.collect())
        }
        .boxed()
    }
}

/// The result of a write for the replica. A refusal is a result, too; it has changed nothing.
fn answered<T>(done: Result<T, EndError>) -> contract::Result<Result<T, CatalogError>> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(EndError::Otherwise(state)) => Ok(Err(CatalogError::Finished(state))),
        Err(EndError::Failed(Failed::Refused(refusal))) => Ok(Err(refused(refusal))),
        Err(EndError::Failed(Failed::Database(error))) => Err(error.into()),
    }
}

/// A side as the tables store it.
fn stored(side: Side) -> side::Side {
    match side {
        Side::Buy => side::Side::Buy,
        Side::Sell => side::Side::Sell,
    }
}

fn refused(refusal: Refusal) -> CatalogError {
    match refusal {
        Refusal::NoStock => CatalogError::NoStock,
        Refusal::InsufficientStock => CatalogError::TooFew,
        Refusal::StockFull => CatalogError::TooMany,
        other => CatalogError::Unavailable(format!("{other:?}")),
    }
}

/// Logs the cause here, and tells the replica only that the database fails.
fn unavailable(error: Error) -> CatalogError {
    tracing::error!(error = error.in_full(), "the catalog of the order log failed");
    CatalogError::Unavailable("the database fails".to_owned())
}
