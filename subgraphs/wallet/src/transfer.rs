//! The mutations of a person's own money: deposit and withdraw.

use std::sync::Arc;

use async_graphql::{Context, Object};
use contract::{ContextExt, Error, IdempotencyKey, Money, Result, Tx, TxExt, idempotent};
use entities::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use entities::{ledger_entry, user, wallet};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::transaction::Transaction;

/// The smallest amount that can be moved, in minor units: 0.01.
const AMOUNT_MINOR_MIN: i64 = 1;

/// The mutations of a person's own money.
#[derive(Default)]
pub struct TransferMutation;

#[Object]
impl TransferMutation {
    /// Adds money to the viewer's wallet of that currency, from 0.01 to 1,000,000,000,000.00; the first deposit opens
    /// the wallet. For people. `CONFLICT` if the wallet cannot hold that much.
    async fn deposit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The amount of money.")] amount: Money,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Transaction> {
        transfer(ctx, TransferKind::Deposit, amount, idempotency_key).await
    }

    /// Takes money out of the viewer's wallet of that currency, from 0.01 to the free amount. For people.
    /// `INSUFFICIENT_FUNDS` if less is free.
    async fn withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The amount of money.")] amount: Money,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Transaction> {
        transfer(ctx, TransferKind::Withdrawal, amount, idempotency_key).await
    }
}

#[derive(Clone, Copy)]
enum TransferKind {
    Deposit,
    Withdrawal,
}

impl TransferKind {
    fn field(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdraw",
        }
    }

    fn transaction_kind(self) -> TransactionKind {
        match self {
            Self::Deposit => TransactionKind::Deposit,
            Self::Withdrawal => TransactionKind::Withdrawal,
        }
    }

    fn signed(self, minor: i64) -> i64 {
        match self {
            Self::Deposit => minor,
            Self::Withdrawal => -minor,
        }
    }
}

/// The result of a deposit or a withdrawal, which is also stored with its idempotency key.
#[derive(Serialize, Deserialize)]
struct Transfer {
    /// The ledger entry of the balance.
    entry: ledger_entry::Model,
    /// The wallet right after the entry.
    wallet: wallet::Model,
}

async fn transfer(ctx: &Context<'_>, kind: TransferKind, amount: Money, key: Option<String>) -> Result<Transaction> {
    let viewer = ctx.viewer();
    let owner = viewer.require_user()?;
    ctx.data_unchecked::<Arc<Settings>>()
        .check("amount", &amount, AMOUNT_MINOR_MIN)?;
    // Deposits and withdrawals share a key scope: at the brokerage they are one route, so one key is valid for one of them.
    let request = (kind.field(), amount.minor, &amount.currency);
    let key = IdempotencyKey::for_mutation(viewer, "deposit or withdraw", key, &request)?;
    let now_us = ctx.now_us();
    let recorded = ctx
        .services()
        .write(async move |tx| {
            idempotent(tx, key.as_ref(), now_us, async || {
                record(tx, owner, kind, &amount, now_us).await
            })
            .await
        })
        .await?;
    let Transfer { entry, wallet } = recorded.into_inner();
    Ok(Transaction::new(entry, &wallet))
}

async fn record(tx: &Tx, owner: i64, kind: TransferKind, amount: &Money, now_us: i64) -> Result<Transfer> {
    // The token may be older than the deactivation.
    if !user::is_active(tx, owner).await? {
        return Err(Error::Unauthenticated);
    }
    let minor = kind.signed(amount.minor);
    let legs = [
        (Account::Wallet(owner, Bucket::Balance), minor),
        (Account::Outside, -minor),
    ];
    let mut moved = ledger::post(
        tx,
        LedgerTransaction::new(kind.transaction_kind(), &amount.currency),
        &legs,
        now_us,
    )
    .await?;
    let lost = || Error::Internal("a ledger transaction without its wallet or its entry".into());
    let wallet = moved.wallets.pop().ok_or_else(lost)?;
    let mut entries = ledger_entry::of_transaction(tx, moved.transaction_id, wallet.id).await?;
    let entry = entries.pop().ok_or_else(lost)?;
    tx.invalidate(&wallet);
    Ok(Transfer { entry, wallet })
}
