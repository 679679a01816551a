//! Automated orders: placed with reserved funds or shares, executed as soon as the price reaches their limit.

use contract::{Error, ExchangeTrade, Result, TxExt};
use entities::brokerage_order::{self, NewAutomatedOrder};
use entities::order_reserve;
use entities::side::Side;
use entities::stock::{self, StockRef};

use crate::market_order::cost_error;
use crate::order_context::{Limit, OrderContext};

/// Places an automated order of an investor and reserves its funds or shares. If the price has reached the limit already
/// and the order can be executed, it is executed at once.
pub(crate) async fn place(
    context: &OrderContext<'_>,
    investor: i64,
    stock: &stock::Model,
    side: Side,
    quantity: i64,
    limit: Limit,
    pending_max: u32,
) -> Result<brokerage_order::Model> {
    if limit.expires_at_us.is_some_and(|at| at <= context.now_us) {
        return Err(Error::invalid("input.expiresAt", "must be in the future"));
    }
    order_reserve::cost(quantity, limit.price_minor).ok_or_else(|| cost_error(side))?;
    let automated = NewAutomatedOrder {
        side,
        stock_id: stock.id,
        quantity,
        limit_minor: limit.price_minor,
        currency: stock.currency.clone(),
        investor_id: investor,
        expires_at_us: limit.expires_at_us,
    };
    let order = brokerage_order::place(context.tx, &automated, pending_max, context.now_us).await?;
    let reserved = order_reserve::reserve(context.tx, &order, context.now_us).await?;
    let crosses = match side {
        Side::Buy => stock.price_minor <= limit.price_minor,
        Side::Sell => stock.price_minor >= limit.price_minor,
    };
    if crosses && let Some(done) = try_execute(context, &order, stock.price_minor).await? {
        return Ok(done);
    }
    context.tx.invalidate(&order);
    context.tx.invalidate(&reserved);
    Ok(order)
}

/// Executes a pending order at that price. Returns `None` and changes nothing if the order has to go on waiting: the
/// exchange has too few shares or cannot take so many, or the investor's wallet cannot hold the proceeds.
pub(crate) async fn try_execute(
    context: &OrderContext<'_>,
    order: &brokerage_order::Model,
    price_minor: i64,
) -> Result<Option<brokerage_order::Model>> {
    let OrderContext { log, now_us, .. } = *context;
    let tried = context
        .tx
        .savepoint(async |tx| execute(&OrderContext { tx, log, now_us }, order, price_minor).await)
        .await;
    match tried {
        Ok(done) => Ok(Some(done)),
        Err(Error::InsufficientStock(_) | Error::Conflict(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn execute(
    context: &OrderContext<'_>,
    order: &brokerage_order::Model,
    price_minor: i64,
) -> Result<brokerage_order::Model> {
    let trade = ExchangeTrade {
        stock: StockRef::Id(order.stock_id),
        side: order.side,
        quantity: order.quantity,
        price_minor: Some(price_minor),
        trader_id: Some(order.investor_id),
    };
    let traded = context.log.trade(context.tx, &trade, context.now_us).await?;
    let affected = order_reserve::spend(context.tx, order, price_minor, context.now_us).await?;
    let trade = traded.recorded.trade_ref();
    let completed = brokerage_order::complete(context.tx, order.id, price_minor, trade, context.now_us).await?;
    let order = completed.ok_or_else(|| Error::Internal("an order stopped pending while it was executed".into()))?;
    context.tx.invalidate(&order);
    context.tx.invalidate(&*affected);
    Ok(order)
}
