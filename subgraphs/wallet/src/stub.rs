//! References to entities of other subgraphs: here they have only their key.

use async_graphql::{ID, SimpleObject};

/// An order at the brokerage.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub struct BrokerageOrder {
    /// The order's id.
    pub(crate) id: ID,
}

/// Money or shares that an investor lends to a broker.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub struct Authorization {
    /// The authorization's id.
    pub(crate) id: ID,
}
