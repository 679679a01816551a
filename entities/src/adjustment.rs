//! Adjustments: a wallet is told what it is to hold, and the ledger gets what that takes.

use sea_orm::{ConnectionTrait, DbErr};

use crate::failed::Failed;
use crate::ledger::{self, Account, Bucket, Kind, Movement};
use crate::wallet;

/// What a wallet is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What is to be free, in minor units.
    pub balance: i64,
    /// What is to be set aside for brokers and lent to them, together; as it is, if none.
    pub committed: Option<i64>,
}

/// What setting a wallet came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// It holds what it is to hold now.
    Changed(Box<wallet::Model>),
    /// It did already.
    Unchanged(Box<wallet::Model>),
    /// Nothing changed: this much is lent to brokers, and cannot be set aside for less.
    Lent(i64),
}

/// Makes somebody's wallet in that currency hold `to`; the difference comes from outside or goes there, in one movement
/// of the kind [`Kind::Adjustment`]. A wallet that is not there yet is opened.
///
/// # Errors
/// [`crate::failed::Refusal::WalletFull`]; when the database fails, when there is no such person, and when the wallet
/// was changed between reading it and moving the difference: then nothing may stay of it.
pub async fn set(
    tx: &impl ConnectionTrait,
    user_id: i64,
    currency: &str,
    to: Target,
    now_us: i64,
) -> Result<Set, Failed> {
    wallet::open(tx, user_id, currency, now_us).await?;
    let missing = || DbErr::RecordNotFound("the wallet just opened".to_owned());
    let before = wallet::of(tx, user_id, currency).await?.ok_or_else(missing)?;
    let committed = to.committed.unwrap_or(before.committed_minor + before.lent_minor);
    if committed < before.lent_minor {
        return Ok(Set::Lent(before.lent_minor));
    }
    let balance = to.balance - before.balance_minor;
    let aside = committed - before.lent_minor - before.committed_minor;
    if (balance, aside) == (0, 0) {
        return Ok(Set::Unchanged(Box::new(before)));
    }
    let legs = [
        (Account::Of(user_id, Bucket::Balance), balance),
        (Account::Of(user_id, Bucket::Committed), aside),
        (Account::Outside, -balance - aside),
    ];
    let mut moved = ledger::post(tx, Movement::of(Kind::Adjustment, currency), &legs, now_us).await?;
    let after = moved.wallets.pop().ok_or_else(missing)?;
    // The guard: what the one statement that changed the wallet answered decides, not what was read before it.
    match (after.balance_minor, after.committed_minor + after.lent_minor) == (to.balance, committed) {
        true => Ok(Set::Changed(Box::new(after))),
        false => Err(DbErr::Custom("the wallet changed while it was being set".to_owned()).into()),
    }
}
