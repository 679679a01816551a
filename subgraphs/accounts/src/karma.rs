//! Karma: what others think of a person's posts.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Error, Result, Tx, parse_id};
use entities::user;

use crate::profile::settled;
use crate::user::{User, news_of};

/// Changes of karma. Votes make it; by hand it is for administrators only.
#[derive(Default)]
pub struct KarmaMutation;

#[Object]
impl KarmaMutation {
    /// Adds one to a person's karma. Administrators only.
    async fn increment_karma(&self, ctx: &Context<'_>, user_id: ID) -> Result<User> {
        add(ctx, user_id, 1).await
    }

    /// Takes one from a person's karma, also below zero. Administrators only.
    async fn decrement_karma(&self, ctx: &Context<'_>, user_id: ID) -> Result<User> {
        add(ctx, user_id, -1).await
    }
}

async fn add(ctx: &Context<'_>, user_id: ID, points: i64) -> Result<User> {
    ctx.viewer().operator()?;
    let id = parse_id(&user_id).ok_or(Error::NotFound("user"))?;
    let change = async move |tx: &Tx| Ok(user::add_karma(tx, id, points).await?);
    let done = ctx
        .services()
        .write_and_tell(change, |done| news_of(done, true))
        .await?;
    settled(ctx, id, done)
}
