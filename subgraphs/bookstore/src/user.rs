//! What the bookstore knows of a person.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, PageArgs, Paged, Result, parse_id};
use entities::book_purchase;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::purchase::{BookPurchase, oldest_first};

/// A person; the other domains know the rest.
pub struct User(pub(crate) i64);

#[Object]
impl User {
    /// The person's id.
    async fn id(&self) -> ID {
        self.0.into()
    }

    /// The books this person bought, oldest first; for themselves and for operators.
    async fn book_purchases(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Option<Paged<BookPurchase>>> {
        ctx.viewer().self_or_operator(self.0)?;
        let mine = book_purchase::Entity::find().filter(book_purchase::Column::BuyerId.eq(self.0));
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        oldest_first(ctx, mine, args).await.map(Some)
    }
}

/// Where other subgraphs' references to a person arrive.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// A person another subgraph refers to. Whether there is one is for accounts to say.
    #[graphql(entity)]
    async fn user_by_id(&self, id: ID) -> Option<User> {
        parse_id(&id).map(User)
    }
}
