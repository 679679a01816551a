//! `/graphql` over HTTP (the GraphQL-over-HTTP specification): one answer, or a stream of them for clients that accept one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Redirect, Response};
use contract::ErrorCode;
use futures_util::FutureExt;
use serde_json::Value;

use crate::access_log::AccessNote;
use crate::gateway::Gateway;
use crate::http::accept::{AcceptedMediaTypes, ResponseMediaType, StreamMediaType, prefers_html};
use crate::http::error::{self, HttpError};
use crate::http::params::RequestContent;
use crate::http::preconditions::{PRECONDITION_FAILED, preconditions_hold};
use crate::http::response_stream::{OperationRequest, ResponseStream};
use crate::http::socket::{SocketOpening, UpgradeRequest};
use crate::http::{HttpState, NO_STORE, batch, exposed_trace, multipart, origin, socket, sse};
use crate::request_id::RequestId;
use crate::request_meters::{Queue, Transport};
use crate::server::Connection;
use crate::status::status_of;
use crate::subgraph::{EncodedResponse, OperationKind, ResponseKind};

const METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Answers every request to `/graphql`.
pub(super) async fn handle(State(state): State<HttpState>, request: Request) -> Response {
    let accepted = AcceptedMediaTypes::from_headers(request.headers());
    let media = accepted
        .as_ref()
        .map_or(ResponseMediaType::Json, AcceptedMediaTypes::error_media_type);
    let (id, note) = begin(&request);
    let result = if is_browser_visit(&request) {
        Ok(Redirect::to("/graphiql/").into_response())
    } else if is_websocket(&request) {
        // Boxed, so that the futures of the other requests stay small.
        open_socket(state, id, request).boxed().await
    } else {
        match *request.method() {
            Method::GET | Method::HEAD | Method::POST => {
                let (parts, body) = request.into_parts();
                handle_http(&state.gateway, id, note.as_ref(), accepted, &parts, body).await
            }
            Method::OPTIONS => Ok((StatusCode::NO_CONTENT, [(header::ALLOW, METHODS)]).into_response()),
            _ => Err(
                HttpError::new(ErrorCode::MethodNotAllowed, "the method must be GET or POST")
                    .with_headers(&[("allow", METHODS)]),
            ),
        }
    };
    finish(result, note.as_ref(), media)
}

/// Names the span of a request to a graph. Returns the id of the request, and the line of the access log if it has one.
pub(super) fn begin(request: &Request) -> (RequestId, Option<AccessNote>) {
    spans::with_current(|span| {
        span.rename(format!("{} /graphql", request.method()));
        span.set("http.route", "/graphql");
    });
    let id = request.extensions().get().cloned();
    (
        id.unwrap_or_else(RequestId::random),
        AccessNote::of(request.extensions()),
    )
}

/// Returns the response of a handler with the headers of every response, or of its error.
pub(super) fn finish(
    result: Result<Response, HttpError>,
    note: Option<&AccessNote>,
    media: ResponseMediaType,
) -> Response {
    let mut response = result.unwrap_or_else(|error| {
        if let Some(note) = note {
            note.codes(error.code().into());
        }
        error.to_response(media)
    });
    let varies = const { HeaderValue::from_static("accept, authorization") };
    let headers = response.headers_mut();
    headers.append(header::VARY, varies);
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    response
}

/// Whether a browser opens the address without an operation.
fn is_browser_visit(request: &Request) -> bool {
    request.method() == Method::GET && request.uri().query().is_none() && prefers_html(request.headers())
}

/// Whether a client requests a WebSocket. Only a GET over HTTP/1.1 can; otherwise `Upgrade` is ignored (RFC 9110, section
/// 7.8).
pub(super) fn is_websocket(request: &Request) -> bool {
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return false;
    }
    let upgrades = request.headers().get_all(header::UPGRADE).iter();
    let mut upgrades = upgrades
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    upgrades.any(|value| value.trim().eq_ignore_ascii_case("websocket"))
}

/// The required headers of a WebSocket handshake.
const HANDSHAKE: &[(&str, &str)] = &[("upgrade", "websocket"), ("sec-websocket-version", "13")];

