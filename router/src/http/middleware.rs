//! The middleware around every request: its id, the access log, the rules about its host, the limit on concurrent requests,
//! and the response after a panic.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use contract::ErrorCode;
use futures_util::{FutureExt, TryFutureExt};
use spans::Span;
use tokio::sync::SemaphorePermit;
use tower::Service;

use crate::access_log::AccessLogEntry;
use crate::gateway::Gateway;
use crate::host::require_one_host;
use crate::http::compression::AcceptedEncodings;
use crate::http::error::{ErrorEnvelope, HttpError};
use crate::http::error_format::{EnvelopeAt, ListenerErrorFormat};
use crate::http::operations::is_for_watchers;
use crate::http::proxies::client_of_request;
use crate::request_id::{self, RequestId};
use crate::request_meters::Queue;
use crate::rest_access::ForwardedMarker;
use crate::server::{BodyError, Connection, Permits, count_json_values, receive, request_memory_bytes};
use crate::traces;

/// Wraps `router` in the middleware: an id, a log line, limits, security headers, and a 500 for a panic. An error before the
/// routes has the format that `envelope_at` finds for the path.
pub fn with_middleware(gateway: &Gateway, envelope_at: EnvelopeAt, router: Router) -> Router {
    with_middleware_within(&gateway.permits, ListenerErrorFormat::ByPath(envelope_at), router)
}

/// As [`with_middleware`], for an address that serves one REST mount: an error before its routes uses the mount's error format.
pub fn with_mount_middleware(gateway: &Gateway, envelope: &'static dyn ErrorEnvelope, router: Router) -> Router {
    with_middleware_within(&gateway.permits, ListenerErrorFormat::Mount(envelope), router)
}

/// As [`with_middleware`], but without the limits on requests and their bodies. This is for the requests between replicas of the
/// order service: they are authenticated before they cost anything, and counted requests already wait for them.
pub fn with_unlimited_middleware(permits: &Permits, error_format: ListenerErrorFormat, router: Router) -> Router {
    let state = Arc::new(MiddlewareState {
        permits: permits.clone(),
        is_limited: false,
        error_format,
    });
    router.layer(from_fn_with_state(state, handle))
}

/// As [`with_middleware`], without a graph: within the limits of `permits`.
pub fn with_middleware_within(permits: &Permits, error_format: ListenerErrorFormat, router: Router) -> Router {
    let state = Arc::new(MiddlewareState {
        permits: permits.clone(),
        is_limited: true,
        error_format,
    });
    router.layer(from_fn_with_state(state, handle))
}

struct MiddlewareState {
    permits: Permits,
    /// Whether the limits on requests and their bodies apply.
    is_limited: bool,
    error_format: ListenerErrorFormat,
}

/// Handles a request. This is one layer for all concerns, because every layer costs each request an allocation and a clone of
/// all inner services. The request is changed in its place, because each function that takes it moves it.
async fn handle(State(state): State<Arc<MiddlewareState>>, mut request: Request, mut next: Next) -> Response {
    let id = RequestId::from_headers(request.headers());
    request.extensions_mut().insert(id.clone());
    let log_entry = AccessLogEntry::begin(&mut request);
    let traces = state.permits.traces.as_ref();
    let span = traces.and_then(|traces| traces.begin_request(&request, &id.0));
    let format = state.error_format.for_request(&request);
    let encodings = AcceptedEncodings::of(&request);
    let result = match admit(&state, &mut request).await {
        Ok(admission) => match call_next(&state.permits, request, &mut next, span.clone()).await {
            Ok(response) => {
                let response = close_if_incomplete(response, &admission);
                encodings
                    .compress(response, state.permits.limits.compressed_bytes_min)
                    .await
            }
            refused => refused,
        },
        Err(error) => Err(error),
    };
    let mut response = result.unwrap_or_else(|error| {
        if let Some(log_entry) = &log_entry {
            log_entry.note().codes(error.code().into());
        }
        format.respond(&error)
    });
    insert_security_headers(response.headers_mut());
    state.permits.meters.record_response(response.status().as_u16());
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(request_id::HEADER, value);
    }
    if let Some(span) = &span {
        traces::end_request(span, &mut response);
    }
    if let Some(log_entry) = log_entry {
        // Within the span, so that the line has the id of its trace.
        let end = || log_entry.end(&id.0, &response);
        match &span {
            Some(span) => span.scope(end),
            None => end(),
        }
    }
    response
}

/// The permits of a request. A stream counts until it has begun; then the limit on subscriptions applies.
#[derive(Default)]
struct Admission<'s> {
    _request: Option<SemaphorePermit<'s>>,
    _bytes: Option<SemaphorePermit<'s>>,
    /// Whether the connection ends after the response, because the rest of the request is not read.
    closes_connection: bool,
}

