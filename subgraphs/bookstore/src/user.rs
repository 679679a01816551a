//! The bookstore's fields of a user.

use async_graphql::{Context, ID, Object};
use contract::{CountedConnection, EntityType, PageArgs, Result};

use crate::purchase::{BookPurchase, of_buyer};

/// A user. Other subgraphs add the rest of the fields.
// Private fields are `Option<Result<_>>`, so that an error nulls only the field. An `Err` of the resolver would null
// the whole user.
pub struct User(pub(crate) i64);

#[Object]
impl User {
    /// The person's id.
    async fn id(&self) -> ID {
        EntityType::User.id(self.0)
    }

    /// The books this person bought, oldest first; for themselves and for operators.
    async fn book_purchases(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Option<Result<CountedConnection<BookPurchase>>> {
        let args = PageArgs::new(first, after, last, before);
        Some(of_buyer(ctx, self.0, args).await)
    }
}

/// Resolves users that other subgraphs refer to.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// A person another subgraph refers to. This subgraph does not check that the person exists; accounts does.
    #[graphql(entity)]
    async fn user_by_id(&self, id: ID) -> Option<User> {
        EntityType::User.number(&id).map(User)
    }
}
