//! Lending to brokers: changes an authorization together with the money or shares that it stands for.

use sea_orm::{ConnectionTrait, DbErr};

use crate::authorization::{self, End, Grant, Lent, Raised, RaisedBy};
use crate::failed::Failed;
use crate::holding::{self, Bucket as Shares};
use crate::ledger::{self, Account, Bucket, Kind, Movement};
use crate::wallet;

/// The wallet or holding that a change affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// The investor's wallet, as it is now.
    Wallet(Box<wallet::Model>),
    /// The investor's holding, as it is now.
    Holding(Box<holding::Model>),
}

/// Records a grant and moves its amount from the investor's free money, or from their set-aside and free shares, to
/// `lent`.
///
/// # Errors
/// [`crate::failed::Refusal::InsufficientFunds`], [`crate::failed::Refusal::InsufficientShares`], or when the database fails.
pub async fn grant(tx: &impl ConnectionTrait, grant: &Grant, now_us: i64) -> Result<(Raised, Touched), Failed> {
    let raised = authorization::raise(tx, grant, RaisedBy::Investor, now_us).await?;
    let touched = match &grant.lent {
        Lent::Capital(currency) => {
            let legs = [(Bucket::Balance, -grant.amount), (Bucket::Lent, grant.amount)];
            move_money(tx, Kind::Grant, currency, &raised.authorization, legs, now_us).await?
        }
        Lent::Shares { holding_id, .. } => {
            Touched::Holding(Box::new(holding::lend(tx, *holding_id, grant.amount).await?))
        }
    };
    Ok((raised, touched))
}

/// Ends an open authorization and gives its remaining amount back; `None` when it had already ended.
pub async fn end(
    tx: &impl ConnectionTrait,
    id: i64,
    how: End,
    now_us: i64,
) -> Result<Option<(authorization::Model, Option<Touched>)>, Failed> {
    let Some(ended) = authorization::end(tx, id, how, now_us).await? else {
        return Ok(None);
    };
    let amount = ended.given_back;
    if amount == 0 {
        return Ok(Some((ended, None)));
    }
    let touched = match (&ended.currency, ended.stock_id) {
        (Some(currency), _) => {
            let legs = [(Bucket::Lent, -amount), (Bucket::Balance, amount)];
            move_money(tx, Kind::Release, currency, &ended, legs, now_us).await?
        }
        (None, Some(stock)) => Touched::Holding(Box::new(
            holding::shift(tx, ended.investor_id, stock, Shares::Lent, Shares::Free, amount).await?,
        )),
        (None, None) => return Err(DbErr::Custom("an authorization of nothing".to_owned()).into()),
    };
    Ok(Some((ended, Some(touched))))
}

async fn move_money(
    tx: &impl ConnectionTrait,
    kind: Kind,
    currency: &str,
    authorization: &authorization::Model,
    legs: [(Bucket, i64); 2],
    now_us: i64,
) -> Result<Touched, Failed> {
    let movement = Movement {
        authorization_id: Some(authorization.id),
        ..Movement::of(kind, currency)
    };
    let legs = legs.map(|(bucket, minor)| (Account::Of(authorization.investor_id, bucket), minor));
    let mut moved = ledger::post(tx, movement, &legs, now_us).await?;
    let wallet = moved.wallets.pop();
    wallet
        .map(|wallet| Touched::Wallet(Box::new(wallet)))
        .ok_or_else(|| DbErr::Custom("a movement of nobody's money".to_owned()).into())
}
