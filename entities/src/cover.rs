//! The cover of automated orders: the money at the limit price, or the shares. It is reserved when the order is
//! placed, so that a triggered order never lacks cover.

use sea_orm::{ConnectionTrait, DbErr};

use crate::brokerage_order::Model as Order;
use crate::failed::{Failed, Refusal};
use crate::hold::{self, End};
use crate::holding::{self, Bucket as Shares};
use crate::ledger::{self, Account, Bucket, Kind, Movement};
use crate::lending::Touched;
use crate::side::Side;

/// Returns the cost of `quantity` shares at that price, in minor units; `None` when it is more than a wallet can
/// hold.
pub fn cost(quantity: i64, price_minor: i64) -> Option<i64> {
    quantity
        .checked_mul(price_minor)
        .filter(|cost| *cost <= ledger::WALLET_MAX_MINOR)
}

/// Reserves the cover of a pending order.
///
/// # Errors
/// [`Refusal::InsufficientFunds`], [`Refusal::InsufficientShares`], or when the database fails.
pub async fn place(tx: &impl ConnectionTrait, order: &Order, now_us: i64) -> Result<Touched, Failed> {
    match order.side() {
        Side::Buy => {
            let amount =
                cost(order.quantity, order.limit_minor.unwrap_or_default()).ok_or(Refusal::InsufficientFunds)?;
            let legs = [(Bucket::Balance, -amount), (Bucket::Held, amount)];
            let wallet = money(tx, order, Kind::Hold, &legs, 0, now_us).await?;
            let wallet = wallet.ok_or_else(nobody)?;
            hold::place(tx, wallet.id, amount, Some(order.id), order.expires_at_us, now_us).await?;
            Ok(Touched::Wallet(Box::new(wallet)))
        }
        Side::Sell => shift(tx, order, Shares::Free, Shares::Held).await,
    }
}

/// Releases the cover of a cancelled order. The caller has cancelled the order in the same transaction, so this
/// happens once. `None` when the cover is missing, which only damaged data can cause: one such order must not stop
/// the release of others.
pub async fn release(
    tx: &impl ConnectionTrait,
    order: &Order,
    how: End,
    now_us: i64,
) -> Result<Option<Touched>, Failed> {
    let released = match order.side() {
        Side::Buy => {
            let Some(held) = hold::end(tx, order.id, how, now_us).await? else {
                return Ok(None);
            };
            let legs = [(Bucket::Held, -held.amount_minor), (Bucket::Balance, held.amount_minor)];
            let wallet = money(tx, order, Kind::Unhold, &legs, 0, now_us).await;
            let wallet = wallet.and_then(|wallet| wallet.ok_or_else(nobody));
            wallet.map(|wallet| Touched::Wallet(Box::new(wallet)))
        }
        Side::Sell => shift(tx, order, Shares::Held, Shares::Free).await,
    };
    match released {
        Ok(touched) => Ok(Some(touched)),
        Err(Failed::Refused(_)) => Ok(None),
        Err(failed) => Err(failed),
    }
}

/// Pays for a triggered order out of its cover, at `price_minor` a share, and moves its shares. The part of the
/// hold that a purchase does not need becomes free again. The caller does the exchange's side and completes the
/// order.
///
/// # Errors
/// [`Refusal::WalletFull`], or when the database fails.
pub async fn spend(
    tx: &impl ConnectionTrait,
    order: &Order,
    price_minor: i64,
    now_us: i64,
) -> Result<Vec<Touched>, Failed> {
    let investor = order.investor_id;
    let cost = cost(order.quantity, price_minor).ok_or(Refusal::WalletFull)?;
    let (wallet, holding) = match order.side() {
        Side::Buy => {
            let held = hold::end(tx, order.id, End::Posted, now_us)
                .await?
                .ok_or_else(no_hold)?
                .amount_minor;
            let legs = [(Bucket::Held, -held), (Bucket::Balance, held - cost)];
            let wallet = money(tx, order, Kind::Purchase, &legs, cost, now_us).await?;
            let holding = holding::add(tx, investor, order.stock_id, Shares::Free, order.quantity).await?;
            (wallet, holding)
        }
        Side::Sell => {
            let holding = holding::take(tx, investor, order.stock_id, Shares::Held, order.quantity).await?;
            let wallet = money(tx, order, Kind::Sale, &[(Bucket::Balance, cost)], -cost, now_us).await?;
            (wallet, holding)
        }
    };
    let wallet = wallet.ok_or_else(nobody)?;
    Ok(vec![
        Touched::Wallet(Box::new(wallet)),
        Touched::Holding(Box::new(holding)),
    ])
}

async fn money(
    tx: &impl ConnectionTrait,
    order: &Order,
    kind: Kind,
    buckets: &[(Bucket, i64)],
    to_exchange: i64,
    now_us: i64,
) -> Result<Option<crate::wallet::Model>, Failed> {
    let movement = Movement {
        order_id: Some(order.id),
        ..Movement::of(kind, &order.currency)
    };
    let mut legs: Vec<_> = buckets
        .iter()
        .map(|(bucket, minor)| (Account::Of(order.investor_id, *bucket), *minor))
        .collect();
    legs.push((Account::Exchange, to_exchange));
    Ok(ledger::post(tx, movement, &legs, now_us).await?.wallets.pop())
}

async fn shift(tx: &impl ConnectionTrait, order: &Order, from: Shares, to: Shares) -> Result<Touched, Failed> {
    let holding = holding::shift(tx, order.investor_id, order.stock_id, from, to, order.quantity).await?;
    Ok(Touched::Holding(Box::new(holding)))
}

fn no_hold() -> Failed {
    DbErr::Custom("a pending order without its hold".to_owned()).into()
}

fn nobody() -> Failed {
    DbErr::Custom("a movement of nobody's money".to_owned()).into()
}
