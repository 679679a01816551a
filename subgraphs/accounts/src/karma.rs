//! Karma: what others think of a person's posts.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Error, Result, Tx};
use entities::user;

use crate::profile::{named, settled};
use crate::user::{User, news_of};

/// Changes of karma. Votes make it; by hand it is for operators.
#[derive(Default)]
pub struct KarmaMutation;

#[Object]
impl KarmaMutation {
    /// Adds one to the karma of the person with that id or that username: exactly one of the two. For operators.
    async fn increment_karma(&self, ctx: &Context<'_>, user_id: Option<ID>, username: Option<String>) -> Result<User> {
        add(ctx, user_id, username, 1).await
    }

    /// Takes one from the karma of the person with that id or that username, also below zero: exactly one of the two.
    /// For operators.
    async fn decrement_karma(&self, ctx: &Context<'_>, user_id: Option<ID>, username: Option<String>) -> Result<User> {
        add(ctx, user_id, username, -1).await
    }
}

async fn add(ctx: &Context<'_>, user_id: Option<ID>, username: Option<String>, points: i64) -> Result<User> {
    ctx.viewer().operator()?;
    if user_id.is_none() && username.is_none() {
        return Err(Error::invalid("userId", "or else username is needed"));
    }
    let id = named(ctx, user_id, username).await?;
    let change = async move |tx: &Tx| Ok(user::add_karma(tx, id, points).await?);
    let done = ctx
        .services()
        .write_and_tell(change, |done| news_of(done, true))
        .await?;
    settled(ctx, id, done)
}
