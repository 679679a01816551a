//! The sign-in mutations: register, log in, refresh, log out.

use std::sync::Arc;

use async_graphql::{Context, Object};
use contract::{ContextExt, Error, IdempotencyKey, IdempotentResult, Result, SessionId, Tx, idempotent, required_text};
use entities::session::{self, RotationOutcome, SessionSelection};
use entities::user::{self, NameConflict};

use crate::password::Password;
use crate::registration_receipt::RegistrationReceipt;
use crate::session::{AuthService, INVALID_REFRESH_TOKEN, RefreshToken, SignedIn, stored_client_address};
use crate::user::invalidation;
use crate::user_input::{RegisterInput, new_user};

/// The length limit of an email, which is longer than that of a username.
const LOGIN_CHARS_MAX: usize = 254;
/// The same error for an unknown name and for a wrong password, so that it does not reveal which accounts exist.
const WRONG_CREDENTIALS: Error = Error::BadCredentials("wrong username, email or password");

/// The sign-in mutations.
#[derive(Default)]
pub struct SignInMutation;

#[Object]
impl SignInMutation {
    /// Creates an account and signs in. A retry with the same key and the right password returns the account as it was
    /// then and signs in again. Other callers may have chosen the same key, so a retry with a wrong password is
    /// `IDEMPOTENCY_MISMATCH`.
    async fn register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The data of the account.")] mut input: RegisterInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<SignedIn> {
        let auth = ctx.data_unchecked::<Arc<AuthService>>();
        let now_us = ctx.now_us();
        let password = Password::try_new("input.password", std::mem::take(&mut input.password))?;
        let mut person = new_user(input, now_us)?;
        // Without the password: the key's request digest is fast to compute, so it would make the password easy to guess.
        // A replay has to send the right password instead.
        let request = registration_fields(&person);
        let key = IdempotencyKey::for_mutation(ctx.viewer(), "register", idempotency_key, &request)?;
        if key.is_none() {
            // An early check that saves the hashing. The check inside the transaction decides.
            let username = Some(person.username.as_str()).filter(|username| !username.is_empty());
            require_available(user::name_conflict(ctx.db().read(), username, person.email.as_deref(), None).await?)?;
        }
        person.password_hash = Some(auth.hasher.hash(&password).await?);
        person.made_via = ctx.viewer().mount().map(str::to_owned);
        person.password_via = person.made_via.clone();

