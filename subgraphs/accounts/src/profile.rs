//! Mutations of a person's own data: profile, email, password.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Error, Result, SessionId, Tx, Viewer, parse_id};
use entities::authority::Authority;
use entities::session::{self, Which};
use entities::user::{self, Changed, Taken};
use sea_orm::ActiveValue::Set;

use crate::password::Password;
use crate::person::{COMMUNITY, Change, ProfileInput, SHOP, UserPatch, email as checked_email};
use crate::session::SignInDesk;
use crate::sign_in::conflict;
use crate::user::{User, news_of};

/// The mutations of a person's own data.
#[derive(Default)]
pub struct ProfileMutation;

#[Object]
impl ProfileMutation {
    /// Changes the viewer's profile; operators may name another person.
    async fn update_profile(&self, ctx: &Context<'_>, input: ProfileInput, user_id: Option<ID>) -> Result<User> {
        let id = whose(ctx.viewer(), &[], user_id)?;
        carry_out(ctx, id, input.check()?, None).await
    }

    /// Changes the viewer's email; operators may name another person, by id or by username.
    async fn update_email(
        &self,
        ctx: &Context<'_>,
        email: String,
        user_id: Option<ID>,
        username: Option<String>,
    ) -> Result<User> {
        ctx.viewer().signed_in_or(COMMUNITY)?;
        let email = checked_email("email", &email)?;
        let id = named(ctx, &[COMMUNITY], user_id, username).await?;
        let columns = user::ActiveModel {
            email: Set(Some(email)),
            ..Default::default()
        };
        let change = Change {
            columns,
            brokers_only: false,
            public: false,
        };
        carry_out(ctx, id, change, None).await
    }

    /// Changes the data of an account: all of the changes, or none. For the person and for programs; administrators use
    /// `updateProfile`, `updateEmail` and `setPassword`. A new password ends all other sessions of the person.
    async fn update_user(&self, ctx: &Context<'_>, id: ID, input: UserPatch) -> Result<User> {
        ctx.viewer().signed_in_or(SHOP)?;
        let (change, password) = input.check()?;
        let id = parse_id(&id).ok_or(Error::NotFound("user"))?;
        let may = ctx.viewer().is(id) || matches!(ctx.viewer(), Viewer::Service { .. } | Viewer::OpenMount { .. });
        // Which ids exist is no secret: another person's account is `FORBIDDEN`, an unknown one is `NOT_FOUND`.
        if !may && user::is_active(ctx.db().read(), id).await? {
            return Err(Error::Forbidden("this belongs to somebody else"));
        }
        if !may {
            return Err(Error::NotFound("user"));
        }
        carry_out(ctx, id, change, password).await
    }

    /// Changes the viewer's password and ends all their other sessions. A wrong current password counts like a wrong
    /// password in `login`.
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
        if !desk.proves(ctx.services(), None, Some(&person), &current).await? {
            return Err(Error::invalid("current", "is not the current password"));
        }
        let which = others(ctx, id);
        set_password(ctx, person, new, which).await
    }

    /// Sets a person's password without the old one, and ends all their sessions. For operators.
    async fn set_password(&self, ctx: &Context<'_>, user_id: ID, #[graphql(secret)] new: String) -> Result<bool> {
        ctx.viewer().operator()?;
        let new = Password::chosen("new", new)?;
        let id = parse_id(&user_id).ok_or(Error::NotFound("user"))?;
        let found = user::by_id(ctx.db().read(), id).await?;
        let person = found.filter(|person| person.active).ok_or(Error::NotFound("user"))?;
        set_password(ctx, person, new, Which::All).await
    }
}

/// Executes a change of an account in one write transaction. A new password ends all sessions but the viewer's own.
async fn carry_out(ctx: &Context<'_>, id: i64, change: Change, password: Option<Password>) -> Result<User> {
    let desk = ctx.data_unchecked::<Arc<SignInDesk>>();
    let Change {
        mut columns,
        brokers_only,
        public,
    } = change;
    let ends = password.is_some().then(|| others(ctx, id));
    let by = ctx.viewer().authority()?;
    if let Some(password) = password {
        // An early check that saves the hashing. The check inside the transaction decides.
        if let Some(refusal) = user::refusal(ctx.db().read(), &by, id).await? {
            return settled(ctx, id, refusal);
        }
        columns.password_hash = Set(Some(desk.hasher.hash(&password).await?));
        columns.password_via = Set(ctx.viewer().mount().map(str::to_owned));
    }
    let now_us = ctx.now_us();
    let write = async move |tx: &Tx| {
        if brokers_only {
            let person = user::by_id(tx, id).await?;
            if person.is_some_and(|person| person.active && person.fee_basis_points.is_none()) {
                return Err(Error::invalid("input.brokerageFeePercent", "is for brokers only"));
            }
        }
        let done = match user::change(tx, &by, id, columns.clone()).await? {
            // An error, so that the transaction rolls back.
            Changed::EmailTaken => return Err(conflict(Taken::Email)),
            done => done,
        };
        let ended = match (ends, &done) {
            (Some(which), Changed::Done(_)) => session::end(tx, id, which, now_us).await?,
            _ => Vec::new(),
        };
        Ok((done, ended))
    };
    let desk = desk.clone();
    let tell = move |(done, ended): &(Changed, Vec<session::Model>)| {
        let farewell = desk.farewell(ended, now_us).into_iter();
        farewell.chain(news_of(done, public))
    };
    let (done, _) = ctx.services().write_and_tell(write, tell).await?;
    settled(ctx, id, done)
}

