//! The direction of a trade, as the schema names it.

use async_graphql::Enum;

/// Which way shares go, seen from who trades with the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::side::Side")]
pub enum Side {
    /// Out of the exchange.
    Buy,
    /// Into the exchange.
    Sell,
}
