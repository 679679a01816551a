//! Holdings: a user's shares of one stock, in four buckets.

use database::DbConnection;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{EntityError, Violation};
use crate::{KeyedQuery, ListQuery, sql};

/// A user's shares of one stock. No bucket is ever below zero.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "holding")]
pub struct Model {
    /// The holding's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The owner of the shares.
    pub user_id: i64,
    /// The stock.
    pub stock_id: i64,
    /// Free to sell.
    pub free: i64,
    /// Set aside for brokers, but not lent yet.
    pub committed: i64,
    /// Lent to brokers: the sum of the remaining amounts of the open authorizations for this holding.
    pub lent: i64,
    /// Cover of automated sales.
    pub held: i64,
    /// Rises by one with every change.
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The list of a person's holdings.
pub static OF_USER: ListQuery<Entity> = ListQuery::new(|| Entity::find().filter(Column::UserId.eq(0_i64)));

/// Holdings by their owner.
pub static BY_USER: KeyedQuery<Entity> = KeyedQuery::new(Column::UserId);

impl Model {
    /// The number of shares in all buckets.
    pub fn shares(&self) -> i64 {
        self.free + self.committed + self.lent + self.held
    }
}

/// A part of a holding; the names are the columns'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareBucket {
    /// Free to sell.
    Free,
    /// Lent to a broker.
    Lent,
    /// Cover of an automated sale.
    Held,
}

impl ShareBucket {
    fn column(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Lent => "lent",
            Self::Held => "held",
        }
    }
}

/// Returns a user's holding of a stock.
pub async fn find(db: &impl DbConnection, user_id: i64, stock_id: i64) -> Result<Option<Model>, DbErr> {
    db.row(
        Entity::find()
            .filter(Column::UserId.eq(user_id))
            .filter(Column::StockId.eq(stock_id)),
    )
    .await
}

/// The most shares that a holding can have, in all buckets together. It is a limit of the API and so no setting:
/// the graph returns every bucket and their sum as `Int`.
pub const SHARES_MAX: i64 = 2_147_483_647;

/// Adds shares to a bucket; opens the holding if it is missing.
///
/// # Errors
/// [`Violation::HoldingFull`] when it would have more than [`SHARES_MAX`], or when the database fails.
pub async fn add(
    tx: &impl DbConnection,
    user_id: i64,
    stock_id: i64,
    to: ShareBucket,
    quantity: i64,
) -> Result<Model, EntityError> {
    let column = to.column();
    let sql = format!(
        "INSERT INTO holding (user_id, stock_id, {column}, version) VALUES ($1, $2, $3, 1)
         ON CONFLICT (user_id, stock_id) DO UPDATE SET {column} = holding.{column} + excluded.{column},
             version = holding.version + 1
             WHERE holding.free + holding.committed + holding.lent + holding.held + excluded.{column} <= {SHARES_MAX}
         RETURNING *"
    );
    let added = sql::fetch_optional(tx, &sql, [user_id.into(), stock_id.into(), quantity.into()]).await?;
    added.ok_or_else(|| Violation::HoldingFull.into())
}

/// Takes shares of a user's holding of a stock out of a bucket.
///
/// # Errors
/// [`Violation::InsufficientShares`], or when the database fails.
pub async fn take(
    tx: &impl DbConnection,
    user_id: i64,
    stock_id: i64,
    from: ShareBucket,
    quantity: i64,
) -> Result<Model, EntityError> {
    let column = from.column();
    let sql = format!(
        "UPDATE holding SET {column} = {column} - $1, version = version + 1
         WHERE user_id = $2 AND stock_id = $3 AND {column} >= $1 RETURNING *"
    );
    let taken = sql::fetch_optional(tx, &sql, [quantity.into(), user_id.into(), stock_id.into()]).await?;
    taken.ok_or_else(|| Violation::InsufficientShares.into())
}

/// Moves shares of a user's holding of a stock from one bucket to another.
///
/// # Errors
/// [`Violation::InsufficientShares`], or when the database fails.
pub async fn shift(
    tx: &impl DbConnection,
    user_id: i64,
    stock_id: i64,
    from: ShareBucket,
    to: ShareBucket,
    quantity: i64,
) -> Result<Model, EntityError> {
    let (from, to) = (from.column(), to.column());
    let sql = format!(
        "UPDATE holding SET {from} = {from} - $1, {to} = {to} + $1, version = version + 1
         WHERE user_id = $2 AND stock_id = $3 AND {from} >= $1 RETURNING *"
    );
    let shifted = sql::fetch_optional(tx, &sql, [quantity.into(), user_id.into(), stock_id.into()]).await?;
    shifted.ok_or_else(|| Violation::InsufficientShares.into())
}

/// Lends shares of a holding: first those already set aside, then free ones
/// (docs/rest-contract/brokerage.md#commit-shares).
///
/// # Errors
/// [`Violation::InsufficientShares`], or when the database fails.
pub async fn lend(tx: &impl DbConnection, id: i64, quantity: i64) -> Result<Model, EntityError> {
    let sql = "UPDATE holding SET lent = lent + $1, version = version + 1,
             committed = CASE WHEN committed >= $1 THEN committed - $1 ELSE 0 END,
             free = CASE WHEN committed >= $1 THEN free ELSE free - ($1 - committed) END
         WHERE id = $2 AND free + committed >= $1 RETURNING *";
    let lent = sql::fetch_optional(tx, sql, [quantity.into(), id.into()]).await?;
    lent.ok_or_else(|| Violation::InsufficientShares.into())
}

/// Sets the number of shares set aside for brokers, including lent ones; the rest becomes free. `None` when that is
/// less than the lent number, or more than the holding has outside `held`.
pub async fn commit(tx: &impl DbConnection, id: i64, committed: i64) -> Result<Option<Model>, DbErr> {
    let sql = "UPDATE holding SET free = free + committed + lent - $1, committed = $1 - lent, version = version + 1
         WHERE id = $2 AND $1 BETWEEN lent AND free + committed + lent RETURNING *";
    sql::fetch_optional(tx, sql, [committed.into(), id.into()]).await
}
