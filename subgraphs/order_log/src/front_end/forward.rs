//! Requests of the documented routes, forwarded to one replica.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Url;
use serde_json::Value;

use super::{FrontEnd, trim_base};
use crate::command::ReplicaId;
use crate::rest::{self, ErrorResponse};
use crate::server;

/// The request headers that a replica reads, and those that continue a trace.
const REQUEST_HEADERS: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];
/// The response headers that a client gets.
const RESPONSE_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ALLOW, header::RETRY_AFTER];

impl FrontEnd {
    /// Whether a replica answers and has caught up. A replica that hangs counts as not answering after the ping
    /// timeout.
    pub async fn is_responding(&self, id: ReplicaId) -> bool {
        let Some(url) = self.inner.urls.get(&id) else {
            return false;
        };
        let timeout = self.settings().ping_timeout;
        let pong = self.inner.peers.get::<Value>(trim_base(url), "/ping", timeout).await;
        pong.is_ok()
    }

    /// Forwards a request of a documented route to one replica and returns its response, with our credential and within
    /// limits of size and time. The caller has checked whether the client may ask. The path is the replica's, without
    /// any mount.
    pub async fn forward(&self, id: ReplicaId, request: Request<Body>) -> Response {
        let answer = self.try_forward(id, request).await;
        answer.unwrap_or_else(IntoResponse::into_response)
    }

    async fn try_forward(&self, id: ReplicaId, request: Request<Body>) -> Result<Response, ErrorResponse> {
        let url = self.url_of(id, request.uri());
        let url = url.ok_or_else(|| ErrorResponse::new(StatusCode::NOT_FOUND, "not found"))?;
        let _permit = self.permit().map_err(|_| ErrorResponse::unavailable())?;
        let settings = self.settings();
        let (parts, body) = request.into_parts();
        let body = server::read_body(body, settings.body_bytes_max, settings.body_timeout).await;
        let body = body.map_err(ErrorResponse::from_status)?;
        let headers = select_headers(&REQUEST_HEADERS, &parts.headers);
        // The replica reports by itself when no majority answers; the way there and back may take as long as a ping.
        let timeout = settings.answer_timeout + settings.ping_timeout;
        let passed_on = self.inner.peers.forward(parts.method, url, headers, body, timeout);
        let answer = passed_on.await.map_err(|error| {
            tracing::debug!(%error, id, "a replica does not answer");
            ErrorResponse::unavailable()
        })?;
        let (parts, body) = answer.into_parts();
        Ok((parts.status, select_headers(&RESPONSE_HEADERS, &parts.headers), body).into_response())
    }

    /// The URL of a documented route of a replica; `None` for an unknown replica or another path.
    fn url_of(&self, id: ReplicaId, uri: &axum::http::Uri) -> Option<Url> {
        let base = trim_base(self.inner.urls.get(&id)?);
        let before = Url::parse(base).ok()?.path().trim_end_matches('/').len();
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let url = Url::parse(&format!("{base}{}{query}", uri.path())).ok()?;
        // Compares the parsed path with the given one: dots and backslashes in a path may lead elsewhere.
        let path = url.path().get(before..)?;
        (path == uri.path() && rest::is_documented(path)).then_some(url)
    }
}

fn select_headers(names: &[HeaderName], headers: &HeaderMap) -> HeaderMap {
    let there = names.iter().filter_map(|name| Some((name, headers.get(name)?)));
    there.map(|(name, value)| (name.clone(), value.clone())).collect()
}
