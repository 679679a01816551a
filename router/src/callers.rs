//! The callers of requests, in the form that the subgraphs behind a gateway read.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use contract::{Role, Viewer};

use crate::auth::Identity;
use crate::in_process;
use crate::subgraph::{Caller, CallerAccess};

/// Headers of a request that its fetches carry; none is the common case.
pub type PropagatedHeaders = Option<Arc<HeaderMap>>;

/// Makes the callers of a gateway's requests.
#[derive(Clone, Debug, Default)]
pub enum Callers {
    /// For domains in this process: the viewer and its session.
    #[default]
    InProcess,
    /// For subgraphs over HTTP: the identity, and the headers that are propagated.
    Remote(Arc<PropagationRules>),
}

/// The rules by which a request's headers become those of its fetches.
#[derive(Clone, Debug)]
pub struct PropagationRules {
    /// The headers that are propagated, with all of their values.
    pub names: Vec<HeaderName>,
    /// Whether this process signs callers in. If it does not, the subgraphs decide what a caller may write, so that no caller counts
    /// as a stranger here.
    pub has_sign_in: bool,
}

/// The identity of a caller of subgraphs over HTTP.
#[derive(Debug)]
pub struct RemoteIdentity {
    /// The caller as its token states it; anonymous where this process signs no callers in.
    pub identity: Identity,
    /// The headers that the fetches carry.
    pub headers: PropagatedHeaders,
}

impl Callers {
    /// Returns the headers of a request that its fetches carry.
    pub fn propagated(&self, headers: &HeaderMap) -> PropagatedHeaders {
        let Self::Remote(rules) = self else { return None };
        let mut found = HeaderMap::new();
        for name in &rules.names {
            for value in headers.get_all(name) {
                found.append(name.clone(), value.clone());
            }
        }
        (!found.is_empty()).then(|| Arc::new(found))
    }

    /// Returns the headers of a WebSocket's operations: `authorization` is that of `connection_init`, if it is propagated.
    pub fn propagated_with(&self, headers: PropagatedHeaders, authorization: &str) -> PropagatedHeaders {
        let Self::Remote(rules) = self else { return None };
        let Ok(value) = HeaderValue::from_str(authorization) else {
            return headers;
        };
        if !rules.names.contains(&header::AUTHORIZATION) {
            return headers;
        }
        let mut headers = headers.map(Arc::unwrap_or_clone).unwrap_or_default();
        headers.insert(header::AUTHORIZATION, value);
        Some(Arc::new(headers))
    }

    /// Returns the caller of a request.
    pub fn caller(&self, identity: &Identity, headers: &PropagatedHeaders) -> Caller {
        match self {
            Self::InProcess => in_process::caller(identity.viewer.clone(), identity.session),
            Self::Remote(rules) => {
                let is_known = matches!(identity.viewer, Viewer::User { .. } | Viewer::Service { .. });
                let caller = RemoteIdentity {
                    identity: identity.clone(),
                    headers: headers.clone(),
                };
                Caller::new(caller, is_known || !rules.has_sign_in).with_access(access(&identity.viewer))
            }
        }
    }
}

/// Returns what the access rules of a supergraph (`@authenticated`, `@requiresScopes`) see of a viewer. A user has the scope of its
/// role and, as an administrator, `admin`; a program has the scope `service`.
fn access(viewer: &Viewer) -> CallerAccess {
    let scopes: &[&str] = match viewer {
        Viewer::Anonymous | Viewer::OpenMount { .. } => return CallerAccess::default(),
        Viewer::Service { .. } => &["service"],
        Viewer::User { role, admin, .. } => match (role, admin) {
            (Role::Member, false) => &["member"],
            (Role::Investor, false) => &["investor"],
            (Role::Broker, false) => &["broker"],
            (Role::Member, true) => &["admin", "member"],
            (Role::Investor, true) => &["admin", "investor"],
            (Role::Broker, true) => &["admin", "broker"],
        },
    };
    CallerAccess {
        is_authenticated: true,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn propagating(names: &[&str]) -> Callers {
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        Callers::Remote(Arc::new(PropagationRules {
            names,
            has_sign_in: false,
        }))
    }

    fn request() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [("authorization", "Bearer a"), ("x-tenant", "1"), ("x-tenant", "2")] {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_named_headers_are_propagated_with_all_of_their_values() {
        assert_eq!(propagating(&[]).propagated(&request()), None);
        assert_eq!(propagating(&["x-absent"]).propagated(&request()), None);
        let found = propagating(&["x-tenant"]).propagated(&request()).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found.get("authorization").is_none());
    }

    #[test]
    fn a_viewer_has_the_scopes_of_its_role() {
        let user = |role, admin| Viewer::User { id: 1, role, admin };
        for (viewer, expected) in [
            (Viewer::Anonymous, None),
            (Viewer::open_mount("shop"), None),
            (Viewer::service("warehouse"), Some("service")),
            (user(Role::Broker, false), Some("broker")),
            (user(Role::Investor, true), Some("admin investor")),
        ] {
            let found = access(&viewer);
            let scopes: Vec<_> = found.scopes.iter().map(String::as_str).collect();
            let found = found.is_authenticated.then(|| scopes.join(" "));
            assert_eq!(found.as_deref(), expected, "{viewer:?}");
        }
    }

    #[test]
    fn connection_init_replaces_only_an_authorization_that_is_propagated() {
        let callers = propagating(&["authorization"]);
        let replaced = callers
            .propagated_with(callers.propagated(&request()), "Bearer b")
            .unwrap();
        assert_eq!(replaced.get("authorization").unwrap(), "Bearer b");
        assert_eq!(propagating(&["x-absent"]).propagated_with(None, "Bearer b"), None);
    }
}
