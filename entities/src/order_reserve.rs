//! The reserve of automated orders: the money at the limit price, or the shares. It is set aside when the order is
//! placed, so that a triggered order never lacks it.

use database::DbConnection;
use sea_orm::DbErr;

use crate::brokerage_order;
use crate::error::{EntityError, Violation};
use crate::hold::{self, HoldEnd};
use crate::holding::{self, ShareBucket};
use crate::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use crate::lending::AffectedBalance;
use crate::side::Side;

/// Returns the cost of `quantity` shares at that price, in minor units; `None` when it is more than a wallet can
/// hold.
pub fn cost(quantity: i64, price_minor: i64) -> Option<i64> {
    quantity
        .checked_mul(price_minor)
        .filter(|cost| *cost <= ledger::WALLET_MAX_MINOR)
}

/// Sets the reserve of a pending order aside.
///
/// # Errors
/// [`Violation::InsufficientFunds`], [`Violation::InsufficientShares`], or when the database fails.
pub async fn reserve(
    tx: &impl DbConnection,
    order: &brokerage_order::Model,
    now_us: i64,
) -> Result<AffectedBalance, EntityError> {
    match order.side {
        Side::Buy => {
            let amount =
                cost(order.quantity, order.limit_minor.unwrap_or_default()).ok_or(Violation::InsufficientFunds)?;
            let legs = [(Bucket::Balance, -amount), (Bucket::Held, amount)];
            let wallet = post_money(tx, order, TransactionKind::Hold, &legs, 0, now_us).await?;
            let wallet = wallet.ok_or_else(missing_wallet)?;
            hold::place(tx, wallet.id, amount, Some(order.id), order.expires_at_us, now_us).await?;
            Ok(AffectedBalance::Wallet(Box::new(wallet)))
        }
        Side::Sell => shift(tx, order, ShareBucket::Free, ShareBucket::Held).await,
    }
}

/// Releases the reserve of a cancelled order. The caller has cancelled the order in the same transaction, so this
/// happens once. `None` when the reserve is missing, which only damaged data can cause: one such order must not stop
/// the release of others.
pub async fn release(
    tx: &impl DbConnection,
    order: &brokerage_order::Model,
    end: HoldEnd,
    now_us: i64,
) -> Result<Option<AffectedBalance>, EntityError> {
    let released = match order.side {
        Side::Buy => {
            let Some(held) = hold::end(tx, order.id, end, now_us).await? else {
                return Ok(None);
            };
            let legs = [(Bucket::Held, -held.amount_minor), (Bucket::Balance, held.amount_minor)];
            let wallet = post_money(tx, order, TransactionKind::HoldRelease, &legs, 0, now_us).await;
            let wallet = wallet.and_then(|wallet| wallet.ok_or_else(missing_wallet));
            wallet.map(|wallet| AffectedBalance::Wallet(Box::new(wallet)))
        }
        Side::Sell => shift(tx, order, ShareBucket::Held, ShareBucket::Free).await,
    };
    match released {
        Ok(affected) => Ok(Some(affected)),
        Err(EntityError::Violation(_)) => Ok(None),
        Err(failed) => Err(failed),
    }
}

/// Pays for a triggered order out of its reserve, at `price_minor` a share, and moves its shares. The part of the hold
/// that a purchase does not need becomes free again. The caller does the exchange's side and completes the order.
///
/// # Errors
/// [`Violation::WalletFull`], or when the database fails.
pub async fn spend(
    tx: &impl DbConnection,
    order: &brokerage_order::Model,
    price_minor: i64,
    now_us: i64,
) -> Result<Vec<AffectedBalance>, EntityError> {
    let investor = order.investor_id;
    let cost = cost(order.quantity, price_minor).ok_or(Violation::WalletFull)?;
    let (wallet, holding) = match order.side {
        Side::Buy => {
            let held = hold::end(tx, order.id, HoldEnd::Posted, now_us)
                .await?
                .ok_or_else(missing_hold)?
                .amount_minor;
            let legs = [(Bucket::Held, -held), (Bucket::Balance, held - cost)];
            let wallet = post_money(tx, order, TransactionKind::Purchase, &legs, cost, now_us).await?;
            let holding = holding::add(tx, investor, order.stock_id, ShareBucket::Free, order.quantity).await?;
            (wallet, holding)
        }
        Side::Sell => {
            let holding = holding::take(tx, investor, order.stock_id, ShareBucket::Held, order.quantity).await?;
            let wallet = post_money(
                tx,
                order,
                TransactionKind::Sale,
                &[(Bucket::Balance, cost)],
                -cost,
                now_us,
            )
            .await?;
            (wallet, holding)
        }
    };
    let wallet = wallet.ok_or_else(missing_wallet)?;
    Ok(vec![
        AffectedBalance::Wallet(Box::new(wallet)),
        AffectedBalance::Holding(Box::new(holding)),
    ])
}

async fn post_money(
    tx: &impl DbConnection,
    order: &brokerage_order::Model,
    kind: TransactionKind,
    buckets: &[(Bucket, i64)],
    to_exchange: i64,
    now_us: i64,
) -> Result<Option<crate::wallet::Model>, EntityError> {
    let transaction = LedgerTransaction {
        order_id: Some(order.id),
        ..LedgerTransaction::new(kind, &order.currency)
    };
    let mut legs: Vec<_> = buckets
        .iter()
        .map(|(bucket, minor)| (Account::Wallet(order.investor_id, *bucket), *minor))
        .collect();
    legs.push((Account::Exchange, to_exchange));
    Ok(ledger::post(tx, transaction, &legs, now_us).await?.wallets.pop())
}

async fn shift(
    tx: &impl DbConnection,
    order: &brokerage_order::Model,
    from: ShareBucket,
    to: ShareBucket,
) -> Result<AffectedBalance, EntityError> {
    let holding = holding::shift(tx, order.investor_id, order.stock_id, from, to, order.quantity).await?;
    Ok(AffectedBalance::Holding(Box::new(holding)))
}

fn missing_hold() -> EntityError {
    DbErr::Custom("a pending order without its hold".to_owned()).into()
}

fn missing_wallet() -> EntityError {
    DbErr::Custom("a ledger transaction without a wallet".to_owned()).into()
}
