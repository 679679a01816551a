//! The shop's fields of a user.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, CountedConnection, EntityType, PageArgs, Paginate, Result, TotalCount};
use entities::shop_order;

use crate::order::{SHOP_MOUNT, ShopOrder};

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

    /// The person's orders at the shop, oldest first; for themselves and for operators.
    async fn shop_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Option<Result<CountedConnection<ShopOrder>>> {
        let args = PageArgs::new(first, after, last, before);
        Some(orders(ctx, self.0, args).await)
    }
}

async fn orders(ctx: &Context<'_>, owner: i64, args: PageArgs) -> Result<CountedConnection<ShopOrder>> {
    ctx.viewer().require_self_or_operator_or(owner, SHOP_MOUNT)?;
    let count = TotalCount::of(ctx, || shop_order::for_user(owner)).await?;
    Ok(count.with(shop_order::FOR_USER.of(owner).paginate(ctx, args, ShopOrder).await?))
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
