//! The documented REST routes, as data.
//!
//! A route is a row of a table (`rest/mounts/bookstore.rs` has the first): a path, a summary, a GraphQL operation and the JSON
//! pointer at which the REST response lies in the operation's result. One handler serves all rows, and the OpenAPI document is
//! generated from the same rows. A test checks every operation against the graph, so that a route cannot become outdated. The
//! business rules of a system are behind the graph, not here.
//!
//! The tables are in `mounts`. All other modules are the engine, which knows no system by name:
//!
//! - `route` and `field` are the rows, `reshape` is what their functions see.
//! - `bound_mount`, `bound_service` and `bound_route` are tables that were checked and have a `backend`.
//! - `route_table`, `access` and `input` read a request.
//! - `execute` sends the operation to the graph, `forward` the request to another program.
//! - `reply` and `error` write the response; `openapi` and `docs` describe all of it.

mod access;
mod backend;
mod bound_mount;
mod bound_route;
mod bound_service;
mod docs;
mod error;
mod execute;
mod field;
mod forward;
mod input;
mod mounts;
mod openapi;
mod percent_encoding;
mod reply;
mod reshape;
mod route;
mod route_table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Response, Uri, header};
use axum::routing::any;
use contract::ErrorCode;
use futures_util::FutureExt;
use serde_json::Value;

pub use backend::{Backend, Upstream};
pub use bound_service::{BoundService, MountServices};
pub use error::{Envelope, RestError};
pub use field::{Field, FieldType, ObjectModel, Presence, QUANTITY, ValueBounds};
pub use reshape::{RequestView, ResponseDraft};
pub use route::{
    AccessRule, AlternativeOperation, BodyVariants, ErrorRow, InvalidParam, Mount, Param, ParamLocation,
    ResponseSource, Route, Service, Verb,
};

use crate::access_log::AccessNote;
use crate::gateway::Gateway;
use crate::http::{
    ErrorEnvelope, MountLink, PRECONDITION_FAILED, asset_routes, if_match_holds_without_tag, preconditions_hold,
};
use crate::rest_access::AnonymousAccess;
use bound_mount::{BoundMount, MountAddress};
use bound_route::BoundRoute;
use execute::RestCaller;
pub(crate) use mounts::{order_service_envelope, require_service};
use route_table::RouteMatch;

/// The header whose key makes a repeated request have one effect.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Returns the systems' REST interfaces.
pub fn mounts() -> &'static [Mount] {
    mounts::MOUNTS
}

/// Returns the links to the mounts under their prefixes, for the index page.
pub fn mount_links() -> Vec<MountLink> {
    let link = |mount: &Mount| MountLink {
        name: mount.title.to_owned(),
        prefix: mount.prefix.to_owned(),
        about: mount.about.to_owned(),
    };
    mounts().iter().map(link).collect()
}

/// Returns the error format at a path of the main address; `None` where no mount is.
pub fn envelope_at(path: &str) -> Option<&'static dyn ErrorEnvelope> {
    let is_below = |mount: &&Mount| {
        let inside = path.strip_prefix(mount.prefix);
        inside.is_some_and(|inside| inside.is_empty() || inside.starts_with('/'))
    };
    let mount = mounts().iter().find(is_below)?;
    Some(&mount.envelope)
}

/// Returns the error format of that mount; `None` when there is no such mount.
pub fn envelope_of(mount: &str) -> Option<&'static Envelope> {
    mounts()
        .iter()
        .find(|known| known.name == mount)
        .map(|known| &known.envelope)
}

/// Builds the router with all mounts over the graph, as [`MountServices::router`] does.
///
/// # Panics
/// As [`MountServices::router`].
pub fn router(gateway: &Gateway, anonymous_access: AnonymousAccess) -> Router {
    MountServices::over_graph(mounts()).router(gateway, anonymous_access)
}

