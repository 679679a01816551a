//! The mutation with which an operator creates an account for another person, without a password.

use async_graphql::{Context, InputObject, Object};
use contract::{ContextExt, Error, IdempotencyKey, Once, Result, Tx, once};
use entities::user::{self, KARMA};

use crate::joined::Joined;
use crate::person::{COMMUNITY, email, username};
use crate::sign_in::conflict;
use crate::user::{User, news};

/// The data of a new member's account.
#[derive(InputObject)]
pub(crate) struct CreateUserInput {
    /// The username: up to 64 characters, unique without regard to case, never changed and never reused.
    username: String,
    /// The email address: up to 254 characters, unique without regard to case.
    email: String,
    /// The reputation of the person's posts so far; may be below zero.
    #[graphql(default = 0)]
    karma: i64,
}

/// The mutation that creates an account for another person.
#[derive(Default)]
pub struct CreateUserMutation;

#[Object]
impl CreateUserMutation {
    /// Creates a member's account. Logging in to it is possible once it has a password: see `setPassword`. For
    /// operators.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        input: CreateUserInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<User> {
        ctx.viewer().operator_or(COMMUNITY)?;
        let now_us = ctx.now_us();
        let person = user::Model {
            made_via: ctx.viewer().mount().map(str::to_owned),
            ..input.check(now_us)?
        };
        let request = (&person.username, &person.email, person.karma);
        let key = IdempotencyKey::of(ctx.viewer(), "createUser", idempotency_key, &request)?;
        let write = async move |tx: &Tx| {
            let join = async || match user::join(tx, person.clone()).await? {
                Ok(person) => Ok(Joined::of(&person)),
                Err(taken) => Err(conflict(taken)),
            };
            let made = once(tx, key.as_ref(), now_us, join).await?;
            Ok(made.map(|joined| joined.as_at_first(person.clone())))
        };
        let tell = |made: &Once<user::Model>| made.first().map(|person| news(person, true));
        let made = ctx.services().write_and_tell(write, tell).await?;
        Ok(User::of(made.into_inner()))
    }
}

impl CreateUserInput {
    fn check(self, now_us: i64) -> Result<user::Model> {
        if !KARMA.contains(&self.karma) {
            let reason = format!("must be from {} to {}", KARMA.start(), KARMA.end());
            return Err(Error::invalid("input.karma", reason));
        }
        Ok(user::Model {
            email: Some(email("input.email", &self.email)?),
            karma: self.karma,
            ..user::Model::named(username("input.username", &self.username)?, now_us)
        })
    }
}
