//! Exchange orders: every successful trade with the exchange, numbered 0, 1, 2 … without gaps.

use database::DbConnection;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{EntityError, Violation};
use crate::side::Side;
use crate::{sql, stock};

/// One trade. The database rejects every change and deletion of it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "exchange_order")]
pub struct Model {
    /// The trade's number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// The stock.
    pub stock_id: i64,
    /// The direction of the trade.
    pub side: Side,
    /// The number of shares.
    pub quantity: i64,
    /// The price of one share, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// The user who traded; `None` when a program traded without a user.
    pub trader_id: Option<i64>,
    /// The time of the trade, in microseconds since the epoch.
    pub at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// A trade that has no number yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTrade {
    /// The direction of the trade.
    pub side: Side,
    /// The number of shares.
    pub quantity: i64,
    /// The price of one share, in minor units.
    pub price_minor: i64,
    /// The user who trades.
    pub trader_id: Option<i64>,
}

/// The largest number of a trade: the largest value of GraphQL's `Int`.
pub const NUMBER_MAX: i64 = 2_147_483_647;

/// The statement of [`append`].
///
/// The largest number is a subquery of its own: SQLite then reads only the last entry of the key. As an aggregate
/// beside the condition it would read every trade.
pub const APPEND: &str = "INSERT INTO exchange_order
         (number, stock_id, side, quantity, price_minor, currency, trader_id, at_us)
     SELECT next, $1, $2, $3, $4, $5, $6, $7
     FROM (SELECT coalesce((SELECT max(number) FROM exchange_order), -1) + 1 AS next)
     WHERE next <= $8";

/// Records a trade of `stock` under the next number, in the transaction that moved the shares.
///
/// The statement itself takes the number, and a failed transaction gives it back, so no gap is possible. The
/// primary key prevents duplicates.
///
/// # Errors
/// [`Violation::NumbersUsedUp`], or when the database fails.
pub async fn append(
    tx: &impl DbConnection,
    stock: &stock::Model,
    trade: &NewTrade,
    now_us: i64,
) -> Result<Model, EntityError> {
    let values = [
        stock.id.into(),
        trade.side.into(),
        trade.quantity.into(),
        trade.price_minor.into(),
        stock.currency.as_str().into(),
        trade.trader_id.into(),
        now_us.into(),
        NUMBER_MAX.into(),
    ];
    let number = sql::insert(tx, APPEND, values).await?.ok_or(Violation::NumbersUsedUp)?;
    Ok(Model {
        number,
        stock_id: stock.id,
        side: trade.side,
        quantity: trade.quantity,
        price_minor: trade.price_minor,
        currency: stock.currency.clone(),
        trader_id: trade.trader_id,
        at_us: now_us,
    })
}

/// Records a trade under the number that the replicated log gave it, in the transaction that applies that log
/// entry.
///
/// # Errors
/// When the number is taken, or the database fails.
pub async fn insert(tx: &impl DbConnection, trade: &Model) -> Result<(), DbErr> {
    let sql = "INSERT INTO exchange_order (number, stock_id, side, quantity, price_minor, currency, trader_id, at_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = [
        trade.number.into(),
        trade.stock_id.into(),
        trade.side.into(),
        trade.quantity.into(),
        trade.price_minor.into(),
        trade.currency.as_str().into(),
        trade.trader_id.into(),
        trade.at_us.into(),
    ];
    sql::execute(tx, sql, values).await?;
    Ok(())
}

/// Returns the number of the last trade; -1 before the first.
pub async fn last_number(db: &impl DbConnection) -> Result<i64, DbErr> {
    let last: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Number.max(), "last")
        .into_tuple()
        .one(db)
        .await?;
    Ok(last.flatten().unwrap_or(-1))
}

/// Returns the last number before the first gap; -1 when number 0 is missing. `known` is a number up to which no
/// gap exists.
pub async fn contiguous_through(db: &impl DbConnection, known: i64) -> Result<i64, DbErr> {
    // The query reads numbers in order, and only those from `known` on.
    let sql = "SELECT e.number FROM exchange_order e WHERE e.number >= $1
             AND NOT EXISTS (SELECT 1 FROM exchange_order n WHERE n.number = e.number + 1)
         ORDER BY e.number LIMIT 1";
    let begins = if known < 0 { 0 } else { known };
    if known < 0 && db.row(Entity::find_by_id(0)).await?.is_none() {
        return Ok(-1);
    }
    let last: Option<Last> = sql::fetch_computed(db, sql, [begins.into()]).await?;
    Ok(last.map_or(known, |last| last.number))
}

#[derive(sea_orm::FromQueryResult)]
struct Last {
    number: i64,
}
