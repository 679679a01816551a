//! The transaction in which an order is placed and executed, and its result.

use contract::{Event, Invalidates, OrderLog, Tx};
use entities::brokerage_order;
use serde::{Deserialize, Serialize};

/// A placed order and the events to publish. The events are not stored with the idempotency key: a replay publishes none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlacedOrder {
    pub(crate) order: brokerage_order::Model,
    #[serde(skip)]
    pub(crate) events: Vec<Event>,
}

impl Invalidates for PlacedOrder {
    fn events(&self) -> Vec<Event> {
        self.events.clone()
    }
}

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
