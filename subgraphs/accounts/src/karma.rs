//! Karma: the score of a person's posts.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Error, IdempotencyKey, Result, Tx, idempotent};
use entities::user::{self, KARMA};
use entities::user_change::{self, KarmaChangeOutcome};

use crate::profile::{find_target_user_id, protected_account_error};
use crate::user::{User, invalidation};
use crate::user_input::COMMUNITY_MOUNT;

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
        #[graphql(desc = "The person's id.")] user_id: Option<ID>,
        #[graphql(desc = "The person's username, in any case.")] username: Option<String>,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<User> {
        change_karma(ctx, KarmaStep::Increment, user_id, username, idempotency_key).await
    }

    /// Subtracts one from a person's karma, also below zero. Exactly one of `userId` and `username` names the person.
    /// `CONFLICT` if the karma is -2,147,483,648 already. For operators.
    async fn decrement_karma(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person's id.")] user_id: Option<ID>,
        #[graphql(desc = "The person's username, in any case.")] username: Option<String>,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<User> {
        change_karma(ctx, KarmaStep::Decrement, user_id, username, idempotency_key).await
    }
}

#[derive(Clone, Copy)]
enum KarmaStep {
    Increment,
    Decrement,
}

impl KarmaStep {
    fn field(self) -> &'static str {
        match self {
            Self::Increment => "incrementKarma",
            Self::Decrement => "decrementKarma",
        }
    }

    fn points(self) -> i64 {
        match self {
            Self::Increment => 1,
            Self::Decrement => -1,
        }
    }
}

async fn change_karma(
    ctx: &Context<'_>,
    step: KarmaStep,
    user_id: Option<ID>,
    username: Option<String>,
    key: Option<String>,
) -> Result<User> {
    ctx.viewer().require_operator_or(COMMUNITY_MOUNT)?;
    if user_id.is_none() && username.is_none() {
        return Err(Error::invalid("userId", "or else username is needed"));
    }
    let id = find_target_user_id(ctx, &[COMMUNITY_MOUNT], user_id, username).await?;
    let key = IdempotencyKey::for_mutation(ctx.viewer(), step.field(), key, &id)?;
    let now_us = ctx.now_us();
    let is_own = ctx.viewer().is_user(id);
    let by = ctx.viewer().authority()?;
    // The idempotency key stores only the karma, no personal data: erasing an account has to remove all of that.
    let change = async move |tx: &Tx| {
        let add = async || match user_change::add_karma(tx, &by, id, step.points()).await? {
            KarmaChangeOutcome::Done(person) => {
                tx.publish(invalidation(&person, true));
                Ok(person.karma)
            }
            KarmaChangeOutcome::OutOfRange => Err(out_of_range()),
            KarmaChangeOutcome::Protected => Err(protected_account_error(&by)),
            // The token may be older than the deactivation.
            KarmaChangeOutcome::NotFound if is_own => Err(Error::Unauthenticated),
            KarmaChangeOutcome::NotFound => Err(Error::NotFound("user")),
        };
        let karma = idempotent(tx, key.as_ref(), now_us, add).await?.into_inner();
        let person = user::by_id(tx, id).await?.ok_or(Error::NotFound("user"))?;
        Ok(user::Model { karma, ..person })
    };
    ctx.services().write(change).await.map(User::new)
}

fn out_of_range() -> Error {
    Error::conflict(format!("karma must stay between {} and {}", KARMA.start(), KARMA.end()))
}
