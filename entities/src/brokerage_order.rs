//! Orders of the brokerage: executed at once, or automated and waiting for their price.

use database::DbConnection;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{Condition, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::ListQuery;
use crate::error::{EntityError, Violation};
use crate::side::Side;
use crate::sql;
use crate::text_enum::text_enum;

/// One order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "brokerage_order")]
pub struct Model {
    /// The order's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The direction of the trade.
    pub side: Side,
    /// The stock.
    pub stock_id: i64,
    /// The number of shares.
    pub quantity: i64,
    /// Its status; it leaves [`OrderStatus::Pending`] once and never returns.
    pub status: OrderStatus,
    /// The price of one share at which it was executed, in minor units.
    pub price_minor: Option<i64>,
    /// The broker's fee, in minor units.
    pub fee_minor: i64,
    /// The ISO 4217 currency code of all its amounts.
    pub currency: String,
    /// The limit price of one share, in minor units; set for automated orders only.
    pub limit_minor: Option<i64>,
    /// The price that triggered it, at which it is executed; it is never worse than the limit.
    pub fired_minor: Option<i64>,
    /// When the system cancels it, in microseconds since the epoch; `None` if it never expires.
    pub expires_at_us: Option<i64>,
    /// The investor on whose account it is.
    pub investor_id: i64,
    /// The broker who placed it for the investor.
    pub broker_id: Option<i64>,
    /// The authorization under which the broker placed it.
    pub authorization_id: Option<i64>,
    /// The number of the trade at the exchange.
    pub exchange_number: Option<i64>,
    /// The reservation of the trade at the exchange, where the trade gets its number later.
    pub reservation_id: Option<i64>,
    /// The reason why the system cancelled it; `None` if the system did not.
    pub reason: Option<CancelReason>,
    /// When it was placed, in microseconds since the epoch.
    pub placed_at_us: i64,
    /// When it stopped pending, in microseconds since the epoch.
    pub ended_at_us: Option<i64>,
    /// When it last changed, in microseconds since the epoch.
    pub changed_at_us: i64,
    /// Rises by one with every change.
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    /// The status of an order.
    pub enum OrderStatus {
        /// The automated order waits for its limit price.
        Pending = "PENDING",
        /// The order was executed.
        Completed = "COMPLETED",
        /// The order was cancelled or has expired without a trade.
        Cancelled = "CANCELLED",
    }
}

text_enum! {
    /// Why the system cancelled an order.
    pub enum CancelReason {
        /// The order expired.
        Expired = "expired",
        /// The investor's account was closed.
        AccountClosed = "left",
    }
}

impl Model {
    /// The users it concerns: the investor and the broker.
    pub fn parties(&self) -> Vec<i64> {
        [Some(self.investor_id), self.broker_id].into_iter().flatten().collect()
    }
}

/// An order that is executed as it is placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedOrder {
    /// The direction of the trade.
    pub side: Side,
    /// The stock.
    pub stock_id: i64,
    /// The number of shares.
    pub quantity: i64,
    /// The price of one share, in minor units.
    pub price_minor: i64,
    /// The broker's fee, in minor units.
    pub fee_minor: i64,
    /// The ISO 4217 currency code.
    pub currency: String,
    /// The investor on whose account it is.
    pub investor_id: i64,
    /// The broker who placed it, and the authorization used.
    pub broker: Option<(i64, i64)>,
    /// The trade at the exchange.
    pub trade: TradeRef,
}

/// The trade at the exchange that executed an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeRef {
    /// The trade with this number.
    Number(i64),
    /// The trade of this reservation, whose number comes later.
    Reservation(i64),
}

impl TradeRef {
    /// The stored columns: number and reservation.
    fn columns(self) -> [Option<i64>; 2] {
        match self {
            Self::Number(number) => [Some(number), None],
            Self::Reservation(id) => [None, Some(id)],
        }
    }
}

