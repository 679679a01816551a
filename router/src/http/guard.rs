//! What stands around every request: its id, the log, the rules of its host, the bound on how many run at once, and what a
//! panic becomes.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use crate::gateway::Gateway;
use crate::http::host::require_one_host;
use crate::http::refusal::Refusal;
use crate::http::request_id::{self, RequestId};
use crate::http::wording::Wording;
use crate::rest::Envelope;

/// Puts around `router` what every request needs: an id, a log line, a bound, security headers, and a 500 for a panic.
pub fn guarded(gateway: &Gateway, router: Router) -> Router {
    guarded_within(Arc::clone(&gateway.room.requests), Wording::ByPath, router)
}

/// As [`guarded`], at an address where one REST mount is all there is: what is refused before its routes is said in its words.
pub fn guarded_mount(gateway: &Gateway, envelope: Envelope, router: Router) -> Router {
    guarded_within(Arc::clone(&gateway.room.requests), Wording::Mount(envelope), router)
}

/// As [`guarded`], where there is no graph: as many requests at once as `room` is for.
pub fn guarded_within(room: Arc<Semaphore>, wording: Wording, router: Router) -> Router {
    router.layer(from_fn_with_state(Guard { room, wording }, around))
}

#[derive(Clone)]
struct Guard {
    room: Arc<Semaphore>,
    wording: Wording,
}

/// One layer, not one for each concern: every layer costs each request an allocation and a clone of all that is inside.
async fn around(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let line = Line::begin(&request);
    let words = guard.wording.of(&request);
    let mut response = match answered(&guard, request, next).await {
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

async fn answered(guard: &Guard, request: Request, next: Next) -> Result<Response, Refusal> {
    // Without a connection, this process itself calls.
    if request.extensions().get::<ConnectInfo<SocketAddr>>().is_some() {
        require_one_host(request.version(), request.headers(), request.uri())?;
    }
    let run = AssertUnwindSafe(bounded(&guard.room, request, next)).catch_unwind();
    run.await.unwrap_or_else(|cause| {
        log_panic(&*cause);
        Err(Refusal::internal())
    })
}

/// A line of the log in the making; none where nobody wants it.
struct Line {
    method: Method,
    /// Without its query: what people ask for is none of the log's business.
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
        // Pages bring a policy of their own.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// Streams count until they have begun; then the bound on subscriptions holds.
async fn bounded(room: &Semaphore, request: Request, next: Next) -> Result<Response, Refusal> {
    // Whoever asks whether we are alive has to get an answer most of all when there is much to do. What replicas of the order
    // service ask needs their credential before it costs anything, and is what requests that are counted already wait for.
    let path = request.uri().path();
    if path == "/health" || path.starts_with("/raft/") {
        return Ok(next.run(request).await);
    }
    let Ok(_permit) = room.try_acquire() else {
        return Err(Refusal::new("UNAVAILABLE", "too many requests at once, try again"));
    };
    Ok(next.run(request).await)
}

fn log_panic(cause: &(dyn Any + Send)) {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let cause = text
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(cause, "a handler panicked");
}