/// Builds the router of a mount, or of one of its services, over the graph, as [`MountServices::router_of`] does.
///
/// # Panics
/// As [`MountServices::router`].
pub fn service_router(
    gateway: &Gateway,
    anonymous_access: AnonymousAccess,
    mount: &str,
    service: Option<&str>,
) -> Option<Router> {
    MountServices::over_graph(mounts()).router_of(gateway, anonymous_access, mount, service)
}

impl MountServices {
    /// Builds the router with all mounts under their prefixes. `anonymous_access` decides which callers without a token may use
    /// routes whose documents have no authentication.
    ///
    /// # Panics
    /// If a table does not fit its own operations, which a test rules out.
    pub fn router(&self, gateway: &Gateway, anonymous_access: AnonymousAccess) -> Router {
        self.iter().fold(Router::new(), |router, (mount, services)| {
            let address = MountAddress::Prefix;
            let bound_mount = Arc::new(BoundMount::new(gateway, anonymous_access, mount, services, address));
            let prefix = mount.prefix;
            router
                .route(prefix, any(handle).with_state(Arc::clone(&bound_mount)))
                .route(&format!("{prefix}/"), any(handle).with_state(Arc::clone(&bound_mount)))
                .route(&format!("{prefix}/{{*path}}"), any(handle).with_state(bound_mount))
        })
    }

    /// Builds the router of a mount, or of one of its services, at `/` of its own listener; `None` when there is no such one.
    ///
    /// # Panics
    /// As [`router`](Self::router).
    pub fn router_of(
        &self,
        gateway: &Gateway,
        anonymous_access: AnonymousAccess,
        mount: &str,
        service: Option<&str>,
    ) -> Option<Router> {
        let (mount, services) = self.iter().find(|(known, _)| known.name == mount)?;
        let is_wanted = |known: &&Arc<BoundService>| service.is_none_or(|name| known.name == name);
        let services: Vec<_> = services.iter().filter(is_wanted).map(Arc::clone).collect();
        if services.is_empty() {
            return None;
        }
        let address = service.map_or(MountAddress::Root, |_| MountAddress::ServiceRoot);
        let bound_mount = Arc::new(BoundMount::new(gateway, anonymous_access, mount, &services, address));
        Some(asset_routes().fallback(any(handle).with_state(bound_mount)))
    }
}

/// Handles all routes.
async fn handle(State(bound_mount): State<Arc<BoundMount>>, mut request: Request) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    if head {
        *request.method_mut() = Method::GET;
    }
    if let Some(response) = bound_mount.lost_browser(&request) {
        bound_mount.record(&response);
        return response;
    }
    let note = AccessNote::of(request.extensions());
    let mut response = match serve(&bound_mount, request, note.as_ref()).await {
        Ok(response) => response,
        Err(error) => {
            if let Some(note) = &note {
                note.codes(error.code.into());
            }
            error.response(&bound_mount.mount.envelope)
        }
    };
    // Responses depend on the caller and the time, so caches must not store them. The documentation sets its own header.
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if head {
        remove_body(&mut response);
    }
    bound_mount.record(&response);
    response
}

