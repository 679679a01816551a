//! Sessions: their tokens, how long they last, and how they end.
//!
//! A refresh token is valid once: using it creates the next one. The reuse of an old one means that a copy exists. The
//! server cannot tell the owner from the thief, so the session ends for both (RFC 9700, section 4.14.2).

use std::fmt::Write;

use async_graphql::SimpleObject;
use contract::{DateTime, Db, Error, Event, Result, Services, Tx, client_address, to_date_time};
use entities::session::{self, TokenDigests};
use entities::{sign_in_address, user};
use sha2::{Digest, Sha256};

use crate::Settings;
use crate::password::{Hasher, Password, random_bytes};
use crate::throttle::{LoginAttempt, Throttle, Verdict};
use crate::user::User;

/// Hexadecimal digits of the part that all refresh tokens of a session share; the other part is as long.
const PART_DIGITS: usize = 64;

/// The result of a sign-in.
#[derive(SimpleObject)]
pub struct SignedIn {
    /// The access token, which the client sends as `Authorization: Bearer TOKEN`.
    token: String,
    /// The token for the mutation `refresh`; it is valid once.
    refresh_token: String,
    /// When `token` expires.
    expires_at: DateTime,
    /// The signed-in person.
    user: User,
}

impl SignedIn {
    /// Returns the same sign-in with an earlier state of the person.
    pub(crate) fn with_user(self, person: user::Model) -> Self {
        Self {
            user: User::with_private_fields(person),
            ..self
        }
    }
}

/// The sign-in service: the settings, the password hashing, the count of wrong passwords.
pub(crate) struct AuthService {
    pub(crate) settings: Settings,
    pub(crate) hasher: Hasher,
    throttle: Throttle,
}

impl AuthService {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            hasher: Hasher::new(&settings),
            throttle: Throttle::new(&settings),
            settings,
        }
    }

    /// Whether `password` is the person's; without a person it is always wrong. `name` is the name that was typed, or `None`
    /// if the caller is signed in as that person. Wrong passwords are counted ([`Throttle`]). The right password from an
    /// address that the person signed in from before is always accepted, however many guesses came from there or elsewhere.
    ///
    /// # Errors
    /// `RATE_LIMITED` after too many wrong passwords, `UNAVAILABLE` when too many people sign in at once.
    pub(crate) async fn verify_password(
        &self,
        services: &Services,
        name: Option<&str>,
        person: Option<&user::Model>,
        password: &Password,
    ) -> Result<bool> {
        let attempt = LoginAttempt {
            from: client_address(),
            name,
            account: person.map(|person| person.id),
        };
        let permit = self.hasher.acquire_permit().await?;
        // The failure is recorded before the permit is released, so that concurrent guesses are counted like
        // sequential ones.
        let verdict = self.throttle.check(attempt, services.clock.now_us());
        let hash = person.and_then(|person| person.password_hash.as_deref());
        // A throttled attempt does the same work, so that its response time reveals nothing.
        let (is_correct, permit) = self.hasher.verify(permit, password, hash).await?;
        if is_correct && verdict == Verdict::Allowed {
            self.throttle.record_success(attempt);
            return Ok(true);
        }
        // No account has the id 0: the query takes as long without an account.
        let account = attempt.account.unwrap_or(0);
        let is_known = sign_in_address::is_known(services.db.read(), account, &stored_client_address()).await?;
        if is_correct && is_known {
            self.throttle.record_success(attempt);
            return Ok(true);
        }
        self.throttle
            .record_failure(attempt, verdict, is_known, services.clock.now_us());
        drop(permit);
        match verdict {
            Verdict::Wait(retry_after_seconds) => Err(Error::RateLimited { retry_after_seconds }),
            Verdict::Allowed | Verdict::WaitSilently => Ok(false),
        }
    }

    /// Starts a session for an authenticated person and records the client's address as known.
    pub(crate) async fn start(
        &self,
        tx: &Tx,
        user: i64,
        digests: &TokenDigests,
        from: &str,
        now_us: i64,
    ) -> Result<i64> {
        sign_in_address::record(tx, user, from, now_us, self.settings.sign_in_addresses_max).await?;
        Ok(session::start(tx, user, digests, now_us, self.refresh_ends_us(now_us)).await?)
    }

    /// When a refresh token that is issued now expires, in microseconds since the epoch.
    pub(crate) fn refresh_ends_us(&self, now_us: i64) -> i64 {
        now_us.saturating_add(i64::from(self.settings.refresh_seconds) * 1_000_000)
    }

    /// Issues the tokens of a session that has just been started or continued.
    pub(crate) fn issue_tokens(
        &self,
        services: &Services,
        person: user::Model,
        session: i64,
        refresh: RefreshToken,
        now_us: i64,
    ) -> SignedIn {
        let ttl_seconds = i64::from(self.settings.access_seconds);
        let (token, expires_us) =
            services
                .keys
                .sign_user(person.id, person.role, person.admin, session, now_us, ttl_seconds);
        SignedIn {
            token,
            refresh_token: refresh.0,
            expires_at: to_date_time(expires_us),
            user: User::with_private_fields(person),
        }
    }

    /// Publishes the events that tell the router which sessions ended: those whose latest access token has not expired yet.
    pub(crate) fn publish_ended(&self, tx: &Tx, ended: &[session::Model], at_us: i64) {
        let since_us = at_us.saturating_sub(i64::from(self.settings.access_seconds) * 1_000_000);
        let recent = ended.iter().filter(|session| session.used_at_us > since_us);
        for session in recent {
            tx.publish(Event::SessionsEnded {
                user: session.user_id,
                session: Some(session.id),
                at_us,
            });
        }
    }
}

