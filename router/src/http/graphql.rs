//! `/graphql` over HTTP (the GraphQL-over-HTTP specification): one answer, or a stream of them for clients that accept one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::http::accept::{Accepted, Media, Streaming};
use crate::http::answers::{Answers, Operation};
use crate::http::operation::Kind;
use crate::http::params::Params;
use crate::http::preconditions::{PRECONDITION_FAILED, preconditions_hold};
use crate::http::refusal::{self, Refusal};
use crate::http::request_id::RequestId;
use crate::http::{Shared, multipart, origin, socket, sse};
use crate::server::Connection;
use crate::status::status_of;
use crate::subgraph::{Answer, Outcome};

const METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Answers every request to `/graphql`.
pub(super) async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let accepted = Accepted::of(request.headers());
    let media = accepted.as_ref().map_or(Media::Json, Accepted::media_for_refusals);
    let id = request.extensions().get().cloned().unwrap_or_else(RequestId::random);
    let result = if is_websocket(&request) {
        open_socket(shared, id, request).await
    } else {
        match *request.method() {
            Method::GET | Method::HEAD | Method::POST => over_http(&shared.gateway, id, accepted, request).await,
            Method::OPTIONS => Ok((StatusCode::NO_CONTENT, [(header::ALLOW, METHODS)]).into_response()),
            _ => {
                Err(Refusal::new("METHOD_NOT_ALLOWED", "GraphQL is asked by GET and POST").with(&[("allow", METHODS)]))
            }
        }
    };
    let mut response = result.unwrap_or_else(|refusal| refusal.respond(media));
    let varies = HeaderValue::from_static("accept, authorization");
    response.headers_mut().append(header::VARY, varies);
    response
}

/// Whether a client requests a WebSocket. Only a GET over HTTP/1.1 can; otherwise `Upgrade` is ignored (RFC 9110, section
/// 7.8).
fn is_websocket(request: &Request) -> bool {
    let upgrades = request.headers().get_all(header::UPGRADE).iter();
    let mut upgrades = upgrades
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && upgrades.any(|value| value.trim().eq_ignore_ascii_case("websocket"))
}

/// The required headers of a WebSocket handshake.
const HANDSHAKE: &[(&str, &str)] = &[("upgrade", "websocket"), ("sec-websocket-version", "13")];

fn refused_handshake(rejection: &WebSocketUpgradeRejection) -> Refusal {
    let refusal = Refusal::invalid(format!(
        "{}: a WebSocket needs Connection: upgrade, Sec-WebSocket-Key, Sec-WebSocket-Version: 13 and Sec-WebSocket-Protocol: graphql-transport-ws",
        rejection.body_text()
    ));
    let refusal = refusal.with(HANDSHAKE);
    match rejection {
        WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_) => {
            refusal.with_status(StatusCode::UPGRADE_REQUIRED)
        }
        _ => refusal,
    }
}

async fn open_socket(shared: Shared, id: RequestId, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let connection = parts.extensions.get::<Arc<Connection>>().cloned();
    origin::check(&parts.headers, &parts.uri, &shared.front.allowed_origins)?;
    let identity = shared.gateway.auth.identify(&parts.headers)?;
    if shared.gateway.shutdown.is_cancelled() {
        return Err(Refusal::shutting_down());
    }
    let permit = Arc::clone(&shared.gateway.room.sockets)
        .try_acquire_owned()
        .map_err(|_| Refusal::new("UNAVAILABLE", "too many open WebSockets, try again later"))?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|rejection| refused_handshake(&rejection))?;
    Ok(socket::open(shared.gateway, upgrade, identity, id, permit, connection))
}

