//! The type `Holding`: a person's shares of one stock.

use async_graphql::{Context, Description, ID, Object};
use contract::{
    ContextExt, CountedConnection, DbConnection, EntityType, Error, MoneySum, PageArgs, Paginate, Result, TotalCount,
    Tx, TxExt, Viewer, load_row,
};
use entities::{holding, stock};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::stock::Stock;
use crate::user::User;

/// A person's shares of one stock; only the owner and operators can read it.
#[derive(Description)]
pub struct Holding(pub(crate) holding::Model);

#[Object(use_type_description)]
impl Holding {
    /// The holding's id.
    async fn id(&self) -> ID {
        EntityType::Holding.id(self.0.id)
    }

    /// The owner of the shares.
    async fn owner(&self) -> User {
        User::new(self.0.user_id)
    }

    /// The stock of the shares.
    async fn stock(&self) -> Stock {
        Stock(self.0.stock_id)
    }

    /// Shares that are free to sell.
    async fn free(&self) -> i64 {
        self.0.free
    }

    /// Shares that are set aside for brokers, whether already lent or not.
    async fn committed(&self) -> i64 {
        self.0.committed + self.0.lent
    }

    /// Shares that are reserved for automated sales.
    async fn held(&self) -> i64 {
        self.0.held
    }

    /// The value of all shares (free, committed and held) at the current price.
    async fn market_value(&self, ctx: &Context<'_>) -> Result<MoneySum> {
        let stock = load_row::<stock::Entity>(ctx, self.0.stock_id).await?;
        let stock = stock.ok_or_else(|| Error::Internal("a holding of no stock".into()))?;
        Ok(MoneySum::usd(
            i128::from(self.0.shares()) * i128::from(stock.price_minor),
        ))
    }
}

/// Returns a page of a person's holdings, in the order in which they were opened.
pub(crate) async fn of_owner(ctx: &Context<'_>, owner: i64, args: PageArgs) -> Result<CountedConnection<Holding>> {
    ctx.viewer().require_self_or_operator(owner)?;
    let all = || holding::Entity::find().filter(holding::Column::UserId.eq(owner));
    let count = TotalCount::of(ctx, all).await?;
    Ok(count.with(holding::OF_USER.of(owner).paginate(ctx, args, Holding).await?))
}

/// Returns the holding with that id, if there is one and the viewer may see it. Batched.
async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<Holding>> {
    let found = load_row::<holding::Entity>(ctx, id).await?;
    let may_see = |holding: &holding::Model| ctx.viewer().require_self_or_operator(holding.user_id).is_ok();
    Ok(found.filter(may_see).map(Holding))
}

/// Reads of holdings.
#[derive(Default)]
pub struct HoldingQuery;

#[Object]
impl HoldingQuery {
    /// The holding with that id, for its owner and for operators; null for other viewers.
    async fn holding(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The holding's id.")] id: ID,
    ) -> Option<Result<Holding>> {
        match EntityType::Holding.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves a holding another subgraph refers to.
    #[graphql(entity)]
    async fn holding_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Holding>> {
        match EntityType::Holding.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }
}

/// The mutation of a holding; orders and authorizations change holdings too.
#[derive(Default)]
pub struct HoldingMutation;

#[Object]
impl HoldingMutation {
    /// Sets how many shares of a holding are committed to brokers; the others become free. The minimum is the number
    /// that active authorizations lend, the maximum all shares that are not reserved for automated sales. For its owner
    /// and for programs.
    async fn commit_shares(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The holding's id.")] holding_id: ID,
        #[graphql(desc = "The number of shares that are committed from now on.")] committed: i64,
    ) -> Result<Holding> {
        let viewer = match ctx.viewer() {
            Viewer::Anonymous => return Err(Error::Unauthenticated),
            viewer => viewer.clone(),
        };
        if committed < 0 {
            return Err(Error::invalid("committed", "must not be negative"));
        }
        let id = EntityType::Holding
            .parse("holdingId", &holding_id)?
            .ok_or(Error::NotFound("holding"))?;
        let change = async move |tx: &Tx| commit(tx, id, committed, &viewer).await;
        ctx.services().write(change).await.map(Holding)
    }
}

async fn commit(tx: &Tx, id: i64, committed: i64, viewer: &Viewer) -> Result<holding::Model> {
    let holding = tx.row(holding::Entity::find_by_id(id)).await?;
    let may = |holding: &holding::Model| viewer.is_user(holding.user_id) || matches!(viewer, Viewer::Service { .. });
    if !holding.is_some_and(|holding| may(&holding)) {
        return Err(Error::NotFound("holding"));
    }
    let changed = holding::commit(tx, id, committed).await?.ok_or_else(|| {
        let reason = "must not be below what is lent to brokers, nor above what is free, committed or lent";
        Error::invalid("committed", reason)
    })?;
    tx.invalidate(&changed);
    Ok(changed)
}
