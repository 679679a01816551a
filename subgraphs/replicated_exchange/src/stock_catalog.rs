//! The table of stocks as the catalog of the replicated order log: a replica that executes a trade itself reserves its
//! shares here.

use contract::{Error, Services, Tx, TxExt};
use entities::error::{EntityError, Violation};
use entities::reservation::{self, ReservationEnd, ReservationError, TradeIds};
use entities::side;
use entities::stock::StockRef;
use futures_util::FutureExt;
use order_log::command::{Price, Shares, TradeSide};
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
        end: impl AsyncFn(&Tx, i64) -> Result<ReservationEnd, ReservationError> + Send + 'static,
    ) -> Result<(), CatalogError> {
        let now_us = self.0.clock.now_us();
        let end = async move |tx: &Tx| {
            let ended = end(tx, now_us).await;
            to_catalog_result(ended.map(|ended| tx.invalidate(&ended)))
        };
        self.0.write(end).await.map_err(unavailable)?
    }
}

impl Catalog for StockCatalog {
    fn reserve<'a>(&'a self, reservation: &'a Reservation, shares: &'a Shares) -> CatalogResult<'a, Price> {
        let (ids, shares, now_us) = (reservation.clone(), shares.clone(), self.0.clock.now_us());
        let reserve = async move |tx: &Tx| {
            let ids = TradeIds {
                attempt: &ids.attempt,
                key: &ids.key,
            };
            let stock_ref = StockRef::Name(shares.name.clone());
            let reserved = reservation::reserve(
                tx,
                ids,
                &stock_ref,
                to_stored_side(shares.side),
                shares.quantity,
                now_us,
            );
            let reserved = reserved.await.map(|(reserved, stock)| {
                tx.invalidate(&stock);
                reserved
            });
            to_catalog_result(reserved)
        };
        async move {
            let reserved = self.0.write(reserve).await.map_err(unavailable)?;
            reserved.map(|reserved| Price {
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
            let reservations = reservation::open_non_binding(self.0.db.read(), key, limit).await;
            let reservations = reservations.map_err(|error| unavailable(error.into()))?;
            let reservations = reservations.into_iter().map(|row| Reservation {
                attempt: row.attempt,
                key: row.log_key,
            });
            Ok(reservations.collect())
        }
        .boxed()
    }
}

/// The result of a write for the replica. A refusal is a result, too; it has changed nothing.
fn to_catalog_result<T>(done: Result<T, ReservationError>) -> contract::Result<Result<T, CatalogError>> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(ReservationError::AlreadyEnded(state)) => Ok(Err(CatalogError::Finished(state))),
        Err(ReservationError::Entity(EntityError::Violation(violation))) => Ok(Err(to_catalog_error(violation))),
        Err(ReservationError::Entity(EntityError::Database(error))) => Err(error.into()),
    }
}

/// A side as the tables store it.
fn to_stored_side(side: TradeSide) -> side::Side {
    match side {
        TradeSide::Buy => side::Side::Buy,
        TradeSide::Sell => side::Side::Sell,
    }
}

fn to_catalog_error(violation: Violation) -> CatalogError {
    match violation {
        Violation::NoStock => CatalogError::NoStock,
        Violation::InsufficientStock => CatalogError::TooFew,
        Violation::StockFull => CatalogError::TooMany,
        other => CatalogError::Unavailable(format!("{other:?}")),
    }
}

/// Logs the cause here, and tells the replica only that the database fails.
fn unavailable(error: Error) -> CatalogError {
    tracing::error!(error = error.details(), "the catalog of the order log failed");
    CatalogError::Unavailable("the database fails".to_owned())
}
