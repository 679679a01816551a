//! The brokerage's part of the entity `Authorization`: its key. The accounts subgraph owns the other fields.

use async_graphql::{ID, Object};
use contract::EntityType;

/// A reference to an authorization, by its id.
pub struct Authorization(pub(crate) i64);

#[Object(unresolvable = "id")]
impl Authorization {
    /// The authorization's id.
    async fn id(&self) -> ID {
        EntityType::Authorization.id(self.0)
    }
}
