//! The documented REST routes, as data.
//!
//! A route is a row of a table (`rest/bookstore.rs` is the first): a path, a summary, a GraphQL operation and the JSON pointer at
//! which the REST response lies in the operation's result. One handler serves all rows, and the OpenAPI document is generated
//! from the same rows. A test checks every operation against the graph, so that a route cannot become outdated. The business
//! rules of a system are behind the graph, not here.

mod access;
mod bazaar;
mod bookstore;
mod brokerage;
mod community;
mod docs;
mod execute;
mod failure;
mod input;
mod kind;
mod open;
mod openapi;
mod openness;
mod operation;
mod paths;
mod reply;
mod route;
mod shop;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, header};
use axum::routing::any;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

pub(crate) use failure::ENCODED;
pub use failure::{Envelope, Failure};
pub use kind::{Bounds, Field, Kind, Model, Need, QUANTITY};
pub use openness::Openness;
pub(crate) use openness::is_for_another_site;
pub use reply::{Call, Reply};
pub use route::{
    Access, Answer, ErrorRow, Invalid, Mount, OperationElse, Param, Place, Route, Service, Variants, Verb,
};

use crate::gateway::Gateway;
use crate::http::{PRECONDITION_FAILED, matches_without_tag, preconditions_hold};
use input::Members;
pub(crate) use input::is_encoded;
use open::{At, Opened};
use operation::Compiled;

/// The header whose key makes a repeated request have one effect.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Returns the systems' REST interfaces.
pub fn mounts() -> &'static [Mount] {
    static MOUNTS: &[Mount] = &[
        bazaar::MOUNT,
        bookstore::MOUNT,
        brokerage::MOUNT,
        community::MOUNT,
        shop::MOUNT,
    ];
    MOUNTS
}

/// Returns the error format at a path of the main address; `None` where no mount is.
pub(crate) fn envelope_at(path: &str) -> Option<Envelope> {
    let is_below = |mount: &&Mount| {
        let inside = path.strip_prefix(mount.prefix);
        inside.is_some_and(|inside| inside.is_empty() || inside.starts_with('/'))
    };
    mounts().iter().find(is_below).map(|mount| mount.envelope)
}

/// Returns the error format of that mount; `None` when there is no such mount.
pub fn envelope_of(mount: &str) -> Option<Envelope> {
    mounts()
        .iter()
        .find(|known| known.name == mount)
        .map(|known| known.envelope)
}

/// Returns the error format of the bazaar; a replica of its order service can be a process of its own.
pub(crate) const fn bazaar_envelope() -> Envelope {
    bazaar::MOUNT.envelope
}

/// Builds the router with all mounts under their prefixes. `open` decides which callers without a token may use routes whose
/// documents have no authentication.
///
/// # Panics
/// If a table does not fit its own operations, which a test rules out.
pub fn router(gateway: &Gateway, open: Openness) -> Router {
    mounts().iter().fold(Router::new(), |router, mount| {
        let all = services(gateway, mount);
        let opened = Arc::new(Opened::new(gateway, open, mount, all, At::Prefix));
        let prefix = mount.prefix;
        router
            .merge(compressed_docs(prefix, &opened))
            .route(prefix, any(handle).with_state(Arc::clone(&opened)))
            .route(&format!("{prefix}/"), any(handle).with_state(Arc::clone(&opened)))
            .route(&format!("{prefix}/{{*path}}"), any(handle).with_state(opened))
    })
}

/// Builds the router of a mount, or of one of its services, at `/` of its own listener; `None` when there is no such one.
///
/// # Panics
/// As [`router`].
pub fn service_router(gateway: &Gateway, open: Openness, mount: &str, service: Option<&str>) -> Option<Router> {
    let mount = mounts().iter().find(|known| known.name == mount)?;
    let mut services = services(gateway, mount);
    services.retain(|known| service.is_none_or(|name| known.name == name));
    if services.is_empty() {
        return None;
    }
    let at = service.map_or(At::Root, |_| At::Alone);
    let opened = Arc::new(Opened::new(gateway, open, mount, services, at));
    let docs = compressed_docs("", &opened);
    Some(docs.fallback(any(handle).with_state(opened)))
}

