//! Sessions: what a sign-in gives, how long it lasts, and what ends it.
//!
//! A refresh token is good once: using it makes the next one. Using an old one again means that somebody has a copy,
//! and nobody can tell who, so the session ends for both (RFC 9700, section 4.14.2).

use std::fmt::Write;

use async_graphql::SimpleObject;
use contract::{DateTime, Db, Error, Event, Result, Services, Tx, client_address, rfc3339};
use entities::session::{self, Digests};
use entities::{sign_in_address, user};
use sha2::{Digest, Sha256};

use crate::Settings;
use crate::password::{Hasher, Password, random};
use crate::throttle::{Attempt, Throttle, Verdict};
use crate::user::{User, role_of};

/// Hexadecimal digits of the part that all refresh tokens of a session share; the other part is as long.
const PART_DIGITS: usize = 64;

/// What a sign-in gives.
#[derive(SimpleObject)]
pub struct SignedIn {
    /// Says who is asking: `Authorization: Bearer TOKEN`.
    token: String,
    /// Makes the next token, once.
    refresh_token: String,
    /// When `token` ends.
    expires_at: DateTime,
    /// Who is signed in.
    user: User,
}

impl SignedIn {
    /// The same sign-in, showing the person as they were.
    pub(crate) fn showing(self, person: user::Model) -> Self {
        Self {
            user: User::proved(person),
            ..self
        }
    }
}

/// Where people sign in: the settings, the hashing, the count of wrong passwords.
pub(crate) struct SignInDesk {
    pub(crate) settings: Settings,
    pub(crate) hasher: Hasher,
    throttle: Throttle,
}

impl SignInDesk {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            hasher: Hasher::new(&settings),
            throttle: Throttle::new(&settings),
            settings,
        }
    }

    /// Whether `password` is that person's; without a person it is always wrong. `name` is what was typed, and none where
    /// the caller is that person. Wrong passwords are counted ([`Throttle`]). The right password from an address that the
    /// person signed in from before always proves the person, whatever was guessed from there or elsewhere.
    ///
    /// # Errors
    /// `RATE_LIMITED` after too many wrong ones, `UNAVAILABLE` when too many people sign in at once.
    pub(crate) async fn proves(
        &self,
        services: &Services,
        name: Option<&str>,
        person: Option<&user::Model>,
        password: &Password,
    ) -> Result<bool> {
        let attempt = Attempt {
            from: client_address(),
            name,
            account: person.map(|person| person.id),
        };
        let turn = self.hasher.turn().await?;
        // A failure is written down before the turn is given back, so that guesses at the same time are counted like
        // guesses one after another.
        let verdict = self.throttle.check(attempt, services.clock.now_us());
        let hash = person.and_then(|person| person.password_hash.as_deref());
        // A refused attempt does the same work, so that its time tells nothing.
        let (right, turn) = self.hasher.check(turn, password, hash).await?;
        if right && verdict == Verdict::Open {
            self.throttle.succeeded(attempt);
            return Ok(true);
        }
        // Nobody has the id 0: the question takes as long.
        let account = attempt.account.unwrap_or(0);
        let is_known = sign_in_address::is_known(services.db.read(), account, &from_here()).await?;
        if right && is_known {
            self.throttle.succeeded(attempt);
            return Ok(true);
        }
        self.throttle
            .failed(attempt, verdict, is_known, services.clock.now_us());
        drop(turn);
        match verdict {
            Verdict::Wait(retry_after_seconds) => Err(Error::RateLimited { retry_after_seconds }),
            Verdict::Open | Verdict::WaitUntold => Ok(false),
        }
    }

    /// Starts a session of a person who has proved who they are, and remembers the address that they signed in from.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn start(&self, tx: &Tx, user: i64, digests: &Digests, from: &str, now_us: i64) -> Result<i64> {
        sign_in_address::record(tx, user, from, now_us, self.settings.sign_in_addresses_max).await?;
        Ok(session::start(tx, user, digests, now_us, self.refresh_ends_us(now_us)).await?)
    }

    /// When a refresh token made now ends, in microseconds since the epoch.
    pub(crate) fn refresh_ends_us(&self, now_us: i64) -> i64 {
        now_us.saturating_add(i64::from(self.settings.refresh_seconds) * 1_000_000)
    }

    /// The tokens of a session that has just been started or continued.
    ///
    /// # Errors
    /// When the database holds nonsense.
    pub(crate) fn welcome(
        &self,
        services: &Services,
        person: user::Model,
        session: i64,
        refresh: RefreshToken,
        now_us: i64,
    ) -> Result<SignedIn> {
        let ttl_seconds = i64::from(self.settings.access_seconds);
        let role = role_of(&person)?;
        let (token, expires_us) = services
            .keys
            .sign_user(person.id, role, person.admin, session, now_us, ttl_seconds);
        Ok(SignedIn {
            token,
            refresh_token: refresh.0,
            expires_at: rfc3339(expires_us),
            user: User::proved(person),
        })
    }

    /// What the router has to know of sessions that ended: those that made an access token which is still good.
    pub(crate) fn farewell(&self, ended: &[session::Model], at_us: i64) -> Vec<Event> {
        let since_us = at_us.saturating_sub(i64::from(self.settings.access_seconds) * 1_000_000);
        let recent = ended.iter().filter(|session| session.used_at_us > since_us);
        recent
            .map(|session| Event::SessionsEnded {
                user: session.user_id,
                session: Some(session.id),
                at_us,
            })
            .collect()
    }
}

