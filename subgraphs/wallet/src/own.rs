//! The mutations of a person's own money: deposit and withdraw.

use std::sync::Arc;

use async_graphql::{Context, Object};
use contract::{Changed, ContextExt, Error, Event, IdempotencyKey, Money, Result, Tx, once};
use entities::ledger::{self, Account, Bucket, Kind, Movement};
use entities::{ledger_entry, user, wallet};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::transaction::Transaction;

/// The smallest amount that can be moved, in minor units: 0.01.
const LEAST_MINOR: i64 = 1;

/// The mutations of a person's own money.
#[derive(Default)]
pub struct OwnMutation;

#[Object]
impl OwnMutation {
    /// Adds money to the viewer's wallet of that currency, from 0.01 to 1,000,000,000,000.00; the first deposit opens
    /// the wallet. For people. `CONFLICT` if the wallet cannot hold that much.
    async fn deposit(
        &self,
        ctx: &Context<'_>,
        amount: Money,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Transaction> {
        carry_out(ctx, Way::In, amount, idempotency_key).await
    }

    /// Takes money out of the viewer's wallet of that currency, from 0.01 to the free amount. For people.
    /// `INSUFFICIENT_FUNDS` if less is free.
    async fn withdraw(
        &self,
        ctx: &Context<'_>,
        amount: Money,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Transaction> {
        carry_out(ctx, Way::Out, amount, idempotency_key).await
    }
}

#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

impl Way {
    fn field(self) -> &'static str {
        match self {
            Self::In => "deposit",
            Self::Out => "withdraw",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::In => Kind::Deposit,
            Self::Out => Kind::Withdrawal,
        }
    }

    fn signed(self, minor: i64) -> i64 {
        match self {
            Self::In => minor,
            Self::Out => -minor,
        }
    }
}

/// The result of a deposit or a withdrawal, which is also stored with its idempotency key.
#[derive(Serialize, Deserialize)]
struct Done {
    /// The ledger entry of the balance.
    entry: ledger_entry::Model,
    /// The wallet right after the entry.
    wallet: wallet::Model,
}

impl Changed for Done {
    fn events(&self) -> Vec<Event> {
        self.wallet.events()
    }
}

async fn carry_out(ctx: &Context<'_>, way: Way, amount: Money, key: Option<String>) -> Result<Transaction> {
    let viewer = ctx.viewer();
    let owner = viewer.user()?;
    ctx.data_unchecked::<Arc<Settings>>()
        .check("amount", &amount, LEAST_MINOR)?;
    // Deposits and withdrawals share a key scope: at the brokerage they are one route, so one key is valid for one of them.
    let request = (way.field(), amount.minor, &amount.currency);
    let key = IdempotencyKey::of(viewer, "deposit or withdraw", key, &request)?;
    let now_us = ctx.now_us();
    let done = ctx
        .services()
        .write_and_tell(
            async move |tx| {
                once(tx, key.as_ref(), now_us, async || {
                    record(tx, owner, way, &amount, now_us).await
                })
                .await
            },
            Changed::events,
        )
        .await?;
    let Done { entry, wallet } = done.into_inner();
    Ok(Transaction::new(entry, &wallet))
}

async fn record(tx: &Tx, owner: i64, way: Way, amount: &Money, now_us: i64) -> Result<Done> {
    // The token may be older than the deactivation.
    if !user::is_active(tx, owner).await? {
        return Err(Error::Unauthenticated);
    }
    let minor = way.signed(amount.minor);
    let legs = [(Account::Of(owner, Bucket::Balance), minor), (Account::Outside, -minor)];
    let mut moved = ledger::post(tx, Movement::of(way.kind(), &amount.currency), &legs, now_us).await?;
    let lost = || Error::Internal("a movement without its wallet or its entry".into());
    let wallet = moved.wallets.pop().ok_or_else(lost)?;
    let mut entries = ledger_entry::of_movement(tx, moved.movement_id, wallet.id).await?;
    let entry = entries.pop().ok_or_else(lost)?;
    Ok(Done { entry, wallet })
}