/// Returns the services of a mount: those of its table; replicas of the bazaar's order service replace it.
fn services(gateway: &Gateway, mount: &'static Mount) -> Vec<&'static Service> {
    match &gateway.replicas {
        Some(replicas) if mount.name == bazaar::MOUNT.name => bazaar::services(replicas.urls().keys().copied()),
        _ => mount.services.iter().collect(),
    }
}

/// Compresses the files of the interactive page, which are large. Compressing small responses is not worth the work.
fn compressed_docs(prefix: &str, opened: &Arc<Opened>) -> Router {
    let handler = any(handle).with_state(Arc::clone(opened));
    let compressed = handler.layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    Router::new().route(&format!("{prefix}/docs/{{file}}"), compressed)
}

/// Handles all routes.
async fn handle(State(opened): State<Arc<Opened>>, mut request: Request) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    if head {
        *request.method_mut() = Method::GET;
    }
    let mut response = match serve(&opened, request).await {
        Ok(response) => response,
        Err(failure) => failure.response(&opened.mount.envelope),
    };
    // Responses depend on the caller and the time, so caches must not store them. The documentation sets its own header.
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if head {
        without_body(&mut response);
    }
    response
}

/// Serves a request. Every caller's request is checked in the same order: route, authentication, body, permissions, state
/// (docs/rest-contract/common.md#order-of-checks).
async fn serve(opened: &Opened, request: Request) -> Result<Response<Body>, Failure> {
    let (parts, body) = request.into_parts();
    let path = opened.inside(parts.uri.path());
    if let Some(page) = opened.documentation(&parts, path)? {
        return Ok(page);
    }
    let mut found = opened.paths.find(parts.method.as_str(), path)?;
    let compiled = &opened.routes[found.compiled];
    let (caller, rights) = access::sign_in(opened, compiled, &parts)?;
    let members = input::members(compiled, &parts.headers, body, &opened.gateway.limits).await?;
    let query = parts.uri.query();
    let mut variables = input::variables(compiled, &mut found, query, &members)?;
    if let Some(key) = idempotency_key(compiled, &parts.headers)? {
        variables["idempotencyKey"] = key.into();
    }
    if let Some(person) = caller.on_behalf_of {
        variables["trader"] = person.to_string().into();
    }
    rights?;
    let holds = match parts.method == Method::GET {
        true => matches_without_tag(&parts.headers),
        false => preconditions_hold(&parts.headers),
    };
    if !holds {
        return Err(Failure::new("PRECONDITION_FAILED", PRECONDITION_FAILED));
    }
    if let Some((id, replicas)) = bazaar::replica_of(compiled.service).zip(opened.gateway.replicas.as_ref()) {
        if !replicas.answers(id).await {
            // An earlier request with the same idempotency key may have made the trade.
            return Err(match variables.get("idempotencyKey") {
                Some(_) => bazaar::no_replica().with_unknown_outcome(),
                None => bazaar::no_replica(),
            });
        }
        // The graph executes a trade, whichever replica receives it: so an idempotency key makes one trade over all replicas.
        if !compiled.idempotent {
            let path = path.strip_prefix(found.prefix).unwrap_or(path);
            let request = passed_on(&parts, path, &members)?;
            drop(members);
            return Ok(replicas.forward(id, request).await);
        }
    }
    // Frees the memory of the body before the graph executes the operation.
    drop(members);
    let after = match compiled.route.answer.is_list() {
        true => input::query_value(query, "after")?,
        false => None,
    };
    let call = Call::new(&found, &variables);
    let said = execute::execute(&opened.gateway, compiled, &found, &caller, variables.clone(), after).await?;
    let next = said
        .next
        .map(|cursor| reply::next_link(parts.uri.path(), query, &cursor));
    let bytes = said.budget.as_ref().map_or(0, |budget| budget.gathered_bytes());
    reply::reply(compiled, &call, opened.base, said.node, next, bytes)
}

/// Returns the request as the replica expects it, with the body that was already read.
fn passed_on(parts: &Parts, path: &str, members: &Members) -> Result<Request, Failure> {
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let request = Request::builder()
        .method(parts.method.clone())
        .uri(format!("{path}{query}"))
        .header(header::CONTENT_TYPE, "application/json");
    let body = match members {
        Members::Json(members) => serde_json::to_string(members).map_err(|_| Failure::internal())?,
        Members::None | Members::Form(_) => String::new(),
    };
    request.body(Body::from(body)).map_err(|_| Failure::no_route())
}

fn idempotency_key(compiled: &Compiled, headers: &axum::http::HeaderMap) -> Result<Option<String>, Failure> {
    let wrong = |why: &str| Failure::invalid(vec![("Idempotency-Key".to_owned(), why.to_owned())]);
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (values.next(), values.next()) {
        (Some(value), None) if compiled.idempotent => {
            let key = value.to_str().map_err(|_| wrong("must be plain ASCII"))?;
            Ok(Some(key.to_owned()))
        }
        (Some(_), Some(_)) if compiled.idempotent => Err(wrong("must be given once")),
        _ => Ok(None),
    }
}

fn without_body(response: &mut Response<Body>) {
    let body = std::mem::take(response.body_mut());
    if let Some(bytes) = axum::body::HttpBody::size_hint(&body).exact() {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
}
