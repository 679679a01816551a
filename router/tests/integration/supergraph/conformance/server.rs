//! A subgraph as a server over HTTP, on a port of its own, and the router's client of it.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::pending;
use std::sync::Arc;

use agora::subgraph::Subgraph;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::{Json, Router};
use futures_util::stream;
use remote::{NoHeaders, RemoteSettings, RemoteSubgraph, SubscriptionProtocol};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::subgraph::TestSubgraph;

/// The milliseconds after which the router gives a silent subgraph up.
const SILENCE_MS: u64 = 200;

/// A request as the protocol of GraphQL over HTTP defines it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    query: String,
    #[serde(default)]
    variables: Map<String, Value>,
    operation_name: Option<String>,
}

/// Starts the server of a subgraph, and returns the router's client of it. The server ends with `servers`.
pub async fn serve(subgraph: TestSubgraph, servers: &mut JoinSet<()>) -> Arc<dyn Subgraph> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    let mut settings = RemoteSettings {
        subgraph_subscriptions: SubscriptionProtocol::Sse,
        ..RemoteSettings::default()
    };
    if subgraph.fault.as_ref().is_some_and(|fault| fault.silent) {
        settings.subgraph_ms_max = SILENCE_MS;
    }
    let client = RemoteSubgraph::new(
        &subgraph.name,
        url.parse().unwrap(),
        Arc::new(settings),
        Arc::new(NoHeaders),
    );
    let subgraph = Arc::new(subgraph);
    let handler = move |headers: HeaderMap, Json(request): Json<Request>| {
        let subgraph = Arc::clone(&subgraph);
        async move { answer(&subgraph, &headers, request).await }
    };
    let server = axum::serve(listener, Router::new().fallback(handler));
    servers.spawn(async move { server.await.unwrap() });
    Arc::new(client.unwrap())
}

async fn answer(subgraph: &TestSubgraph, headers: &HeaderMap, request: Request) -> Response {
    let operation_name = request.operation_name.as_deref();
    let variables = Value::Object(request.variables);
    let respond = |event| subgraph.respond(&request.query, operation_name, variables.clone(), event);
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.starts_with("text/event-stream")) {
        let mut events = String::new();
        for event in 0..subgraph.events(&request.query) {
            let _ = write!(events, "event: next\ndata: {}\n\n", respond(event));
        }
        events.push_str("event: complete\n\n");
        return response(200, "text/event-stream", events.into());
    }
    let body = respond(0);
    let Some(fault) = &subgraph.fault else {
        return response(200, "application/json", body.into());
    };
    if fault.silent {
        pending::<Infallible>().await;
    }
    let (status, media_type) = (fault.status.unwrap_or(200), fault.media_type.as_deref());
    let body = if fault.cut { cut(body) } else { body.into() };
    response(status, media_type.unwrap_or("application/json"), body)
}

fn response(status: u16, media_type: &str, body: Body) -> Response {
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, media_type);
    response.body(body).unwrap()
}

/// A body after whose first half the connection ends.
fn cut(mut body: String) -> Body {
    body.truncate(body.len() / 2);
    let pieces = [Ok(body), Err(std::io::Error::other("the connection ends"))];
    Body::from_stream(stream::iter(pieces))
}
