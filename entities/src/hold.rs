//! Holds: money of a wallet that covers an automated order until the order is triggered, cancelled or expires.

use database::DbConnection;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::sql;
use crate::text_enum::text_enum;

/// One hold.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "hold")]
pub struct Model {
    /// The hold's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The wallet whose money is held.
    pub wallet_id: i64,
    /// The amount, in minor units of the wallet's currency.
    pub amount_minor: i64,
    /// Its state; it leaves [`HoldState::Pending`] once and never returns.
    pub state: HoldState,
    /// The brokerage order it covers.
    pub order_id: Option<i64>,
    /// When it expires, in microseconds since the epoch; `None` if it never does.
    pub expires_at_us: Option<i64>,
    /// When it was placed, in microseconds since the epoch.
    pub placed_at_us: i64,
    /// When it stopped pending, in microseconds since the epoch.
    pub ended_at_us: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    /// The state of a hold.
    pub enum HoldState {
        /// The money is held.
        Pending = "PENDING",
        /// The money was spent.
        Posted = "POSTED",
        /// The order was cancelled, and the money was given back.
        Voided = "VOIDED",
        /// The order expired, and the money was given back.
        Expired = "EXPIRED",
    }
}

/// How a hold ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldEnd {
    /// The order was executed.
    Posted,
    /// It is not needed any more.
    Voided,
    /// It expired.
    Expired,
}

impl From<HoldEnd> for HoldState {
    fn from(end: HoldEnd) -> Self {
        match end {
            HoldEnd::Posted => Self::Posted,
            HoldEnd::Voided => Self::Voided,
            HoldEnd::Expired => Self::Expired,
        }
    }
}

/// Records a hold; the caller posts the ledger transaction.
pub async fn place(
    tx: &impl DbConnection,
    wallet_id: i64,
    amount_minor: i64,
    order_id: Option<i64>,
    expires_at_us: Option<i64>,
    now_us: i64,
) -> Result<Model, DbErr> {
    let sql = "INSERT INTO hold (wallet_id, amount_minor, state, order_id, expires_at_us, placed_at_us)
         VALUES ($1, $2, 'PENDING', $3, $4, $5) RETURNING *";
    let values = [
        wallet_id.into(),
        amount_minor.into(),
        order_id.into(),
        expires_at_us.into(),
        now_us.into(),
    ];
    sql::fetch_one(tx, sql, values).await
}

/// Ends the pending hold of an order and returns it; `None` when none is pending. A hold ends only once.
pub async fn end(tx: &impl DbConnection, order_id: i64, end: HoldEnd, now_us: i64) -> Result<Option<Model>, DbErr> {
    let sql = "UPDATE hold SET state = $1, ended_at_us = $2 WHERE order_id = $3 AND state = 'PENDING' RETURNING *";
    sql::fetch_optional(tx, sql, [HoldState::from(end).into(), now_us.into(), order_id.into()]).await
}

/// Selects the holds of a wallet: all, or those in that state.
pub fn for_wallet(wallet_id: i64, state: Option<HoldState>) -> Select<Entity> {
    let holds = Entity::find().filter(Column::WalletId.eq(wallet_id));
    match state {
        Some(state) => holds.filter(Column::State.eq(state)),
        None => holds,
    }
}