/// The address of the client who asks, as it is remembered.
pub(crate) fn from_here() -> String {
    client_address().map_or_else(|| "this process".to_owned(), |address| address.to_string())
}

/// A refresh token, in plain text: on its way to the person it belongs to, or back.
pub(crate) struct RefreshToken(String);

impl RefreshToken {
    /// The first token of a new session.
    pub(crate) fn first() -> Self {
        Self(hex(&random::<32>()) + &hex(&random::<32>()))
    }

    /// The token that takes this one's place.
    pub(crate) fn next(&self) -> Self {
        Self(self.0[..PART_DIGITS].to_owned() + &hex(&random::<32>()))
    }

    /// What a caller sent.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for what cannot be one of ours.
    pub(crate) fn parse(text: String) -> Result<Self> {
        let ours = text.len() == 2 * PART_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        ours.then_some(Self(text)).ok_or(BAD_REFRESH_TOKEN)
    }

    /// What is kept of it. Plain SHA-256 is enough: there is nothing to guess in 32 random bytes.
    pub(crate) fn digests(&self) -> Digests {
        Digests {
            family: hex(&Sha256::digest(&self.0[..PART_DIGITS])),
            token: hex(&Sha256::digest(&self.0)),
        }
    }
}

/// One text for every reason: a guess learns nothing.
pub(crate) const BAD_REFRESH_TOKEN: Error = Error::BadCredentials("the refresh token is not valid");

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A session that was ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// Whose it was.
    pub user: i64,
    /// The session; access tokens that name it are void.
    pub session: i64,
    /// When it was ended, in microseconds since the epoch.
    pub at_us: i64,
}

/// Sessions ended at `since_us` or later, oldest first: what a router that starts has to know. Going back as far as an
/// access token lives ([`Settings::access_seconds`]) is enough.
///
/// # Errors
/// When the database fails.
pub async fn ended_sessions(db: &Db, since_us: i64) -> Result<Vec<EndedSession>> {
    let ended = session::ended_since(db.read(), since_us).await?;
    Ok(ended
        .into_iter()
        .filter_map(|row| {
            Some(EndedSession {
                user: row.user_id,
                session: row.id,
                at_us: row.ended_at_us?,
            })
        })
        .collect())
}
