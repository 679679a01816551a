//! Ledger transactions, which group the entries of [`crate::ledger_entry`].

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One ledger transaction. Its entries sum to zero. The database rejects every change and deletion of it; a reverse
/// transaction corrects a mistake.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ledger_movement")]
pub struct Model {
    /// The transaction's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Its purpose: a [`crate::ledger::TransactionKind`] as text.
    pub kind: String,
    /// The ISO 4217 currency code of all its entries.
    pub currency: String,
    /// The brokerage order that it belongs to.
    pub order_id: Option<i64>,
    /// The authorization that it belongs to.
    pub authorization_id: Option<i64>,
    /// The time of the transaction, in microseconds since the epoch.
    pub at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}
