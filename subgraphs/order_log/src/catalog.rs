//! Where the shares are. Catalog and log are two systems, so shares are reserved before an order is proposed.

mod http;
mod sqlite;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::order::{Price, Shares};

pub use http::{HttpCatalog, catalog_routes};
pub use sqlite::SqliteCatalog;

/// Shares that wait for what becomes of an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reservation {
    /// One try to record one order: never used again, whatever becomes of it.
    pub attempt: String,
    /// The client's key that it is for.
    pub key: String,
}

/// Why the catalog did not do it.
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
    /// The attempt came to another end already, which must not happen.
    #[error("the attempt is {0} already")]
    Finished(String),
    /// It does not answer.
    #[error("the catalog does not answer: {0}")]
    Unavailable(String),
}

/// What a catalog answers.
pub type CatalogResult<'a, T> = BoxFuture<'a, Result<T, CatalogError>>;

/// Shares, each of which is in one place: left to trade, reserved by one attempt, or gone with one order.
///
/// Each method is one step that is done or not, and may be repeated: whoever asks may have lost the answer.
pub trait Catalog: Send + Sync {
    /// Sets shares aside and says at which price: those that a buyer wants are nobody else's from now on, those that a
    /// seller brings count only when they are confirmed. Neither can fail later.
    fn reserve<'a>(&'a self, reservation: &'a Reservation, shares: &'a Shares) -> CatalogResult<'a, Price>;

    /// The order is in the log under this number: the shares are gone, or there.
    fn confirm<'a>(&'a self, attempt: &'a str, number: i64) -> CatalogResult<'a, ()>;

    /// The order is not in the log and never will be: all is as if nobody had reserved.
    fn cancel<'a>(&'a self, attempt: &'a str) -> CatalogResult<'a, ()>;

    /// At most `limit` reservations that nobody has finished, the oldest first; those of one key only, if it is given.
    fn reserved<'a>(&'a self, key: Option<&'a str>, limit: usize) -> CatalogResult<'a, Vec<Reservation>>;
}
