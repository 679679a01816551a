//! The transaction in which an order is placed and executed.

use contract::{OrderLog, Tx};
use serde::Serialize;

/// The context in which an order is placed and executed: all its effects are in one transaction.
pub(crate) struct OrderContext<'a> {
    pub(crate) tx: &'a Tx,
    /// The log of the exchange.
    pub(crate) log: &'a dyn OrderLog,
    /// The time of the transaction, in microseconds since the epoch.
    pub(crate) now_us: i64,
}

/// The limit of an automated order.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Limit {
    pub(crate) price_minor: i64,
    pub(crate) expires_at_us: Option<i64>,
}
