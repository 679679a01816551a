//! `/graphql` over HTTP (the GraphQL-over-HTTP specification): one answer, or a stream of them for who accepts one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::http::accept::{Accepted, Media, Streaming};
use crate::http::answers::{Answers, Operation};
use crate::http::operation::Kind;
use crate::http::params::Params;
use crate::http::refusal::{self, Refusal};
use crate::http::request_id::RequestId;
use crate::http::{Shared, multipart, origin, socket, sse};
use crate::status::status_of;
use crate::subgraph::{Answer, Outcome};

const METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Answers whatever comes to `/graphql`.
pub(super) async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let accepted = Accepted::of(request.headers());
    let media = accepted.as_ref().map_or(Media::Json, Accepted::media_for_refusals);
    let id = request.extensions().get().cloned().unwrap_or_else(RequestId::random);
    let result = if is_websocket(request.headers()) {
        open_socket(shared, id, request).await
    } else {
        match *request.method() {
            Method::GET | Method::HEAD | Method::POST => over_http(&shared.gateway, id, accepted, request).await,
            Method::OPTIONS => Ok((StatusCode::NO_CONTENT, [(header::ALLOW, METHODS)]).into_response()),
            _ => Err(Refusal::method("GraphQL is asked by GET and POST", METHODS)),
        }
    };
    let mut response = result.unwrap_or_else(|refusal| refusal.respond(media));
    let varies = HeaderValue::from_static("accept, authorization");
    response.headers_mut().append(header::VARY, varies);
    response
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

async fn open_socket(shared: Shared, id: RequestId, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
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
        .map_err(|rejection| Refusal::invalid(rejection.body_text()))?;
    Ok(socket::open(shared.gateway, upgrade, identity, id, permit))
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
    let params = params(gateway, &parts, body).await?;
    let mut operation = Operation::new(params, &identity, id.0);
    let by_post = parts.method == Method::POST;
    operation.request.queries_only = !by_post && operation.kind != Kind::Subscription;
    if !by_post && operation.kind == Kind::Mutation {
        return Err(Refusal::method("a mutation has to be sent by POST", "POST"));
    }
    match (how(accepted, operation.kind, by_post)?, operation) {
        (How::Once(media), operation) => {
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
        _ => Params::from_uri(&parts.uri),
    }
}

enum How {
    Once(Media),
    Streaming(Streaming),
}

/// A subscription needs a stream; everything else is answered the way the client likes better.
fn how(accepted: Accepted, kind: Kind, by_post: bool) -> Result<How, Refusal> {
    // Apollo's protocol knows only POST; by GET comes the browser's EventSource.
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

/// One answer, with the status that its media type asks for.
fn respond(answer: Answer, media: Media) -> Response {
    let status = match (answer.outcome, media) {
        // By GET the specification leaves no choice.
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

/// How long the first error asks to wait, in seconds.
fn retry_after(answer: &Answer) -> u64 {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let seconds = body
        .as_ref()
        .and_then(|body| body.pointer("/errors/0/extensions/retryAfter")?.as_u64());
    seconds.unwrap_or(1)
}