fn handshake_error(rejection: &WebSocketUpgradeRejection) -> HttpError {
    let error = HttpError::invalid(format!(
        "{}: a WebSocket needs Connection: upgrade, Sec-WebSocket-Key, Sec-WebSocket-Version: 13 and Sec-WebSocket-Protocol: graphql-transport-ws",
        rejection.body_text()
    ));
    let error = error.with_headers(HANDSHAKE);
    match rejection {
        WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_) => error.with_status(StatusCode::UPGRADE_REQUIRED),
        _ => error,
    }
}

/// Whether the key of a handshake, if there is one, is 16 bytes in base64: 22 characters and two of padding.
fn has_valid_key(headers: &HeaderMap) -> bool {
    let is_valid = |key: &HeaderValue| {
        let key = key.as_bytes().trim_ascii();
        let digits = key.strip_suffix(b"==");
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        digits.is_some_and(|digits| digits.len() == 22 && digits.iter().all(is_digit))
    };
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    // The upgrade itself reports a missing key.
    keys.next().is_none_or(is_valid) && keys.next().is_none()
}

async fn open_socket(state: HttpState, id: RequestId, request: Request) -> Result<Response, HttpError> {
    let opening = SocketOpening::of(&state, id, request).await?;
    Ok(socket::open(state.gateway, opening))
}

impl SocketOpening {
    /// Checks a request for a WebSocket and takes a place among the open ones.
    pub(super) async fn of(state: &HttpState, id: RequestId, request: Request) -> Result<Self, HttpError> {
        let (mut parts, _) = request.into_parts();
        let transport = parts.extensions.get::<Arc<Connection>>().cloned();
        origin::require_allowed(&parts.headers, &parts.uri, &state.config.allowed_origins)?;
        let identity = state.gateway.auth.identify_upgrade(&parts.headers)?;
        if state.gateway.shutdown.is_cancelled() {
            return Err(HttpError::shutting_down());
        }
        let permit = Arc::clone(&state.gateway.permits.sockets)
            .try_acquire_owned()
            .map_err(|_| {
                state.gateway.permits.meters.record_refusal(Queue::Sockets);
                HttpError::new(ErrorCode::Unavailable, "too many open WebSockets, try again later")
            })?;
        if !has_valid_key(&parts.headers) {
            let why = "Sec-WebSocket-Key has to be 16 bytes in base64 (RFC 6455, section 4.2.1)";
            return Err(HttpError::invalid(why).with_headers(HANDSHAKE));
        }
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
            .await
            .map_err(|rejection| handshake_error(&rejection))?;
        let headers = state.gateway.callers.propagated(&parts.headers);
        Ok(Self {
            upgrade,
            request: UpgradeRequest { identity, headers, id },
            permit,
            transport,
        })
    }
}

async fn handle_http(
    gateway: &Gateway,
    id: RequestId,
    note: Option<&AccessNote>,
    accepted: Result<AcceptedMediaTypes, HttpError>,
    parts: &Parts,
    body: Body,
) -> Result<Response, HttpError> {
    let identity = gateway.auth.identify(&parts.headers)?;
    if let Some(note) = note {
        note.viewer(&identity.viewer);
    }
    let accepted = accepted?;
    let content = match content(gateway, parts, body).await {
        // Clients of event streams take any other response for the end of the stream.
        Err(error) if error.is_persisted_query() && accepted.prefers_events() => return Ok(sse::respond_error(&error)),
        content => content?,
    };
    if parts.method == Method::POST && !preconditions_hold(&parts.headers) {
        return Err(HttpError::new(ErrorCode::PreconditionFailed, PRECONDITION_FAILED));
    }
    let headers = gateway.callers.propagated(&parts.headers);
    let caller = gateway.callers.caller(&identity, &headers);
    let params = match content {
        RequestContent::One(params) => params,
        RequestContent::Batch(operations) => {
            let media = batch::media_type(&accepted)?;
            let answers = batch::fetch_all(gateway, operations, &caller, &id, note);
            let answers = contract::with_client_address(identity.address, answers);
            // Boxed, so that the futures of the other requests stay small.
            return Ok(batch::respond(&answers.boxed().await?, media));
        }
    };
    let operation = OperationRequest::new(params, caller, id.0).prepare(gateway, note).await;
    let is_post = parts.method == Method::POST;
    if !is_post && operation.kind == OperationKind::Mutation {
        let error = HttpError::new(ErrorCode::MethodNotAllowed, "a mutation has to be sent by POST");
        return Err(error.with_headers(&[("allow", "POST")]));
    }
    match (response_form(accepted, operation.kind, is_post)?, operation) {
        (ResponseForm::Single(media), operation) => {
            let trace = exposed_trace::requested(gateway, &parts.headers);
            let answer = operation.traced(trace.as_ref()).fetch(gateway, Transport::Http);
            let answer = match identity.address {
                None => answer.await,
                // Boxed, so that the futures of the other requests stay small.
                address => contract::with_client_address(address, answer).boxed().await,
            };
            if let Some(note) = note {
                note.codes(answer.codes);
            }
            let answer = match trace {
                None => answer,
                Some(trace) => exposed_trace::add(answer, &trace),
            };
            Ok(respond(answer, media))
        }
        (ResponseForm::Stream(streaming), operation) => {
            let keep_alive = Duration::from_millis(gateway.limits.keep_alive_ms);
            let transport = match streaming {
                StreamMediaType::Sse => Transport::Sse,
                StreamMediaType::Multipart => Transport::Multipart,
            };
            let responses = ResponseStream::start(gateway, identity, operation, transport)?;
            Ok(match streaming {
                StreamMediaType::Sse => sse::respond(responses, keep_alive),
                StreamMediaType::Multipart => multipart::respond(responses, keep_alive),
            })
        }
    }
}

