//! Who may call a route (CONTRACTS, section 0).

use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use contract::Viewer;
use rand::RngCore;

use super::execute::Caller;
use super::failure::Failure;
use super::open::Opened;
use super::operation::Compiled;
use super::route::{Access, Answer};
use crate::auth::Identity;

/// A request id of a client that is longer is not believed to be one.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Who is asking, and whether they may: the second is looked at only after the body.
///
/// # Errors
/// 401 when a token is missing or does not hold.
pub(super) fn sign_in(
    opened: &Opened,
    compiled: &Compiled,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(Caller, Result<(), Failure>), Failure> {
    let access = compiled.route.access;
    let identity = match compiled.route.answer {
        // What asks the graph nothing tells nobody anything, whoever asks.
        Answer::Fixed(_) => Identity::ANONYMOUS,
        Answer::One(_) | Answer::All(_) => opened
            .gateway
            .auth
            .identify(headers)
            .map_err(|error| Failure::new("UNAUTHENTICATED", error.to_string()))?,
    };
    let by_policy = matches!(access, Access::Policy | Access::Attributed | Access::Internal);
    let needs_token = matches!(access, Access::Bearer | Access::Service) || (by_policy && !opened.open);
    if needs_token && identity.viewer == Viewer::Anonymous {
        return Err(Failure::new("UNAUTHENTICATED", "sign in first"));
    }
    let rights = rights(opened, access, method, headers, &identity.viewer);
    let is_person = matches!(identity.viewer, Viewer::User { .. });
    let Identity { viewer, session, .. } =
        match by_policy && opened.open && !(is_person && access == Access::Attributed) {
            true => Identity {
                viewer: Viewer::Service {
                    name: opened.mount.name.to_owned(),
                },
                ..Identity::ANONYMOUS
            },
            false => identity,
        };
    let caller = Caller {
        viewer,
        session,
        request_id: request_id(headers),
    };
    Ok((caller, rights))
}

fn rights(
    opened: &Opened,
    access: Access,
    method: &Method,
    headers: &HeaderMap,
    viewer: &Viewer,
) -> Result<(), Failure> {
    let forbidden = |why: &str| Err(Failure::new("FORBIDDEN", why));
    let services_only = access == Access::Service || (access == Access::Internal && !opened.open);
    if services_only && !matches!(viewer, Viewer::Service { .. }) {
        return forbidden("only a service may do this");
    }
    // Where anyone may, any page that a browser on this machine shows could buy books; browsers say so.
    let cross_site = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if cross_site && opened.open && method != Method::GET {
        return forbidden("another site may not do this");
    }
    Ok(())
}

fn request_id(headers: &HeaderMap) -> Arc<str> {
    let sent = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    match sent.filter(|id| !id.is_empty() && id.len() <= REQUEST_ID_CHARS_MAX) {
        Some(id) => id.into(),
        None => format!("{:016x}", rand::rng().next_u64()).into(),
    }
}
