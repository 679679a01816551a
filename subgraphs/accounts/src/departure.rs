//! Closing an account: deactivation, which keeps the data, and erasure, which removes it.

use async_graphql::{Context, ID, Object};
use contract::{Changed as _, ContextExt, Event, Result, Tx};
use entities::expiry::Settled;
use entities::leaving;
use entities::session::{self, Which};
use entities::user::{self, Changed};

use crate::person::{COMMUNITY, SHOP};
use crate::profile::{named, settled, whose};
use crate::user::{User, news_of};

/// The mutations that close an account.
#[derive(Default)]
pub struct DepartureMutation;

#[Object]
impl DepartureMutation {
    /// Deactivates the viewer's account; operators may name another account, by id or by username. Logging in to it is
    /// no longer possible, and only operators find it. Its username stays taken, and its posts and messages stay. Its
    /// authorizations, as investor or as broker, end, and its pending orders are cancelled. `CONFLICT` for the last
    /// active administrator.
    async fn deactivate_account(
        &self,
        ctx: &Context<'_>,
        user_id: Option<ID>,
        username: Option<String>,
    ) -> Result<User> {
        let id = named(ctx, &[COMMUNITY, SHOP], user_id, username).await?;
        leave(ctx, id, false).await
    }

    /// Erases the viewer's account; operators may name another account. Email, names, phone, address and password are
    /// removed permanently. Its username stays taken, and the records of its actions stay. Its authorizations and
    /// pending orders end as with `deactivateAccount`. Only operators can erase a deactivated account. `CONFLICT` for
    /// the last active administrator.
    async fn erase_account(&self, ctx: &Context<'_>, user_id: Option<ID>) -> Result<bool> {
        let id = whose(ctx.viewer(), &[], user_id)?;
        leave(ctx, id, true).await.map(|_| true)
    }
}

async fn leave(ctx: &Context<'_>, id: i64, erase: bool) -> Result<User> {
    let now_us = ctx.now_us();
    let operator = ctx.viewer().is_operator();
    let by = ctx.viewer().authority()?;
    let leave = async move |tx: &Tx| {
        let left = match erase {
            false => user::deactivate(tx, &by, id, now_us).await?,
            true if operator || user::is_active(tx, id).await? => user::erase(tx, &by, id, now_us).await?,
            true => Changed::Nobody,
        };
        let Changed::Done(_) = &left else {
            return Ok((left, Settled::default()));
        };
        session::end(tx, id, Which::All, now_us).await?;
        let ended = leaving::end_all(tx, id, now_us).await?;
        Ok((left, ended))
    };
    let tell = move |(left, ended): &(Changed, Settled)| {
        let news = news_of(left, true);
        // All tokens of this person are void from now on, so the event needs to name no session.
        let farewell = news.is_some().then_some(Event::SessionsEnded {
            user: id,
            session: None,
            at_us: now_us,
        });
        farewell.into_iter().chain(news).chain(ended.events())
    };
    let (left, ended) = ctx.services().write_and_tell(leave, tell).await?;
    if !ended.uncovered.is_empty() {
        tracing::error!(orders = ?ended.uncovered, "orders of a closed account have no reserved funds or shares");
    }
    settled(ctx, id, left)
}
