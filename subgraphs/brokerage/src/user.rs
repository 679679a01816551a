//! The brokerage's part of the entity `User`: holdings, orders, the value of the portfolio.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, CountedConnection, EntityType, MoneySum, PageArgs, PageConnection, Result, Side, load};

use crate::holding::{self, Holding};
use crate::order::{self, BrokerageOrder, OrderFilter, OrderStatus};
use crate::portfolio::PortfolioValue;

/// A person; the other subgraphs own the other fields.
// Private fields are `Option<Result<_>>`: an error then nulls the field. A resolver's own `Err` nulls the whole person.
pub struct User {
    id: i64,
}

impl User {
    /// Returns the person with that id.
    pub(crate) fn new(id: i64) -> Self {
        Self { id }
    }

    async fn portfolio(&self, ctx: &Context<'_>) -> Result<MoneySum> {
        ctx.viewer().require_self_or_operator(self.id)?;
        let worth = load::<PortfolioValue, _>(ctx, self.id).await?;
        Ok(MoneySum::usd(worth.unwrap_or(0)))
    }
}

#[Object]
impl User {
    /// The person's id.
    async fn id(&self) -> ID {
        EntityType::User.id(self.id)
    }

    /// The person's holdings, one for each stock, oldest first; for themselves and for operators.
    async fn holdings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Option<Result<CountedConnection<Holding>>> {
        let args = PageArgs::new(first, after, last, before);
        Some(holding::of_owner(ctx, self.id, args).await)
    }

    /// The orders on this person's account and those that they placed as a broker, newest first: all, or those with one
    /// side, one status, or both. For themselves and for operators.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection and its filters")]
    async fn brokerage_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only orders of this side.")] side: Option<Side>,
        #[graphql(desc = "Only orders with this status.")] status: Option<OrderStatus>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Option<Result<PageConnection<BrokerageOrder>>> {
        let args = PageArgs::new(first, after, last, before);
        let filter = OrderFilter {
            side: side.map(Into::into),
            status,
        };
        Some(order::for_party(ctx, self.id, filter, args).await)
    }

    /// The value of the person's portfolio: the US dollars in their wallet (free, committed and held) and their shares
    /// at the current prices. For themselves and for operators.
    async fn portfolio_value(&self, ctx: &Context<'_>) -> Option<Result<MoneySum>> {
        Some(self.portfolio(ctx).await)
    }
}

/// The entity resolver of `User`.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// A person another subgraph refers to. This subgraph does not check that the person exists; accounts does.
    #[graphql(entity)]
    async fn user_by_id(&self, id: ID) -> Option<User> {
        EntityType::User.number(&id).map(User::new)
    }
}
