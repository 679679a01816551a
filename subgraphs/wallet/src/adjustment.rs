//! The mutation with which programs set the balances of a wallet.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, EntityType, Error, Money, Result, Tx, TxExt, Viewer};
use entities::adjustment::{self, AdjustmentOutcome, TargetBalance};
use entities::{user, wallet};

use crate::settings::Settings;
use crate::wallet::Wallet;

/// The mutation for programs.
#[derive(Default)]
pub struct AdjustmentMutation;

#[Object]
impl AdjustmentMutation {
    /// Sets the free money in a person's wallet of that currency. With `committed`, also sets the money that is set
    /// aside for brokers and lent to them, together. The difference comes from outside the system, or leaves it. For
    /// programs. `INVALID_INPUT` for an amount below zero, and for a `committed` below the money that is lent.
    /// `CONFLICT` if the wallet cannot hold that much.
    async fn set_balance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person's id.")] user_id: ID,
        #[graphql(desc = "The money that is free from now on.")] balance: Money,
        #[graphql(desc = "The money that is set aside for brokers and lent to them from now on, together.")]
        committed: Option<Money>,
    ) -> Result<Wallet> {
        require_program(ctx.viewer())?;
        let settings = ctx.data_unchecked::<Arc<Settings>>();
        settings.check("balance", &balance, 0)?;
        if let Some(committed) = &committed {
            settings.check("committed", committed, 0)?;
            if committed.currency != balance.currency {
                return Err(Error::invalid("committed", "must be of the balance's currency"));
            }
        }
        let person = EntityType::User
            .parse("userId", &user_id)?
            .ok_or(Error::NotFound("user"))?;
        let to = TargetBalance {
            balance: balance.minor,
            committed: committed.map(|committed| committed.minor),
        };
        let now_us = ctx.now_us();
        let wallet = ctx
            .services()
            .write(async move |tx| adjust(tx, person, &balance.currency, to, now_us).await)
            .await?;
        Ok(Wallet(wallet))
    }
}

/// Requires that the viewer is a program: not even an administrator may create money.
fn require_program(viewer: &Viewer) -> Result<()> {
    match viewer {
        Viewer::Service { .. } => Ok(()),
        Viewer::Anonymous => Err(Error::Unauthenticated),
        Viewer::User { .. } | Viewer::OpenMount { .. } => Err(Error::Forbidden("only a program may do this")),
    }
}

/// Sets the balances and returns the wallet.
async fn adjust(tx: &Tx, person: i64, currency: &str, to: TargetBalance, now_us: i64) -> Result<wallet::Model> {
    if !user::is_active(tx, person).await? {
        return Err(Error::NotFound("user"));
    }
    match adjustment::adjust(tx, person, currency, to, now_us).await? {
        AdjustmentOutcome::Adjusted(wallet) => {
            tx.invalidate(&*wallet);
            Ok(*wallet)
        }
        AdjustmentOutcome::Unchanged(wallet) => Ok(*wallet),
        AdjustmentOutcome::BelowLent(minor) => {
            let lent = Money {
                minor,
                currency: currency.to_owned(),
            };
            let reason = format!("must be at least {}: that much is lent", lent.amount());
            Err(Error::invalid("committed", reason))
        }
    }
}
