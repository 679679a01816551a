//! The direction of a trade, as the schema names it.

use async_graphql::Enum;

/// The direction of a trade, seen from the trader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::side::Side")]
pub enum Side {
    /// The trader buys: shares leave the exchange.
    Buy,
    /// The trader sells: shares go to the exchange.
    Sell,
}