/// Returns the client's address in the form in which it is stored.
pub(crate) fn stored_client_address() -> String {
    client_address().map_or_else(|| "this process".to_owned(), |address| address.to_string())
}

/// A refresh token in plain text, as the client sends and receives it. The database stores only its [`TokenDigests`].
pub(crate) struct RefreshToken(String);

impl RefreshToken {
    /// The first token of a new session.
    pub(crate) fn new() -> Self {
        Self(hex(&random_bytes::<32>()) + &hex(&random_bytes::<32>()))
    }

    /// The token that replaces this one.
    pub(crate) fn next(&self) -> Self {
        Self(self.0[..PART_DIGITS].to_owned() + &hex(&random_bytes::<32>()))
    }

    /// Parses the token that a caller sent.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for a text that does not have the form of a refresh token.
    pub(crate) fn parse(text: String) -> Result<Self> {
        let is_well_formed =
            text.len() == 2 * PART_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_well_formed.then_some(Self(text)).ok_or(INVALID_REFRESH_TOKEN)
    }

    /// The digests that are stored instead of the token. Plain SHA-256 is enough: 32 random bytes cannot be guessed.
    pub(crate) fn digests(&self) -> TokenDigests {
        TokenDigests {
            family: hex(&Sha256::digest(&self.0[..PART_DIGITS])),
            token: hex(&Sha256::digest(&self.0)),
        }
    }
}

/// The same text for every reason, so that a guesser learns nothing.
pub(crate) const INVALID_REFRESH_TOKEN: Error = Error::BadCredentials("the refresh token is not valid");

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A session that was ended before it expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEnd {
    /// The id of the session's user.
    pub user: i64,
    /// The id of the session; access tokens that name it are void.
    pub session: i64,
    /// When it was ended, in microseconds since the epoch.
    pub at_us: i64,
}

/// Whether any user has signed in, as far as the sessions that are kept tell.
///
/// # Errors
/// When the database fails.
pub async fn has_sessions(db: &Db) -> Result<bool> {
    Ok(session::exists(db.read()).await?)
}

/// Returns the sessions that ended at `since_us` or later, oldest first: a router needs them when it starts. Going back
/// by the lifetime of an access token ([`Settings::access_seconds`]) is enough.
pub async fn ended_sessions(db: &Db, since_us: i64) -> Result<Vec<SessionEnd>> {
    let ended = session::ended_since(db.read(), since_us).await?;
    Ok(ended
        .into_iter()
        .filter_map(|row| {
            Some(SessionEnd {
                user: row.user_id,
                session: row.id,
                at_us: row.ended_at_us?,
            })
        })
        .collect())
}
