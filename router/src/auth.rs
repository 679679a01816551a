//! Authentication: the only place that reads `Authorization: Bearer`, for every transport and every mount.

mod credentials;
mod identity_waits;
mod revocations;

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use contract::{Bus, Clock, Delivery, Event, TokenError, TokenKeys, Viewer};
use futures_util::stream::StreamExt;
use moka::sync::Cache;

pub use contract::Identity;
use credentials::CredentialFile;
pub use credentials::{Credential, CredentialList};
use identity_waits::IdentityWaits;
pub use revocations::SessionRevocation;
use revocations::SessionRevocations;

/// The pause before the ended sessions are read again after a failure.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Verifies tokens against this installation's keys, and rejects tokens of ended sessions.
pub struct Authenticator {
    accepted: AcceptedTokens,
    clock: Arc<dyn Clock>,
    revocations: Arc<RwLock<SessionRevocations>>,
    /// The list of service credentials; without it, every signed credential is valid.
    credentials: Option<Arc<CredentialFile>>,
    /// The open connections that end with their identity.
    waits: Arc<IdentityWaits>,
}

/// The tokens that a process accepts.
enum AcceptedTokens {
    /// None, because this process signs no caller in: every caller is anonymous, and tokens are for the subgraphs.
    None,
    /// Those of people and programs. A request without one is anonymous.
    Own {
        keys: Arc<TokenKeys>,
        /// The identities of tokens whose signature and claims were correct, each with the generation of the keys. They may have
        /// expired or been revoked since.
        verified: Cache<Box<str>, (u64, Identity)>,
    },
    /// Those of a router for this subgraph. Every request needs one.
    Internal { keys: Arc<TokenKeys>, subgraph: Box<str> },
}

impl Authenticator {
    /// Verifies tokens with these keys, at this clock's time, and remembers at most so many verified tokens.
    pub fn new(keys: Arc<TokenKeys>, clock: Arc<dyn Clock>, tokens_max: u64) -> Self {
        let verified = Cache::new(tokens_max);
        Self::accepting(AcceptedTokens::Own { keys, verified }, clock)
    }

    /// An authenticator of a process without sign-in: it reads no token, and every caller is anonymous.
    pub fn without_sign_in(clock: Arc<dyn Clock>) -> Self {
        Self::accepting(AcceptedTokens::None, clock)
    }

    fn accepting(accepted: AcceptedTokens, clock: Arc<dyn Clock>) -> Self {
        Self {
            accepted,
            clock,
            revocations: Arc::default(),
            credentials: None,
            waits: Arc::default(),
        }
    }

    /// An authenticator of requests to this subgraph, which need a router's internal token. It shares the list of credentials and
    /// the ended sessions with this one, so that a token that was revoked is refused here although the router does not know it.
    #[must_use]
    pub fn for_subgraph(&self, subgraph: &str, keys: Arc<TokenKeys>) -> Self {
        Self {
            accepted: AcceptedTokens::Internal {
                keys,
                subgraph: subgraph.into(),
            },
            clock: Arc::clone(&self.clock),
            revocations: Arc::clone(&self.revocations),
            credentials: self.credentials.clone(),
            waits: Arc::clone(&self.waits),
        }
    }

    /// The same authenticator, with this list of valid service credentials.
    #[must_use]
    pub fn with_credentials(self, list: PathBuf) -> Self {
        Self {
            credentials: Some(Arc::new(CredentialFile::new(list))),
            ..self
        }
    }

