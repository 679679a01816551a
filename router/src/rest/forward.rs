//! Sends requests to the upstream of their service.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::Value;

use super::backend::Upstream;
use super::bound_route::BoundRoute;
use super::error::RestError;
use super::input::BodyFields;
use super::route_table::RouteMatch;

/// Requires that the upstream of a route responds.
///
/// # Errors
/// The route's own 503.
pub(super) async fn require_responding(
    upstream: &dyn Upstream,
    bound_route: &BoundRoute,
    route_match: &RouteMatch,
    variables: &Value,
) -> Result<(), RestError> {
    if upstream.is_responding().await {
        return Ok(());
    }
    let error = bound_route.unavailable(route_match);
    // An earlier request with the same idempotency key may have had its effect.
    let has_key = variables.get("idempotencyKey").is_some();
    Err(if has_key { error.with_unknown_outcome() } else { error })
}

/// Sends a request, whose body was already read, to the upstream, and returns its response. `path` is the one inside the mount.
///
/// # Errors
/// 404 for a path that cannot be forwarded.
pub(super) async fn forward(
    upstream: &dyn Upstream,
    route_match: &RouteMatch,
    parts: &Parts,
    path: &str,
    body_fields: BodyFields,
) -> Result<Response, RestError> {
    let path = path.strip_prefix(&*route_match.prefix).unwrap_or(path);
    let request = to_request(parts, path, &body_fields)?;
    drop(body_fields);
    Ok(upstream.forward(request).await)
}

/// Returns the request as an upstream expects it, with the body that was already read.
///
/// # Errors
/// 404 for a path that cannot be forwarded.
fn to_request(parts: &Parts, path: &str, body_fields: &BodyFields) -> Result<Request, RestError> {
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let request = Request::builder()
        .method(parts.method.clone())
        .uri(format!("{path}{query}"))
        .header(header::CONTENT_TYPE, "application/json");
    let request = match spans::headers() {
        Some((parent, state)) => {
            let request = request.header("traceparent", parent);
            state
                .into_iter()
                .fold(request, |request, state| request.header("tracestate", state))
        }
        None => request,
    };
    let body = match body_fields {
        BodyFields::Json(body_fields) => serde_json::to_string(body_fields).map_err(|_| RestError::internal())?,
        BodyFields::None | BodyFields::Form(_) => String::new(),
    };
    request.body(Body::from(body)).map_err(|_| RestError::no_route())
}
