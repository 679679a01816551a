//! The addresses for operators and the programs that watch this one: health, readiness, metrics, the counters of the cache.

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use contract::{ErrorCode, Viewer};
use serde_json::json;

use crate::http::HttpState;
use crate::http::accept::ResponseMediaType;
use crate::http::error::{self, HttpError};
use crate::metrics;
use crate::readiness::Check;

/// The addresses for the programs that watch this one.
pub(super) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
}

/// Whether a path is one of those that are answered also while requests are refused: they are needed especially then.
pub(super) fn is_for_watchers(path: &str) -> bool {
    matches!(path, "/health" | "/ready" | "/metrics")
}

/// Answers `GET /health`: 200 while the server accepts requests, 503 while the database cannot be written or after the
/// shutdown began.
async fn health(State(state): State<HttpState>) -> Response {
    let (status, word) = if state.gateway.shutdown.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if state.config.storage.failure_reason().is_some() {
        // The log has the reason, which contains file names.
        (StatusCode::SERVICE_UNAVAILABLE, "storage fails")
    } else {
        (StatusCode::OK, "ok")
    };
    (
        status,
        [(header::CACHE_CONTROL, "no-store")],
        Json(json!({ "status": word })),
    )
        .into_response()
}

/// Answers `GET /ready`: 200 if every check passes, 503 if one fails, with all of them and the warnings.
async fn ready(State(state): State<HttpState>) -> Response {
    let Some(readiness) = &state.config.readiness else {
        return error::nothing_here().into_response();
    };
    let report = readiness.check().await;
    let (status, word) = if report.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let check = |check: &Check| match check.failure {
        None => json!({ "name": check.name, "status": "ok" }),
        Some(reason) => json!({ "name": check.name, "status": "failed", "reason": reason }),
    };
    let checks: Vec<_> = report.checks.iter().map(check).collect();
    let mut body = json!({ "status": word, "checks": checks });
    if !report.warnings.is_empty() {
        body["warnings"] = json!(report.warnings);
    }
    let body = Json(body);
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// Answers `GET /metrics`: as [`cache`], for operators and this machine.
async fn metrics(State(state): State<HttpState>, request: Request) -> Response {
    let Some(collector) = &state.config.metrics else {
        return error::nothing_here().into_response();
    };
    let (parts, _) = request.into_parts();
    match refuse_stranger(&state, &parts) {
        Some(refusal) => refusal,
        None => metrics::respond(collector).await,
    }
}

/// Answers `GET /cache` with the counters: for operators, and on this machine for callers who may use REST routes
/// without a token.
pub(super) async fn cache(State(state): State<HttpState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match refuse_stranger(&state, &parts) {
        Some(refusal) => refusal,
        None => ([(header::CACHE_CONTROL, "no-store")], Json(state.config.cache.counts())).into_response(),
    }
}

/// Returns the refusal of a caller who is neither an operator nor on this machine.
fn refuse_stranger(state: &HttpState, parts: &Parts) -> Option<Response> {
    if state.config.anonymous_access.is_open_to(parts) {
        return None;
    }
    let error = match state.gateway.auth.identify(&parts.headers) {
        Ok(identity) if identity.viewer.is_operator() => return None,
        Ok(identity) if identity.viewer != Viewer::Anonymous => {
            HttpError::new(ErrorCode::Forbidden, "this is for operators")
        }
        Ok(_) => HttpError::new(ErrorCode::Unauthenticated, "sign in first"),
        Err(error) => error.into(),
    };
    Some(error.to_response(ResponseMediaType::Json))
}