    /// Returns the caller that these headers identify; the anonymous one when there is no `Authorization`, unless every request
    /// needs one.
    ///
    /// # Errors
    /// When there is an `Authorization` and it is invalid: a request is never silently downgraded to anonymous.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Identity, TokenError> {
        self.identify_upgrade(headers)?.ok_or(TokenError::Missing)
    }

    /// As [`identify`](Self::identify), for the request that opens a WebSocket: `None` if `connection_init` has to identify the
    /// caller.
    ///
    /// # Errors
    /// As [`identify`](Self::identify).
    pub fn identify_upgrade(&self, headers: &HeaderMap) -> Result<Option<Identity>, TokenError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = match (&self.accepted, values.next()) {
            (AcceptedTokens::None, _) | (AcceptedTokens::Own { .. }, None) => return Ok(Some(Identity::ANONYMOUS)),
            (AcceptedTokens::Internal { .. }, None) => return Ok(None),
            (_, Some(value)) => value,
        };
        // There are two headers: a proxy in front of this server may have checked the other one.
        if values.next().is_some() {
            return Err(TokenError::Invalid);
        }
        self.identify_bearer(value.to_str().map_err(|_| TokenError::Invalid)?)
            .map(Some)
    }

    /// Returns the caller of `Bearer TOKEN`.
    ///
    /// # Errors
    /// When the scheme is another one, or the token is invalid.
    pub fn identify_bearer(&self, value: &str) -> Result<Identity, TokenError> {
        if matches!(self.accepted, AcceptedTokens::None) {
            return Ok(Identity::ANONYMOUS);
        }
        let (scheme, token) = value.trim().split_once(' ').ok_or(TokenError::Invalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::Invalid);
        }
        self.identify_token(token.trim())
    }

    /// Returns the caller of this token.
    ///
    /// The signature of a token is checked once for each generation of the keys, because its content never changes; its expiry
    /// and its revocation are checked each time.
    ///
    /// # Errors
    /// When it is invalid, or its session has ended.
    pub fn identify_token(&self, token: &str) -> Result<Identity, TokenError> {
        let (keys, verified) = match &self.accepted {
            AcceptedTokens::None => return Ok(Identity::ANONYMOUS),
            AcceptedTokens::Own { keys, verified } => (keys, verified),
            AcceptedTokens::Internal { keys, subgraph } => {
                let identity = keys.verify_internal(token, subgraph, self.clock.now_us())?;
                self.require_valid(&identity)?;
                return Ok(identity);
            }
        };
        // Before the check: if the keys change during it, the result counts for the earlier ones.
        let generation = keys.generation();
        if let Some((_, identity)) = verified.get(token).filter(|(checked, _)| *checked == generation) {
            self.require_valid(&identity)?;
            return Ok(identity);
        }
        let identity = Identity::from(keys.verify(token, self.clock.now_us())?);
        self.require_valid(&identity)?;
        verified.insert(token.into(), (generation, identity.clone()));
        Ok(identity)
    }

    /// Checks that an identity is still valid.
    ///
    /// # Errors
    /// When its token has expired, its session has ended, or its credential was revoked.
    pub fn require_valid(&self, identity: &Identity) -> Result<(), TokenError> {
        if identity.expires_us.is_some_and(|end| end <= self.clock.now_us()) {
            return Err(TokenError::Expired);
        }
        if let (Viewer::Service { name }, Some(credentials)) = (&identity.viewer, &self.credentials) {
            let made_us = identity.issued_us.unwrap_or_default();
            return if credentials.is_valid(identity.credential.as_deref(), name, made_us) {
                Ok(())
            } else {
                Err(TokenError::Invalid)
            };
        }
        let revocations = self.revocations.read().unwrap_or_else(PoisonError::into_inner);
        if revocations.includes(identity) {
            return Err(TokenError::Invalid);
        }
        Ok(())
    }

    /// Waits until that identity is no longer valid; forever for an anonymous caller.
    pub async fn until_invalidated(&self, identity: &Identity) -> TokenError {
        let Some(expires_us) = identity.expires_us else {
            return std::future::pending().await;
        };
        // Added before the check, so that no end in between is missed.
        let wait = self.waits.add(identity, expires_us, &self.clock);
        loop {
            if let Err(error) = self.require_valid(identity) {
                return error;
            }
            wait.woken().await;
        }
    }

    /// Rejects the tokens of that session from now on, or all of the user's tokens that were issued until then.
    pub fn revoke(&self, session: SessionRevocation) {
        self.revocations
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session, self.clock.now_us());
        self.waits.wake_user(session.user);
    }

    /// Subscribes to ended sessions on `bus`, for as long as the bus exists.
    ///
    /// `read` returns the sessions that ended lately. It is called at once, before this returns, and again whenever
    /// events were lost.
    ///
    /// # Errors
    /// When the first call of `read` fails.
    pub async fn watch_ended_sessions<F, R, E>(self: &Arc<Self>, bus: &dyn Bus, read: F) -> Result<(), E>
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<SessionRevocation>, E>> + Send,
        E: std::fmt::Display + Send,
    {
        // Subscribes before it reads, so that no session that ends in between is missed.
        let mut events = bus.subscribe();
        read().await?.into_iter().for_each(|session| self.revoke(session));
        let this = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(delivery) = events.next().await {
                match delivery {
                    Delivery::Event(event) => this.handle_event(&event),
                    Delivery::Lagged(lost) => {
                        tracing::warn!(lost, "events were lost; the ended sessions are read again");
                        this.reload_revocations(&read).await;
                    }
                }
            }
        });
        Ok(())
    }

    async fn reload_revocations<F, R, E>(&self, read: &F)
    where
        F: Fn() -> R,
        R: Future<Output = Result<Vec<SessionRevocation>, E>>,
        E: std::fmt::Display,
    {
        loop {
            match read().await {
                Ok(sessions) => return sessions.into_iter().for_each(|session| self.revoke(session)),
                Err(error) => tracing::error!(%error, "cannot read the ended sessions"),
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    fn handle_event(&self, event: &Event) {
        if let Event::SessionsEnded { user, session, at_us } = event {
            self.revoke(SessionRevocation {
                user: *user,
                session: *session,
                at_us: *at_us,
            });
        }
    }
}