/// The sessions that a password change ends: all of that person's but the one in which the viewer makes the change.
fn others(ctx: &Context<'_>, id: i64) -> Which {
    let own = ctx.data_opt::<SessionId>().filter(|_| ctx.viewer().is(id));
    own.map_or(Which::All, |session| Which::AllBut(session.0))
}

async fn set_password(ctx: &Context<'_>, person: user::Model, new: Password, which: Which) -> Result<bool> {
    let desk = ctx.data_unchecked::<Arc<SignInDesk>>();
    let (by, now_us) = (ctx.viewer().authority()?, ctx.now_us());
    if user::refusal(ctx.db().read(), &by, person.id).await? == Some(Changed::Protected) {
        return Err(protected(&by));
    }
    let hash = desk.hasher.hash(&new).await?;
    let write = async move |tx: &Tx| {
        let before = person.password_hash.as_deref();
        if !user::replace_password(tx, &by, person.id, before, &hash).await? {
            return Err(Error::conflict("the password was changed meanwhile"));
        }
        Ok(session::end(tx, person.id, which, now_us).await?)
    };
    let desk = desk.clone();
    let tell = move |ended: &Vec<session::Model>| desk.farewell(ended, now_us);
    ctx.services().write_and_tell(write, tell).await?;
    Ok(true)
}

/// Returns the id of the account to change: the viewer's own, or the one that an operator or a caller of one of these
/// open mounts names. The statement that changes the account checks whether the mount may change it.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, and `NOT_FOUND` for an id that cannot be one.
pub(crate) fn whose(viewer: &Viewer, mounts: &[&str], user_id: Option<ID>) -> Result<i64> {
    let Some(user_id) = user_id else { return viewer.user() };
    let by_mount = viewer.mount().is_some_and(|mount| mounts.contains(&mount));
    match parse_id(&user_id) {
        Some(id) if by_mount => Ok(id),
        None if by_mount => Err(Error::NotFound("user")),
        Some(id) => viewer.self_or_operator(id).map(|()| id),
        // No account can have this id. Only a caller that may name other accounts learns that.
        None => viewer.operator().and(Err(Error::NotFound("user"))),
    }
}

/// As [`whose`], but a username can name the account instead of an id.
///
/// # Errors
/// As [`whose`], and `INVALID_INPUT` for both at once.
pub(crate) async fn named(
    ctx: &Context<'_>,
    mounts: &[&str],
    user_id: Option<ID>,
    username: Option<String>,
) -> Result<i64> {
    let viewer = ctx.viewer();
    let by_mount = viewer.mount().is_some_and(|mount| mounts.contains(&mount));
    let username = match (user_id, username) {
        (user_id, None) => return whose(viewer, mounts, user_id),
        (None, Some(username)) => username,
        (Some(_), Some(_)) => {
            return viewer
                .signed_in()
                .and(Err(Error::invalid("username", "cannot be combined with userId")));
        }
    };
    if !by_mount {
        viewer.signed_in()?;
    }
    let found = user::by_username(ctx.db().read(), &username).await?;
    if !by_mount {
        // No account has the id 0. Callers without the right get the same error for an unknown username as for a known one.
        viewer.self_or_operator(found.as_ref().map_or(0, |person| person.id))?;
    }
    found.map(|person| person.id).ok_or(Error::NotFound("user"))
}

/// Returns the person after a change, or the error for its result.
///
/// # Errors
/// `NOT_FOUND`, or `UNAUTHENTICATED` for a viewer whose own account is gone; `FORBIDDEN` for an account that the viewer's
/// right does not cover; `CONFLICT` for a taken email and for the last active administrator.
pub(crate) fn settled(ctx: &Context<'_>, id: i64, changed: Changed) -> Result<User> {
    match changed {
        Changed::Done(person) => Ok(User::of(*person)),
        Changed::EmailTaken => Err(conflict(Taken::Email)),
        Changed::Protected => Err(protected(&ctx.viewer().authority()?)),
        Changed::LastAdministrator => Err(Error::conflict(
            "the last active administrator cannot be deactivated or erased: make another one first",
        )),
        Changed::Nobody if ctx.viewer().is(id) => Err(Error::Unauthenticated),
        Changed::Nobody => Err(Error::NotFound("user")),
    }
}

/// The error for a change of an account that this authority does not cover.
pub(crate) fn protected(by: &Authority) -> Error {
    Error::Forbidden(match by {
        Authority::OpenMount(_) => {
            "only an account that was made here and holds nothing can be changed without a token"
        }
        _ => "a service credential cannot change an administrator's account",
    })
}