        let refresh = RefreshToken::new();
        let (digests, from) = (refresh.digests(), stored_client_address());
        let requested = person.clone();
        let auth_for_write = auth.clone();
        let write = async move |tx: &Tx| {
            let insert = async || match user::insert(tx, person.clone()).await? {
                Ok(person) => Ok(RegistrationReceipt::new(&person)),
                Err(taken) => Err(conflict_error(taken)),
            };
            match idempotent(tx, key.as_ref(), now_us, insert).await? {
                IdempotentResult::Executed(receipt) => {
                    let session = auth_for_write.start(tx, receipt.id, &digests, &from, now_us).await?;
                    let person = find_active_user(tx, receipt.id).await?;
                    if let Some(person) = &person {
                        tx.publish(invalidation(person, true));
                    }
                    Ok(IdempotentResult::Executed((person, receipt, session)))
                }
                IdempotentResult::Replayed(receipt) => Ok(IdempotentResult::Replayed((
                    find_active_user(tx, receipt.id).await?,
                    receipt,
                    0,
                ))),
            }
        };
        match ctx.services().write(write).await? {
            IdempotentResult::Executed((Some(person), _, session)) => {
                Ok(auth.issue_tokens(ctx.services(), person, session, refresh, now_us))
            }
            IdempotentResult::Replayed((Some(person), receipt, _)) => {
                // Anonymous callers share one scope of keys: the password proves that the account is the caller's.
                let typed = Some(requested.username.as_str()).filter(|username| !username.is_empty());
                let name = user::case_fold(typed.or(requested.email.as_deref()).unwrap_or_default());
                if auth
                    .verify_password(ctx.services(), Some(&name), Some(&person), &password)
                    .await?
                {
                    Ok(sign_in(ctx, person).await?.with_user(receipt.original_user(requested)))
                } else {
                    Err(Error::IdempotencyMismatch)
                }
            }
            // The person that registered with this key has closed the account since.
            IdempotentResult::Executed((None, ..)) | IdempotentResult::Replayed((None, ..)) => {
                Err(Error::IdempotencyMismatch)
            }
        }
    }

    /// Signs in with a username or an email, in any case, and a password. After ten wrong passwords for one name from
    /// one address, or a hundred from all addresses, the error is `RATE_LIMITED` with `retryAfter`, in seconds. Each
    /// further wrong password doubles the wait. The right password is always accepted from an address that the account
    /// signed in from before.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The username or the email address, in any case.")] login: String,
        #[graphql(desc = "The password.", secret)] password: String,
    ) -> Result<SignedIn> {
        let auth = ctx.data_unchecked::<Arc<AuthService>>();
        let password = Password::unvalidated(password);
        let login = required_text("login", &login, LOGIN_CHARS_MAX)?;
        let found = user::by_login(ctx.db().read(), &login).await?;
        // A deactivated account is treated like an unknown one.
        let found = found.filter(|person| person.active);
        let name = user::case_fold(&login);
        let is_correct = auth
            .verify_password(ctx.services(), Some(&name), found.as_ref(), &password)
            .await?;
        match found.filter(|_| is_correct) {
            Some(person) => sign_in(ctx, person).await,
            None => Err(WRONG_CREDENTIALS),
        }
    }

    /// Continues a session: exchanges a refresh token for new tokens. A refresh token is valid only once. A second use
    /// ends the session, because the token may have been stolen.
    async fn refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The refresh token of the last sign-in or refresh.", secret)] token: String,
    ) -> Result<SignedIn> {
        let auth = ctx.data_unchecked::<Arc<AuthService>>();
        let now_us = ctx.now_us();
        let token = RefreshToken::parse(token)?;
        let next = token.next();
        let (old, new, ends_us) = (token.digests(), next.digests(), auth.refresh_ends_us(now_us));
        let auth_for_write = auth.clone();
        let write = async move |tx: &Tx| {
            let used = session::rotate(tx, &old, &new, now_us, ends_us).await?;
            let person = match &used {
                RotationOutcome::Replaced(session) => find_active_user(tx, session.user_id).await?,
                RotationOutcome::Reused(session) => {
                    auth_for_write.publish_ended(tx, std::slice::from_ref(session), now_us);
                    None
                }
                _ => None,
            };
            Ok((used, person))
        };
        match ctx.services().write(write).await? {
            (RotationOutcome::Replaced(session), Some(person)) => {
                Ok(auth.issue_tokens(ctx.services(), person, session.id, next, now_us))
            }
            (RotationOutcome::Reused(session), _) => {
                tracing::warn!(session = session.id, "a refresh token was used twice; its session ends");
                Err(INVALID_REFRESH_TOKEN)
            }
            _ => Err(INVALID_REFRESH_TOKEN),
        }
    }

    /// Ends the session that this request belongs to; if it belongs to none, ends every session of the viewer.
    async fn logout(&self, ctx: &Context<'_>) -> Result<bool> {
        let auth = ctx.data_unchecked::<Arc<AuthService>>();
        let user = ctx.viewer().require_user()?;
        let which = match ctx.data_opt::<SessionId>() {
            Some(SessionId(id)) => SessionSelection::Only(*id),
            None => SessionSelection::All,
        };
        let now_us = ctx.now_us();
        let auth = auth.clone();
        let write = async move |tx: &Tx| {
            auth.publish_ended(tx, &session::end(tx, user, which, now_us).await?, now_us);
            Ok(true)
        };
        ctx.services().write(write).await
    }
}

/// Starts a session for a person that has just been authenticated.
async fn sign_in(ctx: &Context<'_>, person: user::Model) -> Result<SignedIn> {
    let auth = ctx.data_unchecked::<Arc<AuthService>>();
    let now_us = ctx.now_us();
    let refresh = RefreshToken::new();
    let (digests, from) = (refresh.digests(), stored_client_address());
    let auth_for_write = auth.clone();
    let started = ctx.db().write(async move |tx| {
        // If the person left or changed the password since it was checked, all sessions were ended. Do not start a new one.
        let now = find_active_user(tx, person.id).await?;
        let Some(now) = now.filter(|now| now.password_hash == person.password_hash) else {
            return Err(WRONG_CREDENTIALS);
        };
        let session = auth_for_write.start(tx, now.id, &digests, &from, now_us).await?;
        Ok((now, session))
    });
    let (person, session) = started.await?;
    Ok(auth.issue_tokens(ctx.services(), person, session, refresh, now_us))
}

async fn find_active_user(tx: &Tx, id: i64) -> Result<Option<user::Model>> {
    let found = user::by_id(tx, id).await?;
    Ok(found.filter(|person| person.active))
}

/// Returns an error for a username or an email that is taken.
pub(crate) fn require_available(taken: Option<NameConflict>) -> Result<()> {
    taken.map_or(Ok(()), |taken| Err(conflict_error(taken)))
}

/// The error for a username or an email that is taken.
pub(crate) fn conflict_error(taken: NameConflict) -> Error {
    match taken {
        NameConflict::Username => Error::conflict("this username is taken"),
        NameConflict::Email => Error::conflict("this email is taken"),
    }
}

// All fields of a registration but the password and the time.
fn registration_fields(person: &user::Model) -> impl serde::Serialize + use<> {
    let person = person.clone();
    (
        (person.username, person.email, person.role, person.fee_basis_points),
        (person.display_name, person.name, person.surname, person.phone),
        (
            person.address_street,
            person.address_number,
            person.address_zip_code,
            person.address_text,
        ),
    )
}
