//! Karma: the score of a person's posts.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Error, IdempotencyKey, Once, Result, Tx, once};
use entities::user::{self, KARMA, KarmaChange};

use crate::person::COMMUNITY;
use crate::profile::{named, protected};
use crate::user::{User, news};

/// The mutations of karma. Votes change it too; these mutations are for operators.
#[derive(Default)]
pub struct KarmaMutation;

#[Object]
impl KarmaMutation {
    /// Adds one to a person's karma. Exactly one of `userId` and `username` names the person. `CONFLICT` if the karma
    /// is 2,147,483,647 already. For operators.
    async fn increment_karma(
        &self,
        ctx: &Context<'_>,
        user_id: Option<ID>,
        username: Option<String>,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<User> {
        add(ctx, Way::Up, user_id, username, idempotency_key).await
    }

    /// Subtracts one from a person's karma, also below zero. Exactly one of `userId` and `username` names the person.
    /// `CONFLICT` if the karma is -2,147,483,648 already. For operators.
    async fn decrement_karma(
        &self,
        ctx: &Context<'_>,
        user_id: Option<ID>,
        username: Option<String>,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<User> {
        add(ctx, Way::Down, user_id, username, idempotency_key).await
    }
}

#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

impl Way {
    fn field(self) -> &'static str {
        match self {
            Self::Up => "incrementKarma",
            Self::Down => "decrementKarma",
        }
    }

    fn points(self) -> i64 {
        match self {
            Self::Up => 1,
            Self::Down => -1,
        }
    }
}

async fn add(
    ctx: &Context<'_>,
    way: Way,
    user_id: Option<ID>,
    username: Option<String>,
    key: Option<String>,
) -> Result<User> {
    ctx.viewer().operator_or(COMMUNITY)?;
    if user_id.is_none() && username.is_none() {
        return Err(Error::invalid("userId", "or else username is needed"));
    }
    let id = named(ctx, &[COMMUNITY], user_id, username).await?;
    let key = IdempotencyKey::of(ctx.viewer(), way.field(), key, &id)?;
    let now_us = ctx.now_us();
    let own = ctx.viewer().is(id);
    let by = ctx.viewer().authority()?;
    // The idempotency key stores only the karma, no personal data: erasing an account has to remove all of that.
    let change = async move |tx: &Tx| {
        let add = async || match user::add_karma(tx, &by, id, way.points()).await? {
            KarmaChange::Done(person) => Ok(person.karma),
            KarmaChange::OutOfRange => Err(out_of_range()),
            KarmaChange::Protected => Err(protected(&by)),
            // The token may be older than the deactivation.
            KarmaChange::Nobody if own => Err(Error::Unauthenticated),
            KarmaChange::Nobody => Err(Error::NotFound("user")),
        };
        let karma = once(tx, key.as_ref(), now_us, add).await?;
        let person = user::by_id(tx, id).await?.ok_or(Error::NotFound("user"))?;
        Ok(karma.map(|karma| user::Model { karma, ..person }))
    };
    let tell = |done: &Once<user::Model>| done.first().map(|person| news(person, true));
    let done = ctx.services().write_and_tell(change, tell).await?;
    Ok(User::of(done.into_inner()))
}

fn out_of_range() -> Error {
    Error::conflict(format!("karma must stay between {} and {}", KARMA.start(), KARMA.end()))
}
