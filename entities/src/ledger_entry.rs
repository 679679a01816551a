//! Entries of the double-entry ledger.

use database::DbConnection;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::ledger_transaction::TransactionKind;
use crate::text_enum::text_enum;

/// One side of a ledger transaction. The database rejects every change and deletion of it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ledger_entry")]
pub struct Model {
    /// The entry's id; rises in the order of the transactions.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The ledger transaction it belongs to.
    pub movement_id: i64,
    /// The transaction's kind.
    pub kind: TransactionKind,
    /// The account that it changed.
    pub account: EntryAccount,
    /// The wallet; `None` for an account outside of wallets.
    pub wallet_id: Option<i64>,
    /// The amount that came in, or went out if below zero, in minor units.
    pub amount_minor: i64,
    /// The content of the account afterwards; `None` for an account outside of wallets.
    pub balance_after_minor: Option<i64>,
    /// The time of the transaction, in microseconds since the epoch.
    pub at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    /// The account that an entry changes.
    pub enum EntryAccount {
        /// The free money of a wallet.
        Balance = "BALANCE",
        /// The money of a wallet that is set aside for brokers, but not lent yet.
        Committed = "COMMITTED",
        /// The money of a wallet that is lent to a broker.
        Lent = "LENT",
        /// The money of a wallet that covers automated orders.
        Held = "HELD",
        /// Outside of the system.
        Outside = "OUTSIDE",
        /// The exchange, which trades shares.
        Exchange = "EXCHANGE",
    }
}

/// Returns the entries of a ledger transaction in that wallet, in the order of its legs.
pub async fn of_transaction(db: &impl DbConnection, transaction_id: i64, wallet_id: i64) -> Result<Vec<Model>, DbErr> {
    db.rows(
        Entity::find()
            .filter(Column::MovementId.eq(transaction_id))
            .filter(Column::WalletId.eq(wallet_id))
            .order_by_asc(Column::Id),
    )
    .await
}

/// Selects the entries of a wallet: all, or those of the given kinds and of the given account.
pub fn for_wallet(wallet_id: i64, kinds: Option<&[TransactionKind]>, account: Option<EntryAccount>) -> Select<Entity> {
    let mut entries = Entity::find().filter(Column::WalletId.eq(wallet_id));
    if let Some(kinds) = kinds {
        entries = match kinds {
            [kind] => entries.filter(Column::Kind.eq(*kind)),
            kinds => entries.filter(Column::Kind.is_in(kinds.iter().copied())),
        };
    }
    if let Some(account) = account {
        entries = entries.filter(Column::Account.eq(account));
    }
    entries
}
