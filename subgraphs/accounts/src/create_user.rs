//! The mutation with which an operator creates an account for another person, without a password.

use async_graphql::{Context, InputObject, Object};
use contract::{ContextExt, Error, IdempotencyKey, Result, Tx, idempotent};
use entities::user::{self, KARMA};

use crate::registration_receipt::RegistrationReceipt;
use crate::sign_in::conflict_error;
use crate::user::{User, invalidation};
use crate::user_input::{COMMUNITY_MOUNT, validate_email, validate_username};

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
        #[graphql(desc = "The data of the account.")] input: CreateUserInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<User> {
        ctx.viewer().require_operator_or(COMMUNITY_MOUNT)?;
        let now_us = ctx.now_us();
        let person = user::Model {
            made_via: ctx.viewer().mount().map(str::to_owned),
            ..input.validate(now_us)?
        };
        let request = (&person.username, &person.email, person.karma);
        let key = IdempotencyKey::for_mutation(ctx.viewer(), "createUser", idempotency_key, &request)?;
        let write = async move |tx: &Tx| {
            let insert = async || match user::insert(tx, person.clone()).await? {
                Ok(person) => {
                    tx.publish(invalidation(&person, true));
                    Ok(RegistrationReceipt::new(&person))
                }
                Err(taken) => Err(conflict_error(taken)),
            };
            let created = idempotent(tx, key.as_ref(), now_us, insert).await?;
            Ok(created.into_inner().original_user(person.clone()))
        };
        ctx.services().write(write).await.map(User::new)
    }
}

impl CreateUserInput {
    fn validate(self, now_us: i64) -> Result<user::Model> {
        if !KARMA.contains(&self.karma) {
            let reason = format!("must be from {} to {}", KARMA.start(), KARMA.end());
            return Err(Error::invalid("input.karma", reason));
        }
        Ok(user::Model {
            email: Some(validate_email("input.email", &self.email)?),
            karma: self.karma,
            ..user::Model::with_username(validate_username("input.username", &self.username)?, now_us)
        })
    }
}