async fn over_http(
    gateway: &Gateway,
    id: RequestId,
    accepted: Result<Accepted, Refusal>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let identity = gateway.auth.identify(&parts.headers)?;
    let accepted = accepted?;
    let params = match params(gateway, &parts, body).await {
        // Clients of event streams take any other response for the end of the stream.
        Err(refusal) if refusal.is_of_hash() && accepted.prefers_events() => return Ok(sse::refuse(&refusal)),
        params => params?,
    };
    if parts.method == Method::POST && !preconditions_hold(&parts.headers) {
        return Err(Refusal::new("PRECONDITION_FAILED", PRECONDITION_FAILED));
    }
    let mut operation = Operation::new(params, &identity, id.0);
    let by_post = parts.method == Method::POST;
    operation.request.queries_only = !by_post && operation.kind != Kind::Subscription;
    if !by_post && operation.kind == Kind::Mutation {
        let refusal = Refusal::new("METHOD_NOT_ALLOWED", "a mutation has to be sent by POST");
        return Err(refusal.with(&[("allow", "POST")]));
    }
    match (how(accepted, operation.kind, by_post)?, operation) {
        (How::Once(media), mut operation) => {
            operation.request.budget = Some(gateway.answer_budget());
            let answer = gateway.graph.fetch(operation.request).await.into_answer();
            Ok(respond(answer, media))
        }
        (How::Streaming(streaming), operation) => {
            let keep_alive = Duration::from_millis(gateway.limits.keep_alive_ms);
            let answers = Answers::begin(gateway, identity, operation)?;
            Ok(match streaming {
                Streaming::Sse => sse::respond(answers, keep_alive),
                Streaming::Multipart => multipart::respond(answers, keep_alive),
            })
        }
    }
}

async fn params(gateway: &Gateway, parts: &Parts, body: Body) -> Result<Params, Refusal> {
    match parts.method {
        Method::POST => Params::from_body(&parts.headers, body, &gateway.limits).await,
        _ => Params::from_uri(&parts.uri, &gateway.limits),
    }
}

enum How {
    Once(Media),
    Streaming(Streaming),
}

/// Selects the form of the answer: a subscription needs a stream; everything else has the form that the client prefers.
fn how(accepted: Accepted, kind: Kind, by_post: bool) -> Result<How, Refusal> {
    // Apollo's multipart protocol is defined for POST only; a GET comes from the browser's EventSource.
    let streaming = accepted
        .streaming
        .filter(|streaming| by_post || *streaming == Streaming::Sse);
    match (kind, accepted.single, streaming) {
        (Kind::Subscription, _, Some(streaming)) => Ok(How::Streaming(streaming)),
        (Kind::Subscription, _, None) => Err(Refusal::new(
            "NOT_ACCEPTABLE",
            "a subscription is answered as text/event-stream, by POST also as multipart/mixed;subscriptionSpec=1.0, or over a WebSocket",
        )),
        (_, Some(single), _) if !accepted.rather_streaming => Ok(How::Once(single)),
        (_, _, Some(streaming)) => Ok(How::Streaming(streaming)),
        (_, Some(single), None) => Ok(How::Once(single)),
        (_, None, None) => Err(Refusal::new(
            "NOT_ACCEPTABLE",
            "this is answered as multipart/mixed by POST only",
        )),
    }
}

/// Builds the response with one answer; its status depends on the media type.
fn respond(answer: Answer, media: Media) -> Response {
    let status = match (answer.outcome, media) {
        // The specification requires this status for a GET.
        (Outcome::Refused(code @ "METHOD_NOT_ALLOWED"), _) => status_of(code),
        (Outcome::Refused(code), Media::GraphqlResponse) => status_of(code),
        (Outcome::Data | Outcome::NullData | Outcome::Refused(_), _) => StatusCode::OK,
    };
    let wait = if status == StatusCode::TOO_MANY_REQUESTS {
        retry_after(&answer)
    } else {
        1
    };
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.content_type());
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    refusal::describe(status, headers, wait);
    response
}

/// Returns the delay that the first error asks for, in seconds.
fn retry_after(answer: &Answer) -> u64 {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let seconds = body
        .as_ref()
        .and_then(|body| body.pointer("/errors/0/extensions/retryAfter")?.as_u64());
    seconds.unwrap_or(1)
}
