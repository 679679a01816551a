//! The sign-in mutations: register, log in, refresh, log out.

use std::sync::Arc;

use async_graphql::{Context, Object};
use contract::{ContextExt, Error, IdempotencyKey, Once, Result, SessionId, Tx, once, required_text};
use entities::session::{self, Used, Which};
use entities::user::{self, Taken};

use crate::joined::Joined;
use crate::password::Password;
use crate::person::{RegisterInput, newcomer};
use crate::session::{BAD_REFRESH_TOKEN, RefreshToken, SignInDesk, SignedIn, from_here};
use crate::user::news;

/// The length limit of an email, which is longer than that of a username.
const LOGIN_CHARS_MAX: usize = 254;
/// The same error for an unknown name and for a wrong password, so that it does not reveal which accounts exist.
const WRONG: Error = Error::BadCredentials("wrong username, email or password");

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
        mut input: RegisterInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<SignedIn> {
        let desk = ctx.data_unchecked::<Arc<SignInDesk>>();
        let now_us = ctx.now_us();
        let password = Password::chosen("input.password", std::mem::take(&mut input.password))?;
        let mut person = newcomer(input, now_us)?;
        // Without the password: the key's request digest is fast to compute, so it would make the password easy to guess.
        // A replay has to send the right password instead.
        let request = said(&person);
        let key = IdempotencyKey::of(ctx.viewer(), "register", idempotency_key, &request)?;
        if key.is_none() {
            // An early check that saves the hashing. The check inside the transaction decides.
            let username = Some(person.username.as_str()).filter(|username| !username.is_empty());
            free(user::taken(ctx.db().read(), username, person.email.as_deref(), None).await?)?;
        }
        person.password_hash = Some(desk.hasher.hash(&password).await?);
        person.made_via = ctx.viewer().mount().map(str::to_owned);
        person.password_via = person.made_via.clone();

        let refresh = RefreshToken::first();
        let (digests, from) = (refresh.digests(), from_here());
        let asked = person.clone();
        let starter = desk.clone();
        let write = async move |tx: &Tx| {
            let join = async || match user::join(tx, person.clone()).await? {
                Ok(person) => Ok(Joined::of(&person)),
                Err(taken) => Err(conflict(taken)),
            };
            match once(tx, key.as_ref(), now_us, join).await? {
                Once::First(joined) => {
                    let session = starter.start(tx, joined.id, &digests, &from, now_us).await?;
                    Ok(Once::First((active(tx, joined.id).await?, joined, session)))
                }
                Once::Again(joined) => Ok(Once::Again((active(tx, joined.id).await?, joined, 0))),
            }
        };
        let tell = |joined: &Once<(Option<user::Model>, Joined, i64)>| {
            let newcomer = joined.first().and_then(|(person, ..)| person.as_ref());
            newcomer.map(|person| news(person, true))
        };
        match ctx.services().write_and_tell(write, tell).await? {
            Once::First((Some(person), _, session)) => desk.welcome(ctx.services(), person, session, refresh, now_us),
            Once::Again((Some(person), joined, _)) => {
                // Anonymous callers share one scope of keys: the password proves that the account is the caller's.
                let typed = Some(asked.username.as_str()).filter(|username| !username.is_empty());
                let name = user::folded(typed.or(asked.email.as_deref()).unwrap_or_default());
                match desk
                    .proves(ctx.services(), Some(&name), Some(&person), &password)
                    .await?
                {
                    true => Ok(sign_in(ctx, person).await?.showing(joined.as_at_first(asked))),
                    false => Err(Error::IdempotencyMismatch),
                }
            }
            // The person that registered with this key has closed the account since.
            Once::First((None, ..)) | Once::Again((None, ..)) => Err(Error::IdempotencyMismatch),
        }
    }

    /// Signs in with a username or an email, in any case, and a password. After ten wrong passwords for one name from
    /// one address, or a hundred from all addresses, the error is `RATE_LIMITED` with `retryAfter`, in seconds. Each
    /// further wrong password doubles the wait. The right password is always accepted from an address that the account
    /// signed in from before.
    async fn login(&self, ctx: &Context<'_>, login: String, #[graphql(secret)] password: String) -> Result<SignedIn> {
        let desk = ctx.data_unchecked::<Arc<SignInDesk>>();
        let password = Password::offered(password);
        let login = required_text("login", &login, LOGIN_CHARS_MAX)?;
        let found = user::by_login(ctx.db().read(), &login).await?;
        // A deactivated account is treated like an unknown one.
        let found = found.filter(|person| person.active);
        let name = user::folded(&login);
        let right = desk
            .proves(ctx.services(), Some(&name), found.as_ref(), &password)
            .await?;
        match found.filter(|_| right) {
            Some(person) => sign_in(ctx, person).await,
            None => Err(WRONG),
        }
    }

    /// Continues a session: exchanges a refresh token for new tokens. A refresh token is valid only once. A second use
    /// ends the session, because the token may have been stolen.
    async fn refresh(&self, ctx: &Context<'_>, #[graphql(secret)] token: String) -> Result<SignedIn> {
        let desk = ctx.data_unchecked::<Arc<SignInDesk>>();
        let now_us = ctx.now_us();
        let token = RefreshToken::parse(token)?;
        let next = token.next();
        let (old, new, ends_us) = (token.digests(), next.digests(), desk.refresh_ends_us(now_us));
        let write = async move |tx: &Tx| {
            let used = session::rotate(tx, &old, &new, now_us, ends_us).await?;
            let person = match &used {
                Used::Replaced(session) => active(tx, session.user_id).await?,
                _ => None,
            };
            Ok((used, person))
        };
        let teller = desk.clone();
        let tell = move |(used, _): &(Used, Option<user::Model>)| match used {
            Used::Stolen(session) => {
                let session = &**session;
                tracing::warn!(session = session.id, "a refresh token was used twice; its session ends");
                teller.farewell(std::slice::from_ref(session), now_us)
            }
            _ => Vec::new(),
        };
        match ctx.services().write_and_tell(write, tell).await? {
            (Used::Replaced(session), Some(person)) => desk.welcome(ctx.services(), person, session.id, next, now_us),
            _ => Err(BAD_REFRESH_TOKEN),
        }
    }

    /// Ends the session that this request belongs to; if it belongs to none, ends every session of the viewer.
    async fn logout(&self, ctx: &Context<'_>) -> Result<bool> {
        let desk = ctx.data_unchecked::<Arc<SignInDesk>>();
        let user = ctx.viewer().user()?;
        let which = match ctx.data_opt::<SessionId>() {
            Some(SessionId(id)) => Which::Only(*id),
            None => Which::All,
        };
        let now_us = ctx.now_us();
        let write = async move |tx: &Tx| Ok(session::end(tx, user, which, now_us).await?);
        let desk = desk.clone();
        let tell = move |ended: &Vec<session::Model>| desk.farewell(ended, now_us);
        ctx.services().write_and_tell(write, tell).await?;
        Ok(true)
    }
}

