//! The brokerage's part of the entity `Stock`: the viewer's holding.

use std::collections::{BTreeMap, HashMap};

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Db, EntityType, Error, Load, Result, Viewer, load};
use entities::{holding, is_among};
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter};

use crate::holding::Holding;

/// A stock; the exchange subgraph owns the other fields.
pub struct Stock(pub(crate) i64);

#[Object]
impl Stock {
    /// The stock's id.
    async fn id(&self) -> ID {
        EntityType::Stock.id(self.0)
    }

    /// The viewer's shares of the stock; null if the viewer never had any, or is not signed in.
    async fn my_holding(&self, ctx: &Context<'_>) -> Option<Result<Holding>> {
        let Viewer::User { id, .. } = *ctx.viewer() else {
            return None;
        };
        let found = load::<OwnHoldings, _>(ctx, (id, self.0)).await.transpose()?;
        Some(found.map(Holding))
    }
}

/// A batch loader of holdings by owner and stock.
pub struct OwnHoldings(pub(crate) Db);

impl Load<(i64, i64)> for OwnHoldings {
    type Value = holding::Model;
    type Error = Error;

    async fn load(&self, keys: &[(i64, i64)]) -> Result<HashMap<(i64, i64), holding::Model>> {
        let mut stocks: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (user, stock) in keys {
            stocks.entry(*user).or_default().push(*stock);
        }
        let of_one = |(user, stocks): (i64, Vec<i64>)| {
            holding::Column::UserId
                .eq(user)
                .and(is_among(holding::Column::StockId, stocks))
        };
        let condition = stocks.into_iter().map(of_one).fold(Condition::any(), Condition::add);
        let found = self.0.read().rows(holding::Entity::find().filter(condition)).await?;
        Ok(found
            .into_iter()
            .map(|row| ((row.user_id, row.stock_id), row))
            .collect())
    }
}

/// The entity resolver of `Stock`.
#[derive(Default)]
pub struct StockQuery;

#[Object]
impl StockQuery {
    /// A stock another subgraph refers to. This subgraph does not check that the stock exists; the exchange does.
    #[graphql(entity)]
    async fn stock_by_id(&self, id: ID) -> Option<Stock> {
        EntityType::Stock.number(&id).map(Stock)
    }
}
