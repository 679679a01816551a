//! Lending to brokers: changes an authorization together with the money or shares that it stands for.

use database::DbConnection;
use sea_orm::DbErr;

use crate::authorization::{self, AuthorizationEnd, Grant, GrantOutcome, IncreaseCause, LentAsset};
use crate::error::EntityError;
use crate::holding::{self, ShareBucket};
use crate::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use crate::wallet;

/// The wallet or holding that a change affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AffectedBalance {
    /// The investor's wallet, as it is now.
    Wallet(Box<wallet::Model>),
    /// The investor's holding, as it is now.
    Holding(Box<holding::Model>),
}

/// Records a grant and moves its amount from the investor's free money, or from their set-aside and free shares, to
/// `lent`.
///
/// # Errors
/// [`crate::error::Violation::InsufficientFunds`], [`crate::error::Violation::InsufficientShares`], or when the database fails.
pub async fn grant(
    tx: &impl DbConnection,
    grant: &Grant,
    now_us: i64,
) -> Result<(GrantOutcome, AffectedBalance), EntityError> {
    let outcome = authorization::apply_grant(tx, grant, IncreaseCause::Investor, now_us).await?;
    let affected = match &grant.lent {
        LentAsset::Capital(currency) => {
            let legs = [(Bucket::Balance, -grant.amount), (Bucket::Lent, grant.amount)];
            move_money(
                tx,
                TransactionKind::Grant,
                currency,
                &outcome.authorization,
                legs,
                now_us,
            )
            .await?
        }
        LentAsset::Shares { holding_id, .. } => {
            AffectedBalance::Holding(Box::new(holding::lend(tx, *holding_id, grant.amount).await?))
        }
    };
    Ok((outcome, affected))
}

/// Ends an open authorization and gives its remaining amount back; `None` when it had already ended.
pub async fn end(
    tx: &impl DbConnection,
    id: i64,
    end: AuthorizationEnd,
    now_us: i64,
) -> Result<Option<(authorization::Model, Option<AffectedBalance>)>, EntityError> {
    let Some(ended) = authorization::end(tx, id, end, now_us).await? else {
        return Ok(None);
    };
    let amount = ended.given_back;
    if amount == 0 {
        return Ok(Some((ended, None)));
    }
    let affected = match (&ended.currency, ended.stock_id) {
        (Some(currency), _) => {
            let legs = [(Bucket::Lent, -amount), (Bucket::Balance, amount)];
            move_money(tx, TransactionKind::Release, currency, &ended, legs, now_us).await?
        }
        (None, Some(stock)) => AffectedBalance::Holding(Box::new(
            holding::shift(
                tx,
                ended.investor_id,
                stock,
                ShareBucket::Lent,
                ShareBucket::Free,
                amount,
            )
            .await?,
        )),
        (None, None) => return Err(DbErr::Custom("an authorization of nothing".to_owned()).into()),
    };
    Ok(Some((ended, Some(affected))))
}

async fn move_money(
    tx: &impl DbConnection,
    kind: TransactionKind,
    currency: &str,
    authorization: &authorization::Model,
    legs: [(Bucket, i64); 2],
    now_us: i64,
) -> Result<AffectedBalance, EntityError> {
    let transaction = LedgerTransaction {
        authorization_id: Some(authorization.id),
        ..LedgerTransaction::new(kind, currency)
    };
    let legs = legs.map(|(bucket, minor)| (Account::Wallet(authorization.investor_id, bucket), minor));
    let mut moved = ledger::post(tx, transaction, &legs, now_us).await?;
    let wallet = moved.wallets.pop();
    wallet
        .map(|wallet| AffectedBalance::Wallet(Box::new(wallet)))
        .ok_or_else(|| DbErr::Custom("a ledger transaction without a wallet".to_owned()).into())
}