async fn content(gateway: &Gateway, parts: &Parts, body: Body) -> Result<RequestContent, HttpError> {
    match parts.method {
        Method::POST => RequestContent::from_body(&parts.headers, body, gateway).await,
        _ => RequestContent::from_uri(&parts.uri, gateway),
    }
}

enum ResponseForm {
    Single(ResponseMediaType),
    Stream(StreamMediaType),
}

/// Selects the form of the answer: a subscription needs a stream; everything else has the form that the client prefers.
fn response_form(accepted: AcceptedMediaTypes, kind: OperationKind, is_post: bool) -> Result<ResponseForm, HttpError> {
    // Apollo's multipart protocol is defined for POST only; a GET comes from the browser's EventSource.
    let streaming = accepted
        .streaming
        .filter(|streaming| is_post || *streaming == StreamMediaType::Sse);
    match (kind, accepted.single, streaming) {
        (OperationKind::Subscription, _, Some(streaming)) => Ok(ResponseForm::Stream(streaming)),
        (OperationKind::Subscription, _, None) => Err(HttpError::new(
            ErrorCode::NotAcceptable,
            "a subscription is answered as text/event-stream, by POST also as multipart/mixed;subscriptionSpec=1.0, or over a WebSocket",
        )),
        (_, Some(single), _) if !accepted.prefers_stream => Ok(ResponseForm::Single(single)),
        (_, _, Some(streaming)) => Ok(ResponseForm::Stream(streaming)),
        (_, Some(single), None) => Ok(ResponseForm::Single(single)),
        (_, None, None) => Err(HttpError::new(
            ErrorCode::NotAcceptable,
            "this is answered as multipart/mixed by POST only",
        )),
    }
}

/// The number of headers of most responses, including those that the layers around this handler add.
const HEADERS: usize = 12;

/// Builds the response with one answer; its status depends on the media type.
fn respond(answer: EncodedResponse, media: ResponseMediaType) -> Response {
    let status = match (answer.kind, media) {
        (ResponseKind::RequestError(code), ResponseMediaType::GraphqlResponse) => status_of(code),
        (ResponseKind::Data | ResponseKind::NullData | ResponseKind::RequestError(_), _) => StatusCode::OK,
    };
    let wait = if status == StatusCode::TOO_MANY_REQUESTS {
        retry_after(&answer)
    } else {
        1
    };
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, media.content_type());
    error::insert_status_headers(status, headers, wait);
    response
}

/// Returns the delay that the first error asks for, in seconds.
fn retry_after(answer: &EncodedResponse) -> u64 {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let seconds = body
        .as_ref()
        .and_then(|body| body.pointer("/errors/0/extensions/retryAfter")?.as_u64());
    seconds.unwrap_or(1)
}