/// Records an order that was executed as it was placed.
pub async fn record(tx: &impl DbConnection, order: &ExecutedOrder, now_us: i64) -> Result<Model, DbErr> {
    let sql =
        "INSERT INTO brokerage_order (side, stock_id, quantity, status, price_minor, fee_minor, currency, investor_id,
             broker_id, authorization_id, exchange_number, reservation_id, placed_at_us, ended_at_us, changed_at_us, version)
         VALUES ($1, $2, $3, 'COMPLETED', $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $12, 1)";
    let [exchange_number, reservation_id] = order.trade.columns();
    let (broker_id, authorization_id) = order.broker.unzip();
    let values = [
        order.side.into(),
        order.stock_id.into(),
        order.quantity.into(),
        order.price_minor.into(),
        order.fee_minor.into(),
        order.currency.as_str().into(),
        order.investor_id.into(),
        broker_id.into(),
        authorization_id.into(),
        exchange_number.into(),
        reservation_id.into(),
        now_us.into(),
    ];
    Ok(Model {
        id: sql::insert_one(tx, sql, values).await?,
        side: order.side,
        stock_id: order.stock_id,
        quantity: order.quantity,
        status: OrderStatus::Completed,
        price_minor: Some(order.price_minor),
        fee_minor: order.fee_minor,
        currency: order.currency.clone(),
        limit_minor: None,
        fired_minor: None,
        expires_at_us: None,
        investor_id: order.investor_id,
        broker_id,
        authorization_id,
        exchange_number,
        reservation_id,
        reason: None,
        placed_at_us: now_us,
        ended_at_us: Some(now_us),
        changed_at_us: now_us,
        version: 1,
    })
}

/// An automated order: an investor's own order that waits for its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAutomatedOrder {
    /// The direction of the trade.
    pub side: Side,
    /// The stock.
    pub stock_id: i64,
    /// The number of shares.
    pub quantity: i64,
    /// The limit price of one share, in minor units.
    pub limit_minor: i64,
    /// The ISO 4217 currency code.
    pub currency: String,
    /// The investor on whose account it is.
    pub investor_id: i64,
    /// When the system cancels it, in microseconds since the epoch; `None` if it never expires.
    pub expires_at_us: Option<i64>,
}

/// Records an automated order as pending; [`crate::order_reserve`] reserves the funds or shares for it.
///
/// # Errors
/// [`Violation::TooManyOrders`] when the investor has `pending_max` pending orders, or when the database fails.
pub async fn place(
    tx: &impl DbConnection,
    order: &NewAutomatedOrder,
    pending_max: u32,
    now_us: i64,
) -> Result<Model, EntityError> {
    let sql = "INSERT INTO brokerage_order (side, stock_id, quantity, status, currency, limit_minor, expires_at_us, investor_id,
             placed_at_us, changed_at_us, version)
         SELECT $1, $2, $3, 'PENDING', $4, $5, $6, $7, $8, $8, 1
         WHERE (SELECT count(*) FROM brokerage_order WHERE investor_id = $7 AND status = 'PENDING') < $9 RETURNING *";
    let values = [
        order.side.into(),
        order.stock_id.into(),
        order.quantity.into(),
        order.currency.as_str().into(),
        order.limit_minor.into(),
        order.expires_at_us.into(),
        order.investor_id.into(),
        now_us.into(),
        i64::from(pending_max).into(),
    ];
    let placed = sql::fetch_optional(tx, sql, values).await?;
    placed.ok_or_else(|| Violation::TooManyOrders.into())
}

/// Marks the pending orders of a stock that this price triggers, stores the price in them, and returns how many it
/// marked.
///
/// Call it in the transaction that sets the price, so that even a brief crossing of the limit counts. The orders
/// are executed afterwards, at the price that triggered them. A cancellation may still come first.
pub async fn trigger(tx: &impl DbConnection, stock_id: i64, price_minor: i64, now_us: i64) -> Result<u64, DbErr> {
    let sql = "UPDATE brokerage_order SET fired_minor = $1
         WHERE status = 'PENDING' AND stock_id = $2 AND fired_minor IS NULL AND (expires_at_us IS NULL OR expires_at_us > $3)
             AND ((side = 'BUY' AND limit_minor >= $1) OR (side = 'SELL' AND limit_minor <= $1))";
    sql::execute(tx, sql, [price_minor.into(), stock_id.into(), now_us.into()]).await
}

/// Selects triggered pending orders with an id over `after`, in the order in which they were placed.
pub fn triggered(after: i64, limit: u64) -> Select<Entity> {
    Entity::find()
        .filter(pending())
        .filter(Column::FiredMinor.is_not_null())
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(limit)
}

/// Selects an investor's pending orders, in the order in which they were placed.
pub fn pending_for(investor_id: i64) -> Select<Entity> {
    Entity::find()
        .filter(pending())
        .filter(Column::InvestorId.eq(investor_id))
        .order_by_asc(Column::Id)
}

// The status is a literal: SQLite does not use the partial indexes on pending orders for a bound parameter.
fn pending() -> Expr {
    Expr::cust("brokerage_order.status = 'PENDING'")
}

