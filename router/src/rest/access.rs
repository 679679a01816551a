//! Authentication and permissions of a route (docs/rest-contract/common.md#access).

use std::sync::Arc;

use axum::http::Method;
use axum::http::request::Parts;
use contract::Viewer;
use rand::RngCore;

use super::execute::Caller;
use super::failure::Failure;
use super::open::Opened;
use super::openness::is_for_another_site;
use super::operation::Compiled;
use super::route::{Access, Answer};
use crate::auth::Identity;
use crate::http::RequestId;

/// Returns the caller, and whether the caller has the permission; `serve` looks at the second only after it has read the body.
///
/// # Errors
/// 401 when a token is missing or invalid.
pub(super) fn sign_in(
    opened: &Opened,
    compiled: &Compiled,
    request: &Parts,
) -> Result<(Caller, Result<(), Failure>), Failure> {
    let access = compiled.route.access;
    let identity = match compiled.route.answer {
        // A fixed response is the same for every caller: the token does not matter.
        Answer::Fixed(_) => Identity::ANONYMOUS,
        Answer::One(_) | Answer::All(_) | Answer::AllAnd(_) => opened
            .gateway
            .auth
            .identify(&request.headers)
            .map_err(|error| Failure::new("UNAUTHENTICATED", error.to_string()))?,
    };
    let open = opened.open.is_open_to(request);
    let by_policy = matches!(
        access,
        Access::Policy | Access::Attributed | Access::Account | Access::OnBehalf | Access::Internal
    );
    let needs_token = matches!(access, Access::Bearer | Access::Person | Access::Service) || (by_policy && !open);
    if needs_token && identity.viewer == Viewer::Anonymous {
        return Err(Failure::new("UNAUTHENTICATED", "sign in first"));
    }
    let rights = rights(open, access, request, &identity.viewer);
    let on_behalf_of = match identity.viewer {
        Viewer::User { id, .. } if access == Access::OnBehalf => Some(id),
        _ => None,
    };
    let mount = opened.mount.name;
    let by_mount = match on_behalf_of {
        // The name separates the idempotency keys of different people.
        Some(person) => Some(Viewer::open_mount(format!("{mount}/user:{person}"))),
        None => (open && (by_policy || access == Access::Newcomer)).then(|| Viewer::open_mount(mount)),
    };
    let request_id = request_id(request);
    let caller = match by_mount {
        None => Caller::holding(identity, request_id),
        Some(mount) if speaks_first(access, &identity.viewer) => Caller {
            or_else: (access == Access::Account).then_some(mount),
            ..Caller::holding(identity, request_id)
        },
        Some(viewer) => Caller {
            viewer,
            on_behalf_of,
            ..Caller::holding(Identity::ANONYMOUS, request_id)
        },
    };
    Ok((caller, rights))
}

/// Whether the request acts as the token's holder, even where the mount accepts callers without a token.
fn speaks_first(access: Access, holder: &Viewer) -> bool {
    match access {
        Access::Attributed => matches!(holder, Viewer::User { .. }),
        Access::Account => *holder != Viewer::Anonymous,
        _ => false,
    }
}

impl Caller {
    fn holding(identity: Identity, request_id: Arc<str>) -> Self {
        Self {
            viewer: identity.viewer,
            or_else: None,
            on_behalf_of: None,
            session: identity.session,
            request_id,
        }
    }
}

fn rights(open: bool, access: Access, request: &Parts, viewer: &Viewer) -> Result<(), Failure> {
    let forbidden = |why: &str| Err(Failure::new("FORBIDDEN", why));
    let services_only = access == Access::Service || (access == Access::Internal && !open);
    if services_only && !matches!(viewer, Viewer::Service { .. }) {
        return forbidden("only a service may do this");
    }
    if access == Access::Person && !matches!(viewer, Viewer::User { .. }) {
        return forbidden("only a person may do this");
    }
    if open && request.method != Method::GET && is_for_another_site(request) {
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