/// Checks a request against the rules and the limits, and receives its body.
async fn admit<'s>(state: &'s MiddlewareState, request: &mut Request) -> Result<Admission<'s>, HttpError> {
    let permits = &state.permits;
    // A request without a connection comes from this process itself.
    if request.extensions().get::<ConnectInfo<SocketAddr>>().is_some() {
        require_one_host(request.version(), request.headers(), request.uri()).map_err(HttpError::invalid)?;
    }
    require_known_expectation(request.headers())?;
    if !state.is_limited || is_for_watchers(request.uri().path()) {
        return Ok(Admission::default());
    }
    // The request takes no permit yet, so a client that sends slowly does not block other clients.
    let body = std::mem::take(request.body_mut());
    let received = receive(body, &permits.limits, &permits.bodies).await.and_then(|body| {
        let most = permits.limits.request_values_max;
        let is_within = body.len() <= most || count_json_values(&body) <= most;
        is_within.then_some(body).ok_or(BodyError::TooManyValues)
    });
    let is_incomplete = matches!(&received, Err(error) if *error != BodyError::TooManyValues);
    let (body, bytes_permit) = match received {
        Ok(body) => {
            let bytes_permit = acquire_bytes(permits, &body)?;
            (Body::from(body), bytes_permit)
        }
        Err(error) => {
            if error == BodyError::Displaced {
                permits.meters.record_refusal(Queue::Bodies);
            }
            (error.into_body(), None)
        }
    };
    *request.body_mut() = body;
    if let (true, Some(connection)) = (is_incomplete, request.extensions().get::<Arc<Connection>>()) {
        connection.mark_lingering();
    }
    let Ok(request_permit) = permits.requests.try_acquire() else {
        permits.meters.record_refusal(Queue::Requests);
        return Err(HttpError::new(
            ErrorCode::Unavailable,
            "too many requests at once, try again",
        ));
    };
    Ok(Admission {
        _request: Some(request_permit),
        _bytes: bytes_permit,
        closes_connection: is_incomplete && request.version() <= Version::HTTP_11,
    })
}

fn close_if_incomplete(mut response: Response, admission: &Admission<'_>) -> Response {
    if admission.closes_connection {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// Requests up to this size are limited by their number only.
const SMALL_BYTES: usize = 1024;

/// Takes permits for the bytes that a large request holds until it is answered.
fn acquire_bytes<'r>(permits: &'r Permits, body: &Bytes) -> Result<Option<SemaphorePermit<'r>>, HttpError> {
    if body.len() <= SMALL_BYTES {
        return Ok(None);
    }
    let memory_bytes = request_memory_bytes(body);
    let most = permits.limits.requests_bytes_max;
    let memory_bytes = u32::try_from(memory_bytes.min(most)).unwrap_or(u32::MAX);
    let bytes_permit = permits.request_bytes.try_acquire_many(memory_bytes);
    let refused = |_| {
        permits.meters.record_refusal(Queue::RequestBytes);
        HttpError::new(ErrorCode::Unavailable, "too many large requests at once, try again")
    };
    bytes_permit.map(Some).map_err(refused)
}

/// Returns the response of the inner services. An async function would return a future that also holds the request.
fn call_next(
    permits: &Permits,
    mut request: Request,
    next: &mut Next,
    span: Option<Span>,
) -> impl Future<Output = Result<Response, HttpError>> + use<> {
    let (address, is_proxied) = client_of_request(&permits.trusted_proxies, request.extensions(), request.headers());
    if is_proxied {
        request.extensions_mut().insert(ForwardedMarker);
    }
    // The router is always ready.
    let response = next
        .call(request)
        .map(|response| response.unwrap_or_else(|never| match never {}));
    let response = spans::within(span, contract::with_client_address(address, response));
    let response = AssertUnwindSafe(response).catch_unwind();
    response.map_err(|cause| {
        log_panic(&*cause);
        HttpError::internal()
    })
}

/// Requires that `Expect` is absent or `100-continue` (RFC 9110, section 10.1.1).
fn require_known_expectation(headers: &HeaderMap) -> Result<(), HttpError> {
    let is_known = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(header::EXPECT).iter().all(is_known) {
        Ok(())
    } else {
        Err(HttpError::unsupported_expectation())
    }
}

fn insert_security_headers(headers: &mut HeaderMap) {
    const HEADERS: [(HeaderName, HeaderValue); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
    ];
    for (name, value) in HEADERS {
        // Pages set a policy of their own.
        headers.entry(name).or_insert(value);
    }
}

fn log_panic(cause: &(dyn Any + Send)) {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let cause = text
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(cause, "a handler panicked");
}
