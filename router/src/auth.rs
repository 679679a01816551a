//! Who is asking: one place that reads `Authorization: Bearer`, for every transport and every mount.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use contract::{Clock, TokenError, TokenKeys, Verified, Viewer};

/// Verifies tokens against this installation's keys.
pub struct Authenticator {
    keys: Arc<TokenKeys>,
    clock: Arc<dyn Clock>,
}

/// Who is asking, and until when that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who is asking.
    pub viewer: Viewer,
    /// The session behind it; none for nobody and for services.
    pub session: Option<i64>,
    /// When the token ends, in microseconds since the epoch; none for nobody.
    pub expires_us: Option<i64>,
}

impl Identity {
    /// Nobody signed in.
    pub const ANONYMOUS: Self = Self {
        viewer: Viewer::Anonymous,
        session: None,
        expires_us: None,
    };
}

impl Authenticator {
    /// Verifies with these keys, at this clock's time.
    pub fn new(keys: Arc<TokenKeys>, clock: Arc<dyn Clock>) -> Self {
        Self { keys, clock }
    }

    /// Who sent these headers; nobody when there is no `Authorization`.
    ///
    /// # Errors
    /// When there is one and it does not hold: a request is never quietly served as nobody's.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Identity, TokenError> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Ok(Identity::ANONYMOUS);
        };
        let value = value.to_str().map_err(|_| TokenError::Invalid)?;
        let (scheme, token) = value.split_once(' ').ok_or(TokenError::Invalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::Invalid);
        }
        self.identify_token(token.trim())
    }

    /// Who holds this token.
    ///
    /// # Errors
    /// When it does not hold.
    pub fn identify_token(&self, token: &str) -> Result<Identity, TokenError> {
        let Verified {
            viewer,
            session,
            expires_us,
            ..
        } = self.keys.verify(token, self.clock.now_us())?;
        Ok(Identity {
            viewer,
            session,
            expires_us: Some(expires_us),
        })
    }
}