/// Serves a request. Every caller's request is checked in the same order: route, authentication, body, permissions, state
/// (docs/rest-contract/common.md#order-of-checks).
async fn serve(
    bound_mount: &Arc<BoundMount>,
    request: Request,
    note: Option<&AccessNote>,
) -> Result<Response<Body>, RestError> {
    let (parts, body) = request.into_parts();
    let path = bound_mount.inside(parts.uri.path());
    if let Some(page) = bound_mount.documentation(&parts, path)? {
        return Ok(page);
    }
    let mut route_match = bound_mount.route_table.find(parts.method.as_str(), path)?;
    let bound_route = &bound_mount.routes[route_match.route_index];
    if let Some(note) = note {
        note.route(bound_route.route.name, bound_route.kind);
    }
    spans::with_current(|span| {
        let route = bound_route.route;
        span.rename(format!(
            "{} {}{}",
            route.verb.as_str(),
            bound_mount.mount.prefix,
            route.path
        ));
        span.set("http.route", format!("{}{}", bound_mount.mount.prefix, route.path));
    });
    let (caller, permission) = access::authenticate(bound_mount, bound_route, &parts)?;
    if let Some(note) = note {
        note.viewer(&caller.identity.viewer);
    }
    let body_fields = input::read_body(bound_route, &parts.headers, body, &bound_mount.gateway.limits).await?;
    let query = parts.uri.query();
    let mut variables = input::variables(bound_route, &mut route_match, query, &body_fields)?;
    if let Some(key) = idempotency_key(bound_route, &parts.headers)? {
        variables["idempotencyKey"] = key.into();
    }
    if let Some(person) = caller.on_behalf_of {
        variables["trader"] = person.to_string().into();
    }
    permission?;
    let is_precondition_met = if parts.method == Method::GET {
        if_match_holds_without_tag(&parts.headers)
    } else {
        preconditions_hold(&parts.headers)
    };
    if !is_precondition_met {
        return Err(RestError::new(ErrorCode::PreconditionFailed, PRECONDITION_FAILED));
    }
    if let Backend::Forward(upstream) = &bound_route.service.backend {
        forward::require_responding(&**upstream, bound_route, &route_match, &variables).await?;
        if !bound_route.idempotent {
            return forward::forward(&**upstream, &route_match, &parts, path, body_fields).await;
        }
    }
    // Frees the memory of the body before the graph executes the operation.
    drop(body_fields);
    let is_list = bound_route.route.source.is_list();
    let after = if is_list {
        input::query_value(query, "after")?
    } else {
        None
    };
    let long_operations = bound_mount.gateway.long_operations.clone();
    let answer = answer(
        Arc::clone(bound_mount),
        route_match,
        caller,
        variables,
        after,
        parts.uri,
    );
    if is_list {
        // Each page is an operation of its own, and short; all of them together are not.
        long_operations.run(answer.boxed(), Some(refuse_list)).await
    } else {
        answer.await
    }
}

fn refuse_list() -> Result<Response<Body>, RestError> {
    let why = "too many long lists are being read, try again";
    Err(RestError::new(ErrorCode::Unavailable, why))
}

/// Executes the operation of a route, and writes its response.
async fn answer(
    bound_mount: Arc<BoundMount>,
    route_match: RouteMatch,
    caller: RestCaller,
    variables: Value,
    after: Option<String>,
    uri: Uri,
) -> Result<Response<Body>, RestError> {
    let bound_route = &bound_mount.routes[route_match.route_index];
    let gateway = &bound_mount.gateway;
    let result = execute::execute(gateway, bound_route, &route_match, &caller, variables.clone(), after).await?;
    let next = result
        .next
        .map(|cursor| reply::next_link(uri.path(), uri.query(), &cursor));
    let bytes = result.budget.as_ref().map_or(0, |budget| budget.response_bytes());
    reply::reply(
        bound_route,
        &route_match,
        &variables,
        bound_mount.base,
        result.node,
        next,
        bytes,
    )
}

fn idempotency_key(bound_route: &BoundRoute, headers: &axum::http::HeaderMap) -> Result<Option<String>, RestError> {
    let wrong = |why: &str| RestError::invalid(vec![("Idempotency-Key".to_owned(), why.to_owned())]);
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (values.next(), values.next()) {
        (Some(value), None) if bound_route.idempotent => {
            let key = value.to_str().map_err(|_| wrong("must be plain ASCII"))?;
            Ok(Some(key.to_owned()))
        }
        (Some(_), Some(_)) if bound_route.idempotent => Err(wrong("must be given once")),
        _ => Ok(None),
    }
}

fn remove_body(response: &mut Response<Body>) {
    let body = std::mem::take(response.body_mut());
    if let Some(bytes) = axum::body::HttpBody::size_hint(&body).exact() {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
}
