//! The index page, the health check, and the counters of the cache.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use contract::{ErrorCode, Viewer};
use serde_json::json;

use crate::http::accept::ResponseMediaType;
use crate::http::error::HttpError;
use crate::http::{HttpState, MountLink};

const PAGE: &str = include_str!("pages/index.html");
/// The content security policy of the pages, which have one inline style sheet and load no other content.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Answers `GET /` with the index page.
pub(super) async fn index(State(state): State<HttpState>) -> Response {
    let mounts: String = state.config.mounts.iter().map(row).collect();
    let page = PAGE.replace("<!-- mounts -->", &mounts);
    (
        [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        Html(page),
    )
        .into_response()
}

fn row(mount: &MountLink) -> String {
    let MountLink { name, prefix, about } = mount;
    let (name, prefix, about) = (escape(name), escape(prefix), escape(about));
    format!(
        "<tr><th><a href=\"{prefix}/docs\">{name}</a></th><td>{about}</td>\
         <td><code>{prefix}</code></td><td><a href=\"{prefix}/openapi.json\">OpenAPI</a></td></tr>\n"
    )
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Answers `GET /health`: 200 while the server accepts requests, 503 while the database cannot be written or after the
/// shutdown began.
pub(super) async fn health(State(state): State<HttpState>) -> Response {
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

/// Answers `GET /cache` with the counters: for operators, and on this machine for callers who may use REST routes
/// without a token.
pub(super) async fn cache(State(state): State<HttpState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if !state.config.anonymous_access.is_open_to(&parts) {
        let error = match state.gateway.auth.identify(&parts.headers) {
            Ok(identity) if identity.viewer.is_operator() => None,
            Ok(identity) if identity.viewer != Viewer::Anonymous => {
                Some(HttpError::new(ErrorCode::Forbidden, "this is for operators"))
            }
            Ok(_) => Some(HttpError::new(ErrorCode::Unauthenticated, "sign in first")),
            Err(error) => Some(error.into()),
        };
        if let Some(error) = error {
            return error.to_response(ResponseMediaType::Json);
        }
    }
    ([(header::CACHE_CONTROL, "no-store")], Json(state.config.cache.counts())).into_response()
}
