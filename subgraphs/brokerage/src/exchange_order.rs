//! The brokerage's part of the entity `ExchangeOrder`: its id and its key. The exchange subgraph owns the other fields.

use async_graphql::{ID, Object};
use contract::EntityType;

/// A reference to a trade at the exchange, by its number.
pub struct ExchangeOrder(pub(crate) i64);

/// An executed trade. It never changes.
#[Object(unresolvable = "number")]
impl ExchangeOrder {
    /// The trade's id.
    #[graphql(shareable)]
    async fn id(&self) -> ID {
        EntityType::ExchangeOrder.id(self.0)
    }

    /// The trade's number.
    async fn number(&self) -> i64 {
        self.0
    }
}
