//! Who is asking: one place that reads `Authorization: Bearer`, for every transport and every mount.

mod credentials;
mod ended;

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use contract::{Bus, Clock, Delivery, Event, TokenError, TokenKeys, Verified, Viewer};
use futures_util::stream::StreamExt;
use tokio::sync::watch;

use credentials::Credentials;
pub use credentials::{Credential, CredentialList};
pub use ended::EndedSession;
use ended::EndedSessions;

/// How often a long connection looks at the clock: the clock is passed in, so no timer can know when it will show a time.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(1);
/// How long to wait before ended sessions are read again, after that failed.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Verifies tokens against this installation's keys, and knows whose sessions have ended.
pub struct Authenticator {
    keys: Arc<TokenKeys>,
    clock: Arc<dyn Clock>,
    ended: RwLock<EndedSessions>,
    /// Which service credentials hold; without it, all that are signed.
    credentials: Option<Credentials>,
    /// Ticks whenever a session ends, so that open connections look whether it was theirs.
    news: watch::Sender<()>,
}

/// Who is asking, and until when that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who is asking.
    pub viewer: Viewer,
    /// The session behind it; none for nobody and for services.
    pub session: Option<i64>,
    /// The id of a service's credential; none for all others, and for credentials from before they had ids.
    pub credential: Option<String>,
    /// When the token was made, in microseconds since the epoch (whole seconds); none for nobody.
    pub issued_us: Option<i64>,
    /// When the token ends, in microseconds since the epoch; none for nobody.
    pub expires_us: Option<i64>,
}

impl Identity {
    /// Nobody signed in.
    pub const ANONYMOUS: Self = Self {
        viewer: Viewer::Anonymous,
        session: None,
        credential: None,
        issued_us: None,
        expires_us: None,
    };
}

impl Authenticator {
    /// Verifies with these keys, at this clock's time.
    pub fn new(keys: Arc<TokenKeys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            clock,
            ended: RwLock::default(),
            credentials: None,
            news: watch::Sender::new(()),
        }
    }

    /// The same, where the service credentials are listed that hold.
    #[must_use]
    pub fn with_credentials(self, list: PathBuf) -> Self {
        Self {
            credentials: Some(Credentials::at(list)),
            ..self
        }
    }

    /// Who sent these headers; nobody when there is no `Authorization`.
    ///
    /// # Errors
    /// When there is one and it does not hold: a request is never quietly served as nobody's.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Identity, TokenError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Ok(Identity::ANONYMOUS);
        };
        // Two of them: whoever stands in front of us may have checked the other one.
        if values.next().is_some() {
            return Err(TokenError::Invalid);
        }
        self.identify_bearer(value.to_str().map_err(|_| TokenError::Invalid)?)
    }

    /// Who holds the token of `Bearer TOKEN`.
    ///
    /// # Errors
    /// When it is another scheme, or the token does not hold.
    pub fn identify_bearer(&self, value: &str) -> Result<Identity, TokenError> {
        let (scheme, token) = value.trim().split_once(' ').ok_or(TokenError::Invalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::Invalid);
        }
        self.identify_token(token.trim())
    }

    /// Who holds this token.
    ///
    /// # Errors
    /// When it does not hold, or its session has ended.
    pub fn identify_token(&self, token: &str) -> Result<Identity, TokenError> {
        let Verified {
            viewer,
            session,
            credential,
            issued_us,
            expires_us,
        } = self.keys.verify(token, self.clock.now_us())?;
        let identity = Identity {
            viewer,
            session,
            credential,
            issued_us: Some(issued_us),
            expires_us: Some(expires_us),
        };
        self.check(&identity)?;
        Ok(identity)
    }

    /// Whether that identity still holds.
    ///
    /// # Errors
    /// When its token has expired, its session has ended, or its credential was revoked.
    pub fn check(&self, identity: &Identity) -> Result<(), TokenError> {
        if identity.expires_us.is_some_and(|end| end <= self.clock.now_us()) {
            return Err(TokenError::Expired);
        }
        if let (Viewer::Service { name }, Some(credentials)) = (&identity.viewer, &self.credentials) {
            let made_us = identity.issued_us.unwrap_or_default();
            return match credentials.hold(identity.credential.as_deref(), name, made_us) {
                true => Ok(()),
                false => Err(TokenError::Invalid),
            };
        }
        let ended = self.ended.read().unwrap_or_else(PoisonError::into_inner);
        if ended.includes(identity) {
            return Err(TokenError::Invalid);
        }
        Ok(())
    }

    /// Waits until that identity no longer holds; forever for nobody.
    pub async fn until_void(&self, identity: &Identity) -> TokenError {
        if identity.expires_us.is_none() {
            return std::future::pending().await;
        }
        let mut news = self.news.subscribe();
        loop {
            if let Err(error) = self.check(identity) {
                return error;
            }
            tokio::select! {
                _ = news.changed() => {}
                () = tokio::time::sleep(LOOK_AT_CLOCK) => {}
            }
        }
    }

    /// Refuses that session's tokens from now on, or all of that person's made until then.
    pub fn revoke(&self, session: EndedSession) {
        self.ended
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session, self.clock.now_us());
        self.news.send_replace(());
    }

    /// Hears on `bus` which sessions end, as long as the bus lives.
    ///
    /// `read` says which sessions ended lately: it is asked at once, before this returns, and again whenever
    /// events were lost.
    ///
    /// # Errors
    /// When the first reading fails.
    pub async fn listen<F, R, E>(self: &Arc<Self>, bus: &dyn Bus, read: F) -> Result<(), E>
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<EndedSession>, E>> + Send,
        E: std::fmt::Display + Send,
    {
        // First listen, then read: what ends in between is heard.
        let mut events = bus.subscribe();
        read().await?.into_iter().for_each(|session| self.revoke(session));
        let this = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(delivery) = events.next().await {
                match delivery {
                    Delivery::Event(event) => this.hear(&event),
                    Delivery::Lagged(lost) => {
                        tracing::warn!(lost, "events were lost: reading which sessions ended");
                        this.read_again(&read).await;
                    }
                }
            }
        });
        Ok(())
    }

    async fn read_again<F, R, E>(&self, read: &F)
    where
        F: Fn() -> R,
        R: Future<Output = Result<Vec<EndedSession>, E>>,
        E: std::fmt::Display,
    {
        loop {
            match read().await {
                Ok(sessions) => return sessions.into_iter().for_each(|session| self.revoke(session)),
                Err(error) => tracing::error!(%error, "cannot read which sessions ended"),
            }
            tokio::time::sleep(READ_AGAIN).await;
        }
    }

    fn hear(&self, event: &Event) {
        if let Event::SessionsEnded { user, session, at_us } = event {
            self.revoke(EndedSession {
                user: *user,
                session: *session,
                at_us: *at_us,
            });
        }
    }
}
