//! Movements of money, which group the entries of [`crate::ledger_entry`].

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One movement. Its entries sum to zero. The database rejects every change and deletion of it; a reverse movement
/// corrects a mistake.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ledger_movement")]
pub struct Model {
    /// The movement's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Its purpose: a [`crate::ledger::Kind`] as text.
    pub kind: String,
    /// The ISO 4217 currency code of all its entries.
    pub currency: String,
    /// The brokerage order that it belongs to.
    pub order_id: Option<i64>,
    /// The authorization that it belongs to.
    pub authorization_id: Option<i64>,
    /// The time of the movement, in microseconds since the epoch.
    pub at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}
