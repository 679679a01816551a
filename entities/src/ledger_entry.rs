//! Entries of the double-entry ledger.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One side of a movement. The database refuses to change or delete it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ledger_entry")]
pub struct Model {
    /// The entry's id; rises in the order of the movements.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The movement it belongs to.
    pub movement_id: i64,
    /// The movement's kind.
    pub kind: String,
    /// `BALANCE`, `COMMITTED`, `LENT` or `HELD` of a wallet; `OUTSIDE` or `EXCHANGE` of nobody's.
    pub account: String,
    /// The wallet; none for `OUTSIDE` and `EXCHANGE`.
    pub wallet_id: Option<i64>,
    /// What came in, or went out below zero; in minor units.
    pub amount_minor: i64,
    /// What the account held afterwards; none for `OUTSIDE` and `EXCHANGE`.
    pub balance_after_minor: Option<i64>,
    /// When, in microseconds since the epoch.
    pub at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}
