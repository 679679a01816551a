//! What the brokerage knows of a trade at the exchange: its number. The exchange knows the rest.

use async_graphql::Object;

/// A trade with the exchange.
pub struct ExchangeOrder(pub(crate) i64);

/// A trade that was carried out. It never changes.
#[Object(unresolvable = "number")]
impl ExchangeOrder {
    /// The trade's number.
    async fn number(&self) -> i64 {
        self.0
    }
}
