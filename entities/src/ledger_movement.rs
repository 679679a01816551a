//! Movements of money: what the entries of [`crate::ledger_entry`] belong to.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One movement. Its entries sum to zero. The database refuses to change or delete it; a mistake is moved back.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ledger_movement")]
pub struct Model {
    /// The movement's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// What it was for: a [`crate::ledger::Kind`] as text.
    pub kind: String,
    /// The ISO 4217 currency code of all its entries.
    pub currency: String,
    /// The brokerage order it was for.
    pub order_id: Option<i64>,
    /// The authorization it was for.
    pub authorization_id: Option<i64>,
    /// When, in microseconds since the epoch.
    pub at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}
