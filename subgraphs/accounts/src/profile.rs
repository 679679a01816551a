//! Mutations of a person's own data: profile, email, password.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, EntityType, Error, Result, SessionId, Tx, Viewer};
use entities::authority::Authority;
use entities::session::{self, SessionSelection};
use entities::user::{self, NameConflict};
use entities::user_change::{self, UserChangeOutcome};
use sea_orm::ActiveValue::Set;

use crate::password::Password;
use crate::session::AuthService;
use crate::sign_in::conflict_error;
use crate::user::{User, invalidation};
use crate::user_input::{COMMUNITY_MOUNT, ProfileInput, SHOP_MOUNT, UserPatch, ValidatedUserUpdate, validate_email};

/// The mutations of a person's own data.
#[derive(Default)]
pub struct ProfileMutation;

#[Object]
impl ProfileMutation {
    /// Changes the viewer's profile; operators may name another person.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: ProfileInput,
        #[graphql(desc = "The person's id; the default is the viewer.")] user_id: Option<ID>,
    ) -> Result<User> {
        let id = target_user_id(ctx.viewer(), &[], user_id)?;
        apply_update(ctx, id, input.validate()?, None).await
    }

    /// Changes the viewer's email; operators may name another person, by id or by username.
    async fn update_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new email address: up to 254 characters, unique without regard to case.")] email: String,
        #[graphql(desc = "The person's id.")] user_id: Option<ID>,
        #[graphql(desc = "The person's username, in any case.")] username: Option<String>,
    ) -> Result<User> {
        ctx.viewer().require_signed_in_or(COMMUNITY_MOUNT)?;
        let email = validate_email("email", &email)?;
        let id = find_target_user_id(ctx, &[COMMUNITY_MOUNT], user_id, username).await?;
        let columns = user::ActiveModel {
            email: Set(Some(email)),
            ..Default::default()
        };
        let change = ValidatedUserUpdate {
            columns,
            brokers_only: false,
            public: false,
        };
        apply_update(ctx, id, change, None).await
    }

    /// Changes the data of an account: all of the changes, or none. For the person and for programs; administrators use
    /// `updateProfile`, `updateEmail` and `setPassword`. A new password ends all other sessions of the person.
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id.")] id: ID,
        #[graphql(desc = "The changes.")] input: UserPatch,
    ) -> Result<User> {
        ctx.viewer().require_signed_in_or(SHOP_MOUNT)?;
        let (change, password) = input.validate()?;
        let id = EntityType::User.parse("id", &id)?.ok_or(Error::NotFound("user"))?;
        let is_allowed =
            ctx.viewer().is_user(id) || matches!(ctx.viewer(), Viewer::Service { .. } | Viewer::OpenMount { .. });
        // Which ids exist is no secret: another person's account is `FORBIDDEN`, an unknown one is `NOT_FOUND`.
        if !is_allowed && user::is_active(ctx.db().read(), id).await? {
            return Err(Error::Forbidden("this belongs to somebody else"));
        }
        if !is_allowed {
            return Err(Error::NotFound("user"));
        }
        apply_update(ctx, id, change, password).await
    }

    /// Changes the viewer's password and ends all their other sessions. A wrong current password counts like a wrong
    /// password in `login`.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The viewer's current password.", secret)] current: String,
        #[graphql(desc = "The new password, 8 to 256 characters.", secret)] new: String,
    ) -> Result<bool> {
        let auth = ctx.data_unchecked::<Arc<AuthService>>();
        let id = ctx.viewer().require_user()?;
        let (current, new) = (Password::unvalidated(current), Password::try_new("new", new)?);
        let found = user::by_id(ctx.db().read(), id).await?;
        let person = found.filter(|person| person.active).ok_or(Error::Unauthenticated)?;
        if !auth
            .verify_password(ctx.services(), None, Some(&person), &current)
            .await?
        {
            return Err(Error::invalid("current", "is not the current password"));
        }
        let which = other_sessions(ctx, id);
        set_password(ctx, person, new, which).await
    }

    /// Sets a person's password without the old one, and ends all their sessions. For operators.
    async fn set_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person's id.")] user_id: ID,
        #[graphql(desc = "The new password, 8 to 256 characters.", secret)] new: String,
    ) -> Result<bool> {
        ctx.viewer().require_operator()?;
        let new = Password::try_new("new", new)?;
        let id = EntityType::User
            .parse("userId", &user_id)?
            .ok_or(Error::NotFound("user"))?;
        let found = user::by_id(ctx.db().read(), id).await?;
        let person = found.filter(|person| person.active).ok_or(Error::NotFound("user"))?;
        set_password(ctx, person, new, SessionSelection::All).await
    }
}

