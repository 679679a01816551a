//! Authentication and permissions of a route (docs/rest-contract/common.md#access).

use std::sync::Arc;

use axum::http::Method;
use axum::http::request::Parts;
use contract::{ErrorCode, Viewer};
use rand::RngCore;

use super::bound_mount::BoundMount;
use super::bound_route::BoundRoute;
use super::error::RestError;
use super::execute::{RestCaller, of_viewer};
use super::route::{AccessRule, ResponseSource};
use crate::auth::Identity;
use crate::callers::PropagatedHeaders;
use crate::request_id::RequestId;
use crate::rest_access::is_for_another_site;

/// Returns the caller, and whether the caller has the permission; `serve` looks at the second only after it has read the body.
///
/// # Errors
/// 401 when a token is missing or invalid.
pub(super) fn authenticate(
    bound_mount: &BoundMount,
    bound_route: &BoundRoute,
    request: &Parts,
) -> Result<(RestCaller, Result<(), RestError>), RestError> {
    let access = bound_route.route.access;
    let identity = match bound_route.route.source {
        // A fixed response is the same for every caller: the token does not matter.
        ResponseSource::Fixed(_) => Identity::ANONYMOUS,
        ResponseSource::One(_) | ResponseSource::All(_) | ResponseSource::AllInPlace(_) => bound_mount
            .gateway
            .auth
            .identify(&request.headers)
            .map_err(|error| RestError::new(ErrorCode::Unauthenticated, error.to_string()))?,
    };
    let is_open = bound_mount.anonymous_access.is_open_to(request);
    let by_policy = matches!(
        access,
        AccessRule::Policy | AccessRule::Attributed | AccessRule::Account | AccessRule::OnBehalf | AccessRule::Internal
    );
    let needs_token =
        matches!(access, AccessRule::Bearer | AccessRule::Person | AccessRule::Service) || (by_policy && !is_open);
    if needs_token && identity.viewer == Viewer::Anonymous {
        return Err(RestError::new(ErrorCode::Unauthenticated, "sign in first"));
    }
    let permission = require_permission(is_open, access, request, &identity.viewer);
    let on_behalf_of = match identity.viewer {
        Viewer::User { id, .. } if access == AccessRule::OnBehalf => Some(id),
        _ => None,
    };
    let mount = bound_mount.mount.name;
    let by_mount = match on_behalf_of {
        // The name separates the idempotency keys of different people.
        Some(person) => Some(Viewer::open_mount(format!("{mount}/user:{person}"))),
        None => (is_open && (by_policy || access == AccessRule::Registration)).then(|| Viewer::open_mount(mount)),
    };
    let headers = bound_mount.gateway.callers.propagated(&request.headers);
    let request_id = request_id(request);
    let caller = match by_mount {
        None => RestCaller::new(identity, headers, request_id),
        Some(mount) if acts_as_token_holder(access, &identity.viewer) => RestCaller {
            fallback_viewer: (access == AccessRule::Account).then_some(mount),
            ..RestCaller::new(identity, headers, request_id)
        },
        Some(viewer) => RestCaller {
            on_behalf_of,
            ..RestCaller::new(of_viewer(viewer), headers, request_id)
        },
    };
    Ok((caller, permission))
}

/// Whether the request acts as the token's holder, even where the mount accepts callers without a token.
fn acts_as_token_holder(access: AccessRule, holder: &Viewer) -> bool {
    match access {
        AccessRule::Attributed => matches!(holder, Viewer::User { .. }),
        AccessRule::Account => *holder != Viewer::Anonymous,
        _ => false,
    }
}

impl RestCaller {
    fn new(identity: Identity, headers: PropagatedHeaders, request_id: Arc<str>) -> Self {
        Self {
            identity,
            headers,
            fallback_viewer: None,
            on_behalf_of: None,
            request_id,
        }
    }
}

fn require_permission(is_open: bool, access: AccessRule, request: &Parts, viewer: &Viewer) -> Result<(), RestError> {
    let forbidden = |why: &str| Err(RestError::new(ErrorCode::Forbidden, why));
    let services_only = access == AccessRule::Service || (access == AccessRule::Internal && !is_open);
    if services_only && !matches!(viewer, Viewer::Service { .. }) {
        return forbidden("only a service may do this");
    }
    if access == AccessRule::Person && !matches!(viewer, Viewer::User { .. }) {
        return forbidden("only a person may do this");
    }
    if is_open && request.method != Method::GET && is_for_another_site(request) {
        return forbidden("another site may not do this");
    }
    Ok(())
}

/// Returns the id that the middleware around all listeners gave the request; without the middleware, a new id.
fn request_id(request: &Parts) -> Arc<str> {
    match request.extensions.get::<RequestId>() {
        Some(RequestId(id)) => Arc::clone(id),
        None => format!("{:016x}", rand::rng().next_u64()).into(),
    }
}
