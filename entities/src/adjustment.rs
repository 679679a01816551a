//! Adjustments: set a wallet to a given content and post the difference to the ledger.

use database::DbConnection;
use sea_orm::DbErr;

use crate::error::EntityError;
use crate::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use crate::wallet;

/// The amounts that a wallet is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetBalance {
    /// The free balance, in minor units.
    pub balance: i64,
    /// The sum of the amounts set aside for brokers and lent to them, in minor units; `None` leaves it as it is.
    pub committed: Option<i64>,
}

/// The outcome of [`adjust`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdjustmentOutcome {
    /// The wallet changed and holds the target now.
    Adjusted(Box<wallet::Model>),
    /// The wallet already held the target.
    Unchanged(Box<wallet::Model>),
    /// The wallet did not change: this much is lent to brokers, more than the target's `committed`.
    BelowLent(i64),
}

/// Sets the content of the user's wallet in that currency to `to`. One ledger transaction of the kind
/// [`TransactionKind::Adjustment`] moves the difference from or to the account outside of wallets. A missing wallet is
/// opened.
///
/// # Errors
/// [`crate::error::Violation::WalletFull`]; an error when the database fails, when the user does not exist, or when the
/// wallet changed between the read and the ledger transaction. The caller must then roll the transaction back.
pub async fn adjust(
    tx: &impl DbConnection,
    user_id: i64,
    currency: &str,
    to: TargetBalance,
    now_us: i64,
) -> Result<AdjustmentOutcome, EntityError> {
    wallet::open(tx, user_id, currency, now_us).await?;
    let missing = || DbErr::RecordNotFound("the wallet just opened".to_owned());
    let before = wallet::find(tx, user_id, currency).await?.ok_or_else(missing)?;
    let committed = to.committed.unwrap_or(before.committed_minor + before.lent_minor);
    if committed < before.lent_minor {
        return Ok(AdjustmentOutcome::BelowLent(before.lent_minor));
    }
    let balance_change = to.balance - before.balance_minor;
    let committed_change = committed - before.lent_minor - before.committed_minor;
    if (balance_change, committed_change) == (0, 0) {
        return Ok(AdjustmentOutcome::Unchanged(Box::new(before)));
    }
    let legs = [
        (Account::Wallet(user_id, Bucket::Balance), balance_change),
        (Account::Wallet(user_id, Bucket::Committed), committed_change),
        (Account::Outside, -balance_change - committed_change),
    ];
    let mut moved = ledger::post(
        tx,
        LedgerTransaction::new(TransactionKind::Adjustment, currency),
        &legs,
        now_us,
    )
    .await?;
    let after = moved.wallets.pop().ok_or_else(missing)?;
    // The guard: compare with the row that the one changing statement returned, not with the row that was read
    // before it.
    if (after.balance_minor, after.committed_minor + after.lent_minor) == (to.balance, committed) {
        Ok(AdjustmentOutcome::Adjusted(Box::new(after)))
    } else {
        Err(DbErr::Custom("the wallet changed while it was being set".to_owned()).into())
    }
}
