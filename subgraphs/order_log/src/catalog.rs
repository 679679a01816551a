//! The catalog of shares. Catalog and log are two systems, so a trade reserves its shares before it is proposed.

mod http;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::command::{Price, Shares};

pub use http::{HttpCatalog, catalog_routes};

/// Shares that are reserved until the outcome of a trade is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reservation {
    /// The name of one attempt to record one trade. It is never used again, whatever its outcome.
    pub attempt: String,
    /// The client's key of the trade.
    pub key: String,
}

/// The reason why the catalog did not execute a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CatalogError {
    /// There is no such stock.
    #[error("stock not found")]
    NoStock,
    /// There are too few shares to buy.
    #[error("too few shares are left")]
    TooFew,
    /// There would be more shares than can be counted.
    #[error("there would be too many shares")]
    TooMany,
    /// The attempt already has the other outcome, which must not happen.
    #[error("the attempt is {0} already")]
    Finished(String),
    /// The catalog does not answer.
    #[error("the catalog does not answer: {0}")]
    Unavailable(String),
}

/// The result of a catalog's step.
pub type CatalogResult<'a, T> = BoxFuture<'a, Result<T, CatalogError>>;

/// A catalog of shares. Each share is in one place: available, reserved by one attempt, or gone with one trade.
///
/// Each method is one atomic and idempotent step: the caller may have lost the answer and repeat it.
pub trait Catalog: Send + Sync {
    /// Reserves shares and returns their price. Shares that a buyer wants are available to no other buyer from now on;
    /// shares that a seller brings count only when the reservation is confirmed. After this, neither `confirm` nor
    /// `cancel` can fail for lack of shares or space.
    fn reserve<'a>(&'a self, reservation: &'a Reservation, shares: &'a Shares) -> CatalogResult<'a, Price>;

    /// Confirms a reservation, since the log has its trade under this number: the bought shares are gone, the sold ones
    /// are available.
    fn confirm<'a>(&'a self, attempt: &'a str, number: i64) -> CatalogResult<'a, ()>;

    /// Cancels a reservation, since its trade is not in the log and never will be. This undoes the reservation.
    fn cancel<'a>(&'a self, attempt: &'a str) -> CatalogResult<'a, ()>;

    /// At most `limit` open reservations, the oldest first; only those of `key`, if it is given.
    fn reserved<'a>(&'a self, key: Option<&'a str>, limit: usize) -> CatalogResult<'a, Vec<Reservation>>;
}
