//! A person, as far as the exchange knows one.

use async_graphql::{ID, SimpleObject};
use contract::EntityType;

/// A person; the other domains know the rest.
#[derive(SimpleObject)]
#[graphql(unresolvable = "id")]
pub struct User {
    /// The person's id.
    id: ID,
}

impl User {
    /// The person with that id.
    pub(crate) fn new(id: i64) -> Self {
        Self {
            id: EntityType::User.id(id),
        }
    }
}
