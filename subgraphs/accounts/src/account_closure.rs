//! Closing an account: deactivation, which keeps the data, and erasure, which removes it.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Event, Result, Tx, TxExt};
use entities::account_closure;
use entities::session::{self, SessionSelection};
use entities::user;
use entities::user_change::{self, UserChangeOutcome};

use crate::profile::{changed_user, find_target_user_id, target_user_id};
use crate::user::{User, invalidation};
use crate::user_input::{COMMUNITY_MOUNT, SHOP_MOUNT};

/// The mutations that close an account.
#[derive(Default)]
pub struct AccountClosureMutation;

#[Object]
impl AccountClosureMutation {
    /// Deactivates the viewer's account; operators may name another account, by id or by username. Logging in to it is
    /// no longer possible, and only operators find it. Its username stays taken, and its posts and messages stay. Its
    /// authorizations, as investor or as broker, end, and its pending orders are cancelled. `CONFLICT` for the last
    /// active administrator.
    async fn deactivate_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id.")] user_id: Option<ID>,
        #[graphql(desc = "The account's username, in any case.")] username: Option<String>,
    ) -> Result<User> {
        let id = find_target_user_id(ctx, &[COMMUNITY_MOUNT, SHOP_MOUNT], user_id, username).await?;
        close_account(ctx, id, false).await
    }

    /// Erases the viewer's account; operators may name another account. Email, names, phone, address and password are
    /// removed permanently. Its username stays taken, and the records of its actions stay. Its authorizations and
    /// pending orders end as with `deactivateAccount`. Only operators can erase a deactivated account. `CONFLICT` for
    /// the last active administrator.
    async fn erase_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id; the default is the viewer's own account.")] user_id: Option<ID>,
    ) -> Result<bool> {
        let id = target_user_id(ctx.viewer(), &[], user_id)?;
        close_account(ctx, id, true).await.map(|_| true)
    }
}

async fn close_account(ctx: &Context<'_>, id: i64, erase: bool) -> Result<User> {
    let now_us = ctx.now_us();
    let operator = ctx.viewer().is_operator();
    let by = ctx.viewer().authority()?;
    let write = async move |tx: &Tx| {
        let change = if !erase {
            user_change::deactivate(tx, &by, id, now_us).await?
        } else if operator || user::is_active(tx, id).await? {
            user_change::erase(tx, &by, id, now_us).await?
        } else {
            UserChangeOutcome::NotFound
        };
        let UserChangeOutcome::Done(person) = &change else {
            return Ok((change, Vec::new()));
        };
        session::end(tx, id, SessionSelection::All, now_us).await?;
        // All tokens of this person are void from now on, so the event needs to name no session.
        tx.publish(Event::SessionsEnded {
            user: id,
            session: None,
            at_us: now_us,
        });
        tx.publish(invalidation(person, true));
        let ended = account_closure::end_obligations(tx, id, now_us).await?;
        tx.invalidate(&ended);
        Ok((change, ended.without_reserve))
    };
    let (change, without_reserve) = ctx.services().write(write).await?;
    if !without_reserve.is_empty() {
        tracing::error!(orders = ?without_reserve, "orders of a closed account have no reserved funds or shares");
    }
    changed_user(ctx, id, change)
}
