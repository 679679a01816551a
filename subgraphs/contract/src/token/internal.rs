//! Internal tokens: the caller of a request, as a router states it to one subgraph process.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Identity, TokenError, TokenKeys, validation};
use crate::{Role, Viewer};

/// Another issuer than that of people's tokens: neither is accepted in the place of the other.
const ISSUER: &str = "agora-router";

/// The claims of an internal token.
#[derive(Debug, Serialize, Deserialize)]
struct InternalClaims {
    /// The user's id, or the name of the service or the mount; empty for an anonymous caller.
    sub: String,
    viewer: ViewerKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default)]
    admin: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own_iat_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own_exp_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ViewerKind {
    Anonymous,
    User,
    Service,
    OpenMount,
}

impl TokenKeys {
    /// Returns a token that states this caller to the subgraph `audience`.
    pub fn sign_internal(&self, caller: &Identity, audience: &str, now_us: i64, ttl_seconds: i64) -> String {
        let (viewer, sub, role, admin) = match &caller.viewer {
            Viewer::Anonymous => (ViewerKind::Anonymous, String::new(), None, false),
            Viewer::User { id, role, admin } => (ViewerKind::User, id.to_string(), Some(role.as_str()), *admin),
            Viewer::Service { name } => (ViewerKind::Service, name.clone(), None, false),
            Viewer::OpenMount { name } => (ViewerKind::OpenMount, name.clone(), None, false),
        };
        let iat = now_us.div_euclid(1_000_000);
        self.encode(&InternalClaims {
            sub,
            viewer,
            role: role.map(str::to_owned),
            admin,
            sid: caller.session,
            jti: caller.credential.clone(),
            own_iat_us: caller.issued_us,
            own_exp_us: caller.expires_us,
            address: caller.address,
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            iat,
            exp: iat + ttl_seconds,
        })
    }

    /// Checks an internal token: as [`verify`](Self::verify), but issued by a router, for the subgraph `audience`.
    ///
    /// # Errors
    /// [`TokenError`]; the subgraph answers 401.
    pub fn verify_internal(&self, token: &str, audience: &str, now_us: i64) -> Result<Identity, TokenError> {
        let claims: InternalClaims = self.decode(token, &validation(ISSUER, audience))?;
        let expires_us = claims.exp.checked_mul(1_000_000).ok_or(TokenError::Invalid)?;
        if expires_us <= now_us {
            return Err(TokenError::Expired);
        }
        Ok(Identity {
            viewer: claims.viewer()?,
            session: claims.sid,
            credential: claims.jti,
            issued_us: claims.own_iat_us,
            expires_us: claims.own_exp_us,
            address: claims.address,
        })
    }
}

impl InternalClaims {
    fn viewer(&self) -> Result<Viewer, TokenError> {
        Ok(match self.viewer {
            ViewerKind::Anonymous => Viewer::Anonymous,
            ViewerKind::Service => Viewer::service(&*self.sub),
            ViewerKind::OpenMount => Viewer::open_mount(&*self.sub),
            ViewerKind::User => Viewer::User {
                id: self.sub.parse().map_err(|_| TokenError::Invalid)?,
                role: self.role.as_deref().and_then(Role::parse).ok_or(TokenError::Invalid)?,
                admin: self.admin,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000_000;

    #[test]
    fn every_kind_of_caller_arrives_as_it_was_stated() {
        let keys = TokenKeys::ephemeral();
        let user = Viewer::User {
            id: 7,
            role: Role::Broker,
            admin: true,
        };
        let with_own_token = Identity {
            viewer: user,
            session: Some(3),
            credential: Some("c".to_owned()),
            issued_us: Some(NOW),
            expires_us: Some(NOW + 1),
            address: Some("192.0.2.7".parse().unwrap()),
        };
        let of = |viewer| Identity {
            viewer,
            ..Identity::ANONYMOUS
        };
        let callers = [
            Identity::ANONYMOUS,
            with_own_token,
            of(Viewer::service("feed")),
            of(Viewer::open_mount("shop/ada")),
        ];
        for caller in callers {
            let token = keys.sign_internal(&caller, "wallet", NOW, 60);
            assert_eq!(keys.verify_internal(&token, "wallet", NOW), Ok(caller));
        }
    }

    #[test]
    fn an_internal_token_is_for_one_subgraph_and_a_short_time() {
        let keys = TokenKeys::ephemeral();
        let token = keys.sign_internal(&Identity::ANONYMOUS, "wallet", NOW, 60);
        assert_eq!(keys.verify_internal(&token, "accounts", NOW), Err(TokenError::Invalid));
        let end = NOW + 60_000_000;
        assert!(keys.verify_internal(&token, "wallet", end - 1).is_ok());
        assert_eq!(keys.verify_internal(&token, "wallet", end), Err(TokenError::Expired));
        let foreign = TokenKeys::ephemeral().sign_internal(&Identity::ANONYMOUS, "wallet", NOW, 60);
        assert_eq!(keys.verify_internal(&foreign, "wallet", NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn internal_tokens_and_those_of_people_do_not_replace_each_other() {
        let keys = TokenKeys::ephemeral();
        let internal = keys.sign_internal(&Identity::ANONYMOUS, "agora", NOW, 60);
        assert_eq!(keys.verify(&internal, NOW), Err(TokenError::Invalid));
        let (own, _) = keys.sign_user(7, Role::Member, false, 3, NOW, 60);
        assert_eq!(keys.verify_internal(&own, "agora", NOW), Err(TokenError::Invalid));
    }
}
