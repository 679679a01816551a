//! The mutation that cancels a pending order.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, DbConnection, EntityType, Error, Result, Tx, TxExt, Viewer};
use entities::brokerage_order::{self, OrderStatus};
use entities::hold::HoldEnd;
use entities::order_reserve;
use sea_orm::EntityTrait;

use crate::order::{BrokerageOrder, is_party};

/// The mutation that cancels an order.
#[derive(Default)]
pub struct CancelMutation;

#[Object]
impl CancelMutation {
    /// Cancels a pending order and releases its reserved money or shares; for its investor. A cancelled order stays as
    /// it is; for a completed order the error is `ORDER_COMPLETED`.
    async fn cancel_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's id.")] id: ID,
    ) -> Result<BrokerageOrder> {
        let viewer = match ctx.viewer() {
            Viewer::Anonymous => return Err(Error::Unauthenticated),
            viewer => viewer.clone(),
        };
        let id = EntityType::BrokerageOrder
            .parse("id", &id)?
            .ok_or(Error::NotFound("order"))?;
        let services = ctx.services();
        let now_us = ctx.now_us();
        let change = async move |tx: &Tx| cancel(tx, id, &viewer, now_us).await;
        services.write(change).await.map(BrokerageOrder)
    }
}

/// Cancels the order and returns it.
async fn cancel(tx: &Tx, id: i64, viewer: &Viewer, now_us: i64) -> Result<brokerage_order::Model> {
    let order = tx.row(brokerage_order::Entity::find_by_id(id)).await?;
    let order = order.filter(|order| is_party(viewer, order));
    let order = order.ok_or(Error::NotFound("order"))?;
    // A cancellation and a price that triggers the order may race: this statement decides which one wins.
    match brokerage_order::cancel(tx, id, None, now_us).await? {
        Some(cancelled) => {
            let released = order_reserve::release(tx, &cancelled, HoldEnd::Voided, now_us).await?;
            if released.is_none() {
                tracing::error!(order = id, "a cancelled order has no reserved funds or shares");
            }
            tx.invalidate(&cancelled);
            tx.invalidate(&released);
            Ok(cancelled)
        }
        None if order.status == OrderStatus::Completed => Err(Error::OrderCompleted),
        None => Ok(order),
    }
}
