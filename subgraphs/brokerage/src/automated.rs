//! Automated orders: placed with reserved funds or shares, executed as soon as the price reaches their limit.

use contract::{Changed, Error, Event, Result, Trade};
use entities::brokerage_order::{self, Automated, Model as Order};
use entities::cover;
use entities::side::Side;
use entities::stock::{self, Which};

use crate::at_once::too_much;
use crate::place::{Desk, Limit, Placed};

/// Places an automated order of an investor and reserves its funds or shares. If the price has reached the limit already
/// and the order can be executed, it is executed at once.
pub(crate) async fn place(
    desk: &Desk<'_>,
    investor: i64,
    stock: &stock::Model,
    side: Side,
    quantity: i64,
    limit: Limit,
    pending_max: u32,
) -> Result<Placed> {
    if limit.expires_at_us.is_some_and(|at| at <= desk.now_us) {
        return Err(Error::invalid("input.expiresAt", "must be in the future"));
    }
    cover::cost(quantity, limit.price_minor).ok_or_else(|| too_much(side))?;
    let automated = Automated {
        side,
        stock_id: stock.id,
        quantity,
        limit_minor: limit.price_minor,
        currency: stock.currency.clone(),
        investor_id: investor,
        expires_at_us: limit.expires_at_us,
    };
    let order = brokerage_order::place(desk.tx, &automated, pending_max, desk.now_us).await?;
    let covered = cover::place(desk.tx, &order, desk.now_us).await?;
    let crosses = match side {
        Side::Buy => stock.price_minor <= limit.price_minor,
        Side::Sell => stock.price_minor >= limit.price_minor,
    };
    if crosses && let Some(done) = try_carry_out(desk, &order, stock.price_minor).await? {
        return Ok(done);
    }
    let events: Vec<Event> = [order.events(), covered.events()].concat();
    Ok(Placed { order, events })
}

/// Executes a pending order at that price. Returns `None` and changes nothing if the order has to go on waiting: the
/// exchange has too few shares or cannot take so many, or the investor's wallet cannot hold the proceeds.
pub(crate) async fn try_carry_out(desk: &Desk<'_>, order: &Order, price_minor: i64) -> Result<Option<Placed>> {
    let Desk { log, now_us, .. } = *desk;
    let tried = desk
        .tx
        .savepoint(async |tx| carry_out(&Desk { tx, log, now_us }, order, price_minor).await)
        .await;
    match tried {
        Ok(done) => Ok(Some(done)),
        Err(Error::InsufficientStock(_) | Error::Conflict(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn carry_out(desk: &Desk<'_>, order: &Order, price_minor: i64) -> Result<Placed> {
    let trade = Trade {
        stock: Which::Id(order.stock_id),
        side: order.side(),
        quantity: order.quantity,
        price_minor: Some(price_minor),
        trader_id: Some(order.investor_id),
    };
    let traded = desk.log.trade(desk.tx, &trade, desk.now_us).await?;
    let touched = cover::spend(desk.tx, order, price_minor, desk.now_us).await?;
    let trade = traded.recorded.trade_ref();
    let completed = brokerage_order::complete(desk.tx, order.id, price_minor, trade, desk.now_us).await?;
    let order = completed.ok_or_else(|| Error::Internal("an order stopped pending while it was carried out".into()))?;
    let mut events: Vec<Event> = [traded.stock.events(), order.events()].concat();
    events.extend(touched.iter().flat_map(Changed::events));
    Ok(Placed { order, events })
}
