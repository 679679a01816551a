//! The price of a stock, and the automated orders that it triggers.

use async_graphql::{Context, Object};
use contract::{ContextExt, Error, Event, Money, Result, Services, Tx, TxExt};
use entities::brokerage_order;
use entities::stock::{self, StockRef};

use crate::stock::Stock;

/// A price in US dollars of at least a cent, in minor units. [`Money`] limits the maximum.
pub(crate) fn checked_price(field: &'static str, price: &Money) -> Result<i64> {
    let minor = price.usd_minor(field)?;
    if minor < 1 {
        return Err(Error::invalid(field, "must be at least 0.01"));
    }
    Ok(minor)
}

/// Sets the price of a stock and marks the automated orders that it triggers, in the caller's transaction.
pub(crate) async fn reprice(tx: &Tx, stock_ref: &StockRef, price_minor: i64, now_us: i64) -> Result<stock::Model> {
    let stock = stock::set_price(tx, stock_ref, price_minor, now_us).await?;
    let stock = stock.ok_or(Error::NotFound("stock"))?;
    let triggered = brokerage_order::trigger(tx, stock.id, stock.price_minor, now_us).await?;
    tx.invalidate(&stock);
    if triggered > 0 {
        tx.publish(Event::OrdersTriggered { stock: stock.id });
    }
    Ok(stock)
}

/// Sets the price of a stock, in minor units, and publishes the change. The same transaction marks the automated orders
/// that the price crosses; their events follow its commit.
///
/// # Errors
/// `NOT_FOUND` for an unknown stock. A price below 1 is a database error.
pub async fn set_price(services: &Services, stock_ref: StockRef, price_minor: i64) -> Result<stock::Model> {
    let now_us = services.clock.now_us();
    services
        .write(async move |tx| reprice(tx, &stock_ref, price_minor, now_us).await)
        .await
}

/// Writes of prices; for operators.
#[derive(Default)]
pub struct PriceMutation;

#[Object]
impl PriceMutation {
    /// Sets the price of a share, 0.01 to 1,000,000,000,000.00 US dollars. Automated orders whose limit it reaches are
    /// executed. For operators.
    async fn set_price(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stock's name.")] stock: String,
        #[graphql(desc = "The price of one share.")] price: Money,
    ) -> Result<Stock> {
        ctx.viewer().require_operator()?;
        let price_minor = checked_price("price", &price)?;
        let stock = set_price(ctx.services(), StockRef::Name(stock), price_minor).await?;
        Ok(Stock(stock))
    }
}
