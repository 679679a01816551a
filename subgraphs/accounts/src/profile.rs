//! What people change about themselves: profile, email, password.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Error, Result, SessionId, Tx, Viewer, parse_id};
use entities::session::{self, Which};
use entities::user::{self, Changed, Taken};
use sea_orm::ActiveValue::Set;

use crate::password::Password;
use crate::person::{ProfileInput, email as checked_email};
use crate::session::SignInDesk;
use crate::sign_in::{account, conflict};
use crate::user::{User, news_of};

/// What people change about themselves.
#[derive(Default)]
pub struct ProfileMutation;

#[Object]
impl ProfileMutation {
    /// Changes the viewer's profile; an administrator may name somebody else.
    async fn update_profile(&self, ctx: &Context<'_>, input: ProfileInput, user_id: Option<ID>) -> Result<User> {
        let id = whose(ctx.viewer(), user_id)?;
        let change = input.check()?;
        let (columns, brokers_only) = (change.columns, change.brokers_only);
        let write = async move |tx: &Tx| {
            if brokers_only {
                let person = user::by_id(tx, id).await?;
                if person.is_some_and(|person| person.active && person.fee_basis_points.is_none()) {
                    return Err(Error::invalid("input.brokerageFeePercent", "is for brokers only"));
                }
            }
            Ok(user::change(tx, id, columns.clone()).await?)
        };
        let tell = move |done: &Changed| news_of(done, change.public);
        let done = ctx.services().write_and_tell(write, tell).await?;
        settled(ctx, id, done)
    }

    /// Changes the viewer's email; an administrator may name somebody else.
    async fn update_email(&self, ctx: &Context<'_>, email: String, user_id: Option<ID>) -> Result<User> {
        let id = whose(ctx.viewer(), user_id)?;
        let to = user::ActiveModel {
            email: Set(Some(checked_email("email", &email)?)),
            ..Default::default()
        };
        let write = async move |tx: &Tx| match user::change(tx, id, to.clone()).await? {
            // An error, so that the transaction is given up.
            Changed::EmailTaken => Err(conflict(Taken::Email)),
            done => Ok(done),
        };
        let tell = |done: &Changed| news_of(done, false);
        let done = ctx.services().write_and_tell(write, tell).await?;
        settled(ctx, id, done)
    }

    /// Changes the viewer's password and ends all their other sessions. Wrong current passwords are counted like
    /// wrong passwords at log-in.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret)] current: String,
        #[graphql(secret)] new: String,
    ) -> Result<bool> {
        let desk = ctx.data_unchecked::<Arc<SignInDesk>>();
        let id = ctx.viewer().user()?;
        let (current, new) = (Password::offered(current), Password::chosen("new", new)?);
        let found = user::by_id(ctx.db().read(), id).await?;
        let person = found.filter(|person| person.active).ok_or(Error::Unauthenticated)?;
        let account = account(&person);
        if !desk.proves(ctx.services(), &account, Some(&person), &current).await? {
            return Err(Error::invalid("current", "is not the current password"));
        }
        let stays = ctx.data_opt::<SessionId>().map(|session| session.0);
        set_password(ctx, person, new, stays).await
    }

    /// Sets somebody's password without knowing the old one, and ends all their sessions. Administrators only.
    async fn set_password(&self, ctx: &Context<'_>, user_id: ID, #[graphql(secret)] new: String) -> Result<bool> {
        ctx.viewer().operator()?;
        let new = Password::chosen("new", new)?;
        let id = parse_id(&user_id).ok_or(Error::NotFound("user"))?;
        let found = user::by_id(ctx.db().read(), id).await?;
        let person = found.filter(|person| person.active).ok_or(Error::NotFound("user"))?;
        set_password(ctx, person, new, None).await
    }
}

async fn set_password(ctx: &Context<'_>, person: user::Model, new: Password, stays: Option<i64>) -> Result<bool> {
    let desk = ctx.data_unchecked::<Arc<SignInDesk>>();
    let hash = desk.hasher.hash(&new).await?;
    let now_us = ctx.now_us();
    let write = async move |tx: &Tx| {
        let before = person.password_hash.as_deref();
        if !user::replace_password(tx, person.id, before, &hash).await? {
            return Err(Error::conflict("the password was changed meanwhile"));
        }
        let which = stays.map_or(Which::All, Which::AllBut);
        Ok(session::end(tx, person.id, which, now_us).await?)
    };
    let desk = desk.clone();
    let tell = move |ended: &Vec<session::Model>| desk.farewell(ended, now_us);
    ctx.services().write_and_tell(write, tell).await?;
    Ok(true)
}

/// Lets people and programs pass.
///
/// # Errors
/// `UNAUTHENTICATED` for everyone else.
pub(crate) fn signed_in(viewer: &Viewer) -> Result<()> {
    match viewer {
        Viewer::Anonymous => Err(Error::Unauthenticated),
        Viewer::User { .. } | Viewer::Service { .. } => Ok(()),
    }
}

/// Whose account is meant: the viewer's own, or the one named by somebody who may.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, and `NOT_FOUND` for an id that cannot be one.
pub(crate) fn whose(viewer: &Viewer, user_id: Option<ID>) -> Result<i64> {
    let Some(user_id) = user_id else { return viewer.user() };
    match parse_id(&user_id) {
        Some(id) => viewer.self_or_operator(id).map(|()| id),
        // Nobody's id: only who may name others learns that.
        None => viewer.operator().and(Err(Error::NotFound("user"))),
    }
}

/// The person after a change.
///
/// # Errors
/// `NOT_FOUND`, or `UNAUTHENTICATED` for a viewer whose own account is gone, and `CONFLICT` for a taken email.
pub(crate) fn settled(ctx: &Context<'_>, id: i64, changed: Changed) -> Result<User> {
    match changed {
        Changed::Done(person) => Ok(User::of(*person)),
        Changed::EmailTaken => Err(conflict(Taken::Email)),
        Changed::Nobody if ctx.viewer().is(id) => Err(Error::Unauthenticated),
        Changed::Nobody => Err(Error::NotFound("user")),
    }
}
