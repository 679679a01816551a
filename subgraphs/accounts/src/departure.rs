//! Leaving: for now, or with everything that was known.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Event, Result};
use entities::session::{self, Which};
use entities::user::{self, Changed};

use crate::profile::{settled, whose};
use crate::session::to_the_end;
use crate::user::User;

/// Leaving.
#[derive(Default)]
pub struct DepartureMutation;

#[Object]
impl DepartureMutation {
    /// Deactivates the viewer's account; an administrator may name somebody else's. Nobody can log in to it any more
    /// or find it; its name stays taken, and what it wrote stays.
    async fn deactivate_account(&self, ctx: &Context<'_>, user_id: Option<ID>) -> Result<User> {
        leave(ctx, user_id, false).await
    }

    /// Erases the viewer's account; an administrator may name somebody else's. Email, names, phone, address and
    /// password are gone for good; its username stays taken, and what it did stays. One that was deactivated before
    /// only an administrator can erase.
    async fn erase_account(&self, ctx: &Context<'_>, user_id: Option<ID>) -> Result<bool> {
        leave(ctx, user_id, true).await.map(|_| true)
    }
}

async fn leave(ctx: &Context<'_>, user_id: Option<ID>, erase: bool) -> Result<User> {
    let id = whose(ctx.viewer(), user_id)?;
    let now_us = ctx.now_us();
    let operator = ctx.viewer().is_operator();
    let services = ctx.services().clone();
    let left = to_the_end(async move {
        let left = services.db.write(async move |tx| {
            let left = match erase {
                false => user::deactivate(tx, id, now_us).await?,
                true if operator || user::is_active(tx, id).await? => user::erase(tx, id, now_us).await?,
                true => Changed::Nobody,
            };
            session::end(tx, id, Which::All, now_us).await?;
            Ok(left)
        });
        let left = left.await?;
        if matches!(left, Changed::Done(_)) {
            // No token of this person will ever be good again, so there is no need to name sessions.
            services.bus.publish(Event::SessionsEnded {
                user: id,
                session: None,
                at_us: now_us,
            });
        }
        Ok(left)
    });
    let person = settled(ctx, id, left.await?)?;
    person.publish(ctx, true);
    Ok(person)
}