/// Executes a change of an account in one write transaction. A new password ends all sessions but the viewer's own.
async fn apply_update(
    ctx: &Context<'_>,
    id: i64,
    change: ValidatedUserUpdate,
    password: Option<Password>,
) -> Result<User> {
    let auth = ctx.data_unchecked::<Arc<AuthService>>();
    let ValidatedUserUpdate {
        mut columns,
        brokers_only,
        public,
    } = change;
    let ends = password.is_some().then(|| other_sessions(ctx, id));
    let by = ctx.viewer().authority()?;
    if let Some(password) = password {
        // An early check that saves the hashing. The check inside the transaction decides.
        if let Some(refusal) = user_change::rejection_reason(ctx.db().read(), &by, id).await? {
            return changed_user(ctx, id, refusal);
        }
        columns.password_hash = Set(Some(auth.hasher.hash(&password).await?));
        columns.password_via = Set(ctx.viewer().mount().map(str::to_owned));
    }
    let now_us = ctx.now_us();
    let auth = auth.clone();
    let write = async move |tx: &Tx| {
        if brokers_only {
            let person = user::by_id(tx, id).await?;
            if person.is_some_and(|person| person.active && person.fee_basis_points.is_none()) {
                return Err(Error::invalid("input.brokerageFeePercent", "is for brokers only"));
            }
        }
        let outcome = match user_change::change(tx, &by, id, columns.clone()).await? {
            // An error, so that the transaction rolls back.
            UserChangeOutcome::EmailTaken => return Err(conflict_error(NameConflict::Email)),
            outcome => outcome,
        };
        if let UserChangeOutcome::Done(person) = &outcome {
            if let Some(which) = ends {
                auth.publish_ended(tx, &session::end(tx, id, which, now_us).await?, now_us);
            }
            tx.publish(invalidation(person, public));
        }
        Ok(outcome)
    };
    let outcome = ctx.services().write(write).await?;
    changed_user(ctx, id, outcome)
}

/// The sessions that a password change ends: all of that person's but the one in which the viewer makes the change.
fn other_sessions(ctx: &Context<'_>, id: i64) -> SessionSelection {
    let own = ctx.data_opt::<SessionId>().filter(|_| ctx.viewer().is_user(id));
    own.map_or(SessionSelection::All, |session| SessionSelection::AllBut(session.0))
}

async fn set_password(ctx: &Context<'_>, person: user::Model, new: Password, which: SessionSelection) -> Result<bool> {
    let auth = ctx.data_unchecked::<Arc<AuthService>>();
    let (by, now_us) = (ctx.viewer().authority()?, ctx.now_us());
    if user_change::rejection_reason(ctx.db().read(), &by, person.id).await? == Some(UserChangeOutcome::Protected) {
        return Err(protected_account_error(&by));
    }
    let hash = auth.hasher.hash(&new).await?;
    let auth = auth.clone();
    let write = async move |tx: &Tx| {
        let before = person.password_hash.as_deref();
        if !user_change::replace_password(tx, &by, person.id, before, &hash).await? {
            return Err(Error::conflict("the password was changed meanwhile"));
        }
        auth.publish_ended(tx, &session::end(tx, person.id, which, now_us).await?, now_us);
        Ok(true)
    };
    ctx.services().write(write).await
}

