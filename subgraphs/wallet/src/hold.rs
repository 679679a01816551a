//! The type `Hold`: money that is reserved for an automated order.

use async_graphql::{Context, Description, Enum, ID, Object};
use contract::{
    ContextExt, CountedConnection, DateTime, EntityType, Money, PageArgs, Paginate, Result, TotalCount, load_row,
    to_date_time,
};
use entities::{hold, wallet};
use sea_orm::Select;

use crate::stub::BrokerageOrder;

/// The status of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hold::HoldState")]
pub enum HoldStatus {
    /// The money is reserved.
    Pending,
    /// The money was spent.
    Posted,
    /// The order was cancelled, and the money was released.
    Voided,
    /// The order expired, and the money was released.
    Expired,
}

/// Money of a wallet that is reserved for an automated order until the order is triggered, is cancelled or expires.
#[derive(Description)]
pub struct Hold {
    row: hold::Model,
    currency: String,
}

#[Object(use_type_description)]
impl Hold {
    /// The hold's id; a newer one has a higher number.
    async fn id(&self) -> ID {
        EntityType::Hold.id(self.row.id)
    }

    /// The amount that was reserved at the start.
    async fn amount(&self) -> Money {
        Money {
            minor: self.row.amount_minor,
            currency: self.currency.clone(),
        }
    }

    /// The hold's status.
    async fn status(&self) -> HoldStatus {
        self.row.state.into()
    }

    /// When it was placed.
    async fn placed_at(&self) -> DateTime {
        to_date_time(self.row.placed_at_us)
    }

    /// When it expires; null if it does not.
    async fn expires_at(&self) -> Option<DateTime> {
        self.row.expires_at_us.map(to_date_time)
    }

    /// When it ended; null while it is pending.
    async fn ended_at(&self) -> Option<DateTime> {
        self.row.ended_at_us.map(to_date_time)
    }

    /// The order that the money is reserved for.
    async fn order(&self) -> Option<BrokerageOrder> {
        self.row.order_id.map(BrokerageOrder::new)
    }
}

/// Returns the hold with that id, if there is one and the viewer may see it. Batched.
async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<Hold>> {
    let Some(row) = load_row::<hold::Entity>(ctx, id).await? else {
        return Ok(None);
    };
    let found = load_row::<wallet::Entity>(ctx, row.wallet_id).await?;
    let may_see = |wallet: &wallet::Model| ctx.viewer().require_self_or_operator(wallet.user_id).is_ok();
    Ok(found.filter(may_see).map(|wallet| Hold {
        row,
        currency: wallet.currency,
    }))
}

/// The entity resolver of `Hold`.
#[derive(Default)]
pub struct HoldQuery;

#[Object]
impl HoldQuery {
    /// A hold another subgraph refers to; null for viewers that may not see it.
    #[graphql(entity)]
    async fn hold_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Hold>> {
        match EntityType::Hold.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }
}

/// Returns a page of `holds`, newest first. All of them belong to `wallet`.
pub(crate) async fn newest_first(
    ctx: &Context<'_>,
    wallet: &wallet::Model,
    holds: Select<hold::Entity>,
    args: PageArgs,
) -> Result<CountedConnection<Hold>> {
    let node = |row| Hold {
        row,
        currency: wallet.currency.clone(),
    };
    let count = TotalCount::of(ctx, || holds.clone()).await?;
    Ok(count.with(holds.newest_first().paginate(ctx, args, node).await?))
}
