//! The middleware around every request: its id, the access log, the rules about its host, the limit on concurrent requests,
//! and the response after a panic.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::SemaphorePermit;

use crate::gateway::{Gateway, Room};
use crate::http::host::require_one_host;
use crate::http::proxies::{Proxied, client_of_request};
use crate::http::refusal::Refusal;
use crate::http::request_id::{self, RequestId};
use crate::http::wording::Wording;
use crate::rest::Envelope;
use crate::server::{Connection, Unread, receive, values_in, weight_of};

/// Wraps `router` in the middleware: an id, a log line, limits, security headers, and a 500 for a panic.
pub fn guarded(gateway: &Gateway, router: Router) -> Router {
    guarded_within(&gateway.room, Wording::ByPath, router)
}

/// As [`guarded`], for an address that serves one REST mount: an error before its routes uses the mount's error format.
pub fn guarded_mount(gateway: &Gateway, envelope: Envelope, router: Router) -> Router {
    guarded_within(&gateway.room, Wording::Mount(envelope), router)
}

/// As [`guarded`], without a graph: within the limits of `room`.
pub fn guarded_within(room: &Room, wording: Wording, router: Router) -> Router {
    let guard = Arc::new(Guard {
        room: room.clone(),
        wording,
    });
    router.layer(from_fn_with_state(guard, around))
}

struct Guard {
    room: Room,
    wording: Wording,
}

/// Handles a request. This is one layer for all concerns, because every layer costs each request an allocation and a clone of
/// all inner services.
async fn around(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let line = Line::begin(&request);
    let words = guard.wording.of(&request);
    let mut response = match answered(&guard.room, request, next).await {
        Ok(response) => response,
        Err(refusal) => words.respond(&refusal),
    };
    protect_browsers(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(request_id::HEADER, value);
    }
    if let Some(line) = line {
        line.end(&id, &response);
    }
    response
}

async fn answered(room: &Room, request: Request, next: Next) -> Result<Response, Refusal> {
    // A request without a connection comes from this process itself.
    if request.extensions().get::<ConnectInfo<SocketAddr>>().is_some() {
        require_one_host(request.version(), request.headers(), request.uri())?;
    }
    require_known_expectation(request.headers())?;
    // A health check must be answered especially under load. Requests between replicas of the order service are exempt as
    // well: they are authenticated before they cost anything, and counted requests already wait for them.
    let path = request.uri().path();
    if path == "/health" || path.starts_with("/raft/") {
        return run(room, request, next).await;
    }
    let (parts, body) = request.into_parts();
    let is_http1 = parts.version <= Version::HTTP_11;
    let connection = parts.extensions.get::<Arc<Connection>>().cloned();
    // The request takes no permit yet, so a client that sends slowly does not block other clients.
    let received = receive(body, &room.limits, &room.bodies).await.and_then(|body| {
        let most = room.limits.request_values_max;
        let is_within = body.len() <= most || values_in(&body) <= most;
        is_within.then_some(body).ok_or(Unread::TooManyValues)
    });
    let is_unread = matches!(&received, Err(unread) if *unread != Unread::TooManyValues);
    let (body, _held) = match received {
        Ok(body) => {
            let held = hold(room, &body)?;
            (Body::from(body), held)
        }
        Err(unread) => (unread.into_body(), None),
    };
    if let (true, Some(connection)) = (is_unread, connection) {
        connection.linger();
    }
    let Ok(_place) = room.requests.try_acquire() else {
        return Err(Refusal::new("UNAVAILABLE", "too many requests at once, try again"));
    };
    // A stream counts until it has begun; then the limit on subscriptions applies.
    let mut response = run(room, Request::from_parts(parts, body), next).await?;
    if is_unread && is_http1 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response)
}

/// Requests up to this size are limited by their number only.
const SMALL_BYTES: usize = 1024;

/// Takes permits for the bytes that a large request holds until it is answered.
fn hold<'r>(room: &'r Room, body: &Bytes) -> Result<Option<SemaphorePermit<'r>>, Refusal> {
    if body.len() <= SMALL_BYTES {
        return Ok(None);
    }
    let weight = weight_of(body);
    let most = room.limits.requests_bytes_max;
    let weight = u32::try_from(weight.min(most)).unwrap_or(u32::MAX);
    let held = room.request_bytes.try_acquire_many(weight);
    let refused = |_| Refusal::new("UNAVAILABLE", "too many large requests at once, try again");
    held.map(Some).map_err(refused)
}

async fn run(room: &Room, mut request: Request, next: Next) -> Result<Response, Refusal> {
    let (address, is_proxied) = client_of_request(&room.trusted_proxies, request.extensions(), request.headers());
    if is_proxied {
        request.extensions_mut().insert(Proxied);
    }
    let run = AssertUnwindSafe(contract::for_client(address, next.run(request))).catch_unwind();
    run.await.map_err(|cause| {
        log_panic(&*cause);
        Refusal::internal()
    })
}

/// Requires that `Expect` is absent or `100-continue` (RFC 9110, section 10.1.1).
fn require_known_expectation(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_known = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    match headers.get_all(header::EXPECT).iter().all(is_known) {
        true => Ok(()),
        false => Err(Refusal::unknown_expectation()),
    }
}

/// An access log entry that is being recorded; not created if the access log is disabled.
struct Line {
    method: Method,
    /// The path without the query, which may contain private data.
    path: String,
    began: Instant,
}

impl Line {
    fn begin(request: &Request) -> Option<Self> {
        tracing::enabled!(target: "agora::access", tracing::Level::INFO).then(|| Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            began: Instant::now(),
        })
    }

    fn end(self, id: &RequestId, response: &Response) {
        let Self { method, path, began } = self;
        let status = response.status().as_u16();
        let took_us = began.elapsed().as_micros();
        tracing::info!(target: "agora::access", id = %id.0, %method, path, status, took_us, "answered");
    }
}

fn protect_browsers(headers: &mut HeaderMap) {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in HEADERS {
        // Pages set a policy of their own.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

fn log_panic(cause: &(dyn Any + Send)) {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let cause = text
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(cause, "a handler panicked");
}