/// Removes the mark from a triggered order that could not be executed. It waits again, for the condition that
/// [`crate::blocked`] states and no longer than until its expiry.
pub async fn untrigger(tx: &impl DbConnection, id: i64) -> Result<(), DbErr> {
    let sql = "UPDATE brokerage_order SET fired_minor = NULL WHERE id = $1 AND status = 'PENDING'";
    sql::execute(tx, sql, [id.into()]).await?;
    Ok(())
}

/// Completes a pending order; `None` when it is no longer pending. If a cancellation competes with it, exactly one
/// of them succeeds.
pub async fn complete(
    tx: &impl DbConnection,
    id: i64,
    price_minor: i64,
    trade: TradeRef,
    now_us: i64,
) -> Result<Option<Model>, DbErr> {
    let sql =
        "UPDATE brokerage_order SET status = 'COMPLETED', price_minor = $1, exchange_number = $2, reservation_id = $3,
             ended_at_us = $4, changed_at_us = $4, version = version + 1
         WHERE id = $5 AND status = 'PENDING' RETURNING *";
    let [number, reservation] = trade.columns();
    let values = [
        price_minor.into(),
        number.into(),
        reservation.into(),
        now_us.into(),
        id.into(),
    ];
    sql::fetch_optional(tx, sql, values).await
}

/// Stores the number of a reservation's trade in the order that the trade executed; `None` if no order waits for
/// that number.
pub async fn set_number(
    tx: &impl DbConnection,
    reservation_id: i64,
    number: i64,
    now_us: i64,
) -> Result<Option<Model>, DbErr> {
    let sql = "UPDATE brokerage_order SET exchange_number = $1, changed_at_us = $2, version = version + 1
         WHERE reservation_id = $3 AND exchange_number IS NULL RETURNING *";
    sql::fetch_optional(tx, sql, [number.into(), now_us.into(), reservation_id.into()]).await
}

/// Cancels a pending order; `None` when it is no longer pending.
pub async fn cancel(
    tx: &impl DbConnection,
    id: i64,
    reason: Option<CancelReason>,
    now_us: i64,
) -> Result<Option<Model>, DbErr> {
    let sql = "UPDATE brokerage_order SET status = 'CANCELLED', reason = $1, ended_at_us = $2, changed_at_us = $2,
             version = version + 1
         WHERE id = $3 AND status = 'PENDING' RETURNING *";
    sql::fetch_optional(tx, sql, [reason.into(), now_us.into(), id.into()]).await
}

/// Selects the orders that concern a user as investor, and those that concern the user as broker: of one side, of one
/// status, or both.
///
/// These are two statements, because an index serves each of them in any order. An `OR` would collect and sort all
/// orders for each page.
pub fn for_party(user_id: i64, side: Option<Side>, status: Option<OrderStatus>) -> [Select<Entity>; 2] {
    [Column::InvestorId, Column::BrokerId].map(|party| {
        let mut orders = Entity::find().filter(party.eq(user_id));
        if let Some(side) = side {
            orders = orders.filter(Column::Side.eq(side));
        }
        match status {
            Some(OrderStatus::Pending) => orders.filter(pending()),
            Some(status) => orders.filter(Column::Status.eq(status)),
            None => orders,
        }
    })
}

/// The lists of [`for_party`], of all orders.
pub static FOR_PARTY: [ListQuery<Entity>; 2] = [
    ListQuery::new(|| Entity::find().filter(Column::InvestorId.eq(0_i64))),
    ListQuery::new(|| Entity::find().filter(Column::BrokerId.eq(0_i64))),
];

/// Selects the orders that concern a user, as investor or as broker, for a subscription that lost changes. The index of
/// changes serves it.
pub fn involving(user_id: i64) -> Select<Entity> {
    Entity::find().filter(
        Condition::any()
            .add(Column::InvestorId.eq(user_id))
            .add(Column::BrokerId.eq(user_id)),
    )
}

/// Selects pending orders that have expired, the earliest expiry first. It leaves out orders that a price triggered
/// in time and that the system has not tried to execute yet: those are executed, or wait again and then expire.
pub fn overdue(now_us: i64, limit: u64) -> Select<Entity> {
    Entity::find()
        .filter(pending())
        .filter(Column::FiredMinor.is_null())
        .filter(Column::ExpiresAtUs.lte(now_us))
        .order_by_asc(Column::ExpiresAtUs)
        .limit(limit)
}
