//! The brokerage's part of the entity `ExchangeOrder`: its key. The exchange subgraph owns the other fields.

use async_graphql::Object;

/// A reference to a trade at the exchange, by its number.
pub struct ExchangeOrder(pub(crate) i64);

/// An executed trade. It never changes.
#[Object(unresolvable = "number")]
impl ExchangeOrder {
    /// The trade's number.
    async fn number(&self) -> i64 {
        self.0
    }
}
