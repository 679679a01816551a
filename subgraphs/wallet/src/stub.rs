//! References to entities of other subgraphs: here they have only their key.

use async_graphql::{ID, SimpleObject};
use contract::EntityType;

/// An order at the brokerage.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub struct BrokerageOrder {
    /// The order's id.
    id: ID,
}

impl BrokerageOrder {
    /// The reference to the one with that id.
    pub(crate) fn new(id: i64) -> Self {
        Self {
            id: EntityType::BrokerageOrder.id(id),
        }
    }
}

/// Money or shares that an investor lends to a broker.
#[derive(SimpleObject)]
#[graphql(unresolvable)]
pub struct Authorization {
    /// The authorization's id.
    id: ID,
}

impl Authorization {
    /// The reference to the one with that id.
    pub(crate) fn new(id: i64) -> Self {
        Self {
            id: EntityType::Authorization.id(id),
        }
    }
}
