//! What the brokerage knows of an authorization: which one it is. Accounts knows the rest.

use async_graphql::{ID, Object};

/// What an investor lends to a broker.
pub struct Authorization(pub(crate) i64);

#[Object(unresolvable = "id")]
impl Authorization {
    /// The authorization's id.
    async fn id(&self) -> ID {
        self.0.into()
    }
}
