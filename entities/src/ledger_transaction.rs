//! Ledger transactions, which group the entries of [`crate::ledger_entry`].

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;

/// One ledger transaction. Its entries sum to zero. The database rejects every change and deletion of it; a reverse
/// transaction corrects a mistake.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ledger_movement")]
pub struct Model {
    /// The transaction's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Its purpose.
    pub kind: TransactionKind,
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

text_enum! {
    /// The purpose of a ledger transaction.
    pub enum TransactionKind {
        /// Money came in from outside.
        Deposit = "DEPOSIT",
        /// Money went outside.
        Withdrawal = "WITHDRAWAL",
        /// An operator set a balance.
        Adjustment = "ADJUSTMENT",
        /// Money was lent to a broker.
        Grant = "GRANT",
        /// The remaining money of an authorization went back to the investor.
        Release = "RELEASE",
        /// Shares were bought.
        Purchase = "PURCHASE",
        /// Shares were sold.
        Sale = "SALE",
        /// Money was reserved for an automated order.
        Hold = "HOLD",
        /// Reserved money was released.
        HoldRelease = "UNHOLD",
    }
}