/// Returns the id of the account to change: the viewer's own, or the one that an operator or a caller of one of these
/// open mounts names. The statement that changes the account checks whether the mount may change it.
///
/// # Errors
/// `UNAUTHENTICATED`, `FORBIDDEN`, and `NOT_FOUND` for an id that cannot be one.
pub(crate) fn target_user_id(viewer: &Viewer, mounts: &[&str], user_id: Option<ID>) -> Result<i64> {
    let Some(user_id) = user_id else {
        return viewer.require_user();
    };
    let is_by_mount = viewer.mount().is_some_and(|mount| mounts.contains(&mount));
    match EntityType::User.parse("userId", &user_id)? {
        Some(id) if is_by_mount => Ok(id),
        None if is_by_mount => Err(Error::NotFound("user")),
        Some(id) => viewer.require_self_or_operator(id).map(|()| id),
        // No account can have this id. Only a caller that may name other accounts learns that.
        None => viewer.require_operator().and(Err(Error::NotFound("user"))),
    }
}

/// As [`target_user_id`], but a username can name the account instead of an id.
///
/// # Errors
/// As [`target_user_id`], and `INVALID_INPUT` for both at once.
pub(crate) async fn find_target_user_id(
    ctx: &Context<'_>,
    mounts: &[&str],
    user_id: Option<ID>,
    username: Option<String>,
) -> Result<i64> {
    let viewer = ctx.viewer();
    let is_by_mount = viewer.mount().is_some_and(|mount| mounts.contains(&mount));
    let username = match (user_id, username) {
        (user_id, None) => return target_user_id(viewer, mounts, user_id),
        (None, Some(username)) => username,
        (Some(_), Some(_)) => {
            return viewer
                .require_signed_in()
                .and(Err(Error::invalid("username", "cannot be combined with userId")));
        }
    };
    if !is_by_mount {
        viewer.require_signed_in()?;
    }
    let found = user::by_username(ctx.db().read(), &username).await?;
    if !is_by_mount {
        // No account has the id 0. Callers without the right get the same error for an unknown username as for a known one.
        viewer.require_self_or_operator(found.as_ref().map_or(0, |person| person.id))?;
    }
    found.map(|person| person.id).ok_or(Error::NotFound("user"))
}

/// Returns the person after a change, or the error for its result.
///
/// # Errors
/// `NOT_FOUND`, or `UNAUTHENTICATED` for a viewer whose own account is gone; `FORBIDDEN` for an account that the viewer's
/// right does not cover; `CONFLICT` for a taken email and for the last active administrator.
pub(crate) fn changed_user(ctx: &Context<'_>, id: i64, changed: UserChangeOutcome) -> Result<User> {
    match changed {
        UserChangeOutcome::Done(person) => Ok(User::new(*person)),
        UserChangeOutcome::EmailTaken => Err(conflict_error(NameConflict::Email)),
        UserChangeOutcome::Protected => Err(protected_account_error(&ctx.viewer().authority()?)),
        UserChangeOutcome::LastAdministrator => Err(Error::conflict(
            "the last active administrator cannot be deactivated or erased: make another one first",
        )),
        UserChangeOutcome::NotFound if ctx.viewer().is_user(id) => Err(Error::Unauthenticated),
        UserChangeOutcome::NotFound => Err(Error::NotFound("user")),
    }
}

/// The error for a change of an account that this authority does not cover.
pub(crate) fn protected_account_error(by: &Authority) -> Error {
    Error::Forbidden(match by {
        Authority::OpenMount(_) => {
            "only an account that was made here and holds nothing can be changed without a token"
        }
        _ => "a service credential cannot change an administrator's account",
    })
}
