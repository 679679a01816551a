//! The caller of a request, with the facts about its token that rules need.

use std::net::IpAddr;

use super::VerifiedToken;
use crate::Viewer;

/// An authenticated caller and the expiry of its token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The caller.
    pub viewer: Viewer,
    /// The session of the token; `None` for anonymous callers and services.
    pub session: Option<i64>,
    /// The id of a service's credential; `None` for all other callers, and for credentials that were issued before they
    /// had ids.
    pub credential: Option<String>,
    /// When the token was issued, in microseconds since the epoch (whole seconds); `None` for anonymous callers.
    pub issued_us: Option<i64>,
    /// When the token expires, in microseconds since the epoch; `None` for anonymous callers.
    pub expires_us: Option<i64>,
    /// The client's address as a router states it; `None` for all callers that a router does not stand in front of.
    pub address: Option<IpAddr>,
}

impl Identity {
    /// An anonymous caller.
    pub const ANONYMOUS: Self = Self {
        viewer: Viewer::Anonymous,
        session: None,
        credential: None,
        issued_us: None,
        expires_us: None,
        address: None,
    };
}

impl From<VerifiedToken> for Identity {
    fn from(token: VerifiedToken) -> Self {
        Self {
            viewer: token.viewer,
            session: token.session,
            credential: token.credential,
            issued_us: Some(token.issued_us),
            expires_us: Some(token.expires_us),
            address: None,
        }
    }
}