/// Starts a session for a person that has just been authenticated.
async fn sign_in(ctx: &Context<'_>, person: user::Model) -> Result<SignedIn> {
    let desk = ctx.data_unchecked::<Arc<SignInDesk>>();
    let now_us = ctx.now_us();
    let refresh = RefreshToken::first();
    let (digests, from) = (refresh.digests(), from_here());
    let starter = desk.clone();
    let started = ctx.db().write(async move |tx| {
        // If the person left or changed the password since it was checked, all sessions were ended. Do not start a new one.
        let now = active(tx, person.id).await?;
        let Some(now) = now.filter(|now| now.password_hash == person.password_hash) else {
            return Err(WRONG);
        };
        let session = starter.start(tx, now.id, &digests, &from, now_us).await?;
        Ok((now, session))
    });
    let (person, session) = started.await?;
    desk.welcome(ctx.services(), person, session, refresh, now_us)
}

async fn active(tx: &Tx, id: i64) -> Result<Option<user::Model>> {
    let found = user::by_id(tx, id).await?;
    Ok(found.filter(|person| person.active))
}

/// Returns an error for a username or an email that is taken.
pub(crate) fn free(taken: Option<Taken>) -> Result<()> {
    taken.map_or(Ok(()), |taken| Err(conflict(taken)))
}

/// The error for a username or an email that is taken.
pub(crate) fn conflict(taken: Taken) -> Error {
    match taken {
        Taken::Username => Error::conflict("this username is taken"),
        Taken::Email => Error::conflict("this email is taken"),
    }
}

// All fields of a registration but the password and the time.
fn said(person: &user::Model) -> impl serde::Serialize + use<> {
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
