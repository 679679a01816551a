//! Subscriptions to a subgraph, over both protocols.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Response, ServerError};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use axum::serve::Listener;
use engine::subgraph::{Caller, Subgraph, SubgraphRequest, SubgraphResponse};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::{HeaderMap, HeaderValue};
use remote::{RemoteSettings, RequestHeaders, SubscriptionProtocol};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::client::{failure, request, subgraph, subgraph_of, subgraph_with};
use super::server::{TestServer, answer};

pub const DOCUMENT: &str = "subscription { votes }";

#[tokio::test]
async fn a_subscription_initializes_subscribes_and_forwards_events_until_they_are_complete() {
    let (url, mut received) = sockets(|_, mut server| async move {
        server.accept().await;
        server.next(json!({ "data": { "votes": 1 } })).await;
        server.next(json!({ "data": { "votes": 2 } })).await;
        server.send(json!({ "type": "complete", "id": "1" })).await;
    })
    .await;
    let subgraph = subgraph_of(&url, RemoteSettings::default(), Arc::new(Token));
    let mut request = request(DOCUMENT);
    request.caller = Caller::new("ada".to_owned(), true);
    let responses: Vec<_> = subgraph.subscribe(request).map(tree).collect().await;
    assert_eq!(data(&responses), ["{votes: 1}", "{votes: 2}"]);

    let init = received.recv().await.unwrap();
    assert_eq!(
        init,
        json!({ "type": "connection_init", "payload": { "authorization": "ada" } })
    );
    let subscribe = received.recv().await.unwrap();
    assert_eq!(
        subscribe,
        json!({ "type": "subscribe", "id": "1", "payload": { "query": DOCUMENT } })
    );
}

#[tokio::test]
async fn pings_are_answered_with_their_payload() {
    let (url, mut received) = sockets(|_, mut server| async move {
        server.send(json!({ "type": "ping", "payload": { "at": 1 } })).await;
        server.receive().await;
        server.receive().await;
        server.send(json!({ "type": "connection_ack" })).await;
        server.receive().await;
        server.send(json!({ "type": "complete", "id": "1" })).await;
    })
    .await;
    assert_eq!(responses(&url).await, Vec::<Response>::new());
    let kinds = [received.recv().await.unwrap(), received.recv().await.unwrap()];
    assert!(
        kinds.contains(&json!({ "type": "pong", "payload": { "at": 1 } })),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn a_rejected_subscription_is_one_response_with_the_errors() {
    let (url, _received) = sockets(|_, mut server| async move {
        server.accept().await;
        let errors = json!([{ "message": "no", "extensions": { "code": "FORBIDDEN" } }]);
        server
            .send(json!({ "type": "error", "id": "1", "payload": errors }))
            .await;
        server.until_closed().await;
    })
    .await;
    let responses = responses(&url).await;
    assert_eq!(responses.len(), 1);
    assert_eq!(responses[0].errors[0].message, "no");
}

#[tokio::test]
async fn a_broken_connection_is_replaced_and_the_subscription_goes_on() {
    let (url, _received) = sockets(|number, mut server| async move {
        match number {
            // It ends before it is established, so it counts as an attempt.
            1 => {}
            _ => {
                server.accept().await;
                server.next(json!({ "data": { "votes": number } })).await;
                if number == 2 {
                    server.send(json!({ "type": "complete", "id": "1" })).await;
                }
            }
        }
    })
    .await;
    assert_eq!(data(&responses(&url).await), ["{votes: 0}", "{votes: 2}"]);
}

#[tokio::test]
async fn a_subgraph_that_does_not_return_ends_the_subscription_with_an_error() {
    let (url, _received) = sockets(|number, mut server| async move {
        if number == 0 {
            server.accept().await;
            server.next(json!({ "data": { "votes": 1 } })).await;
        }
    })
    .await;
    let settings = RemoteSettings {
        subgraph_resubscriptions_max: 3,
        subgraph_resubscribe_ms_max: 1,
        ..RemoteSettings::default()
    };
    let responses = of(subgraph_with(&url, settings).subscribe(request(DOCUMENT))).await;
    assert_eq!(responses.len(), 2);
    let expected = "the subgraph `reviews` closed the connection before its answer was complete";
    assert_eq!(failure(&responses[1]), (expected.to_owned(), "UNAVAILABLE".to_owned()));
}

#[tokio::test]
async fn a_subgraph_that_closes_because_of_the_caller_is_not_asked_again() {
    let (url, _received) = sockets(|number, mut server| async move {
        assert_eq!(number, 0, "the subgraph is asked again");
        server.accept().await;
        server.next(json!({ "data": { "votes": 1 } })).await;
        server.close(4401).await;
    })
    .await;
    let responses = responses(&url).await;
    assert_eq!(responses.len(), 2);
    let expected = "the subgraph `reviews` closed the subscription with the code 4401";
    assert_eq!(failure(&responses[1]), (expected.to_owned(), "UNAVAILABLE".to_owned()));
}

#[tokio::test]
async fn a_subgraph_that_is_not_there_rejects_the_subscription_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let responses = responses(&url).await;
    assert_eq!(responses.len(), 1);
    assert_eq!(failure(&responses[0]).0, "the subgraph `reviews` cannot be reached");
}

#[tokio::test]
async fn a_server_without_the_protocol_rejects_the_subscription() {
    let server = TestServer::answering(400, "text/plain", "no").await;
    let responses = responses(&server.url).await;
    let expected = "the subgraph `reviews` answered with the HTTP status 400 in place of a WebSocket";
    assert_eq!(failure(&responses[0]).0, expected);
}

#[tokio::test]
async fn an_invalid_event_is_an_error_and_the_subscription_goes_on() {
    let (url, _received) = sockets(|_, mut server| async move {
        server.accept().await;
        server.next(json!({ "data": [] })).await;
        server.next(json!({ "data": { "votes": 1 } })).await;
        server.send(json!({ "type": "complete", "id": "1" })).await;
    })
    .await;
    let responses = responses(&url).await;
    let fault = "answered with JSON that is no GraphQL response: `data` must be an object or null";
    assert_eq!(failure(&responses[0]).0, format!("the subgraph `reviews` {fault}"));
    assert_eq!(data(&responses[1..]), ["{votes: 1}"]);
}

#[tokio::test]
async fn a_silent_connection_is_pinged_and_replaced() {
    let (url, mut received) = sockets(|number, mut server| async move {
        server.accept().await;
        server.next(json!({ "data": { "votes": number } })).await;
        match number {
            0 => server.until_closed().await,
            _ => server.send(json!({ "type": "complete", "id": "1" })).await,
        }
    })
    .await;
    let settings = RemoteSettings {
        subgraph_silence_ms_max: 200,
        ..RemoteSettings::default()
    };
    let responses = of(subgraph_with(&url, settings).subscribe(request(DOCUMENT))).await;
    assert_eq!(data(&responses), ["{votes: 0}", "{votes: 1}"]);
    let mut kinds = Vec::new();
    while let Ok(message) = received.try_recv() {
        kinds.push(message["type"].as_str().unwrap().to_owned());
    }
    assert!(kinds.contains(&"ping".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn a_client_that_leaves_closes_the_connection() {
    let (closed, mut is_closed) = mpsc::unbounded_channel();
    let (url, _received) = sockets(move |_, mut server| {
        let closed = closed.clone();
        async move {
            server.accept().await;
            server.next(json!({ "data": { "votes": 1 } })).await;
            server.until_closed().await;
            closed.send(()).unwrap();
        }
    })
    .await;
    let mut events = subgraph(&url).subscribe(request(DOCUMENT));
    assert!(events.next().await.is_some());
    drop(events);
    is_closed.recv().await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_subgraph() {
    let (sent, mut is_sent) = mpsc::unbounded_channel();
    let (url, _received) = sockets(move |_, mut server| {
        let sent = sent.clone();
        async move {
            server.accept().await;
            let text = "a".repeat(1_000_000);
            for _ in 0.. {
                if server.try_next(json!({ "data": { "votes": text } })).await.is_err() {
                    return;
                }
                sent.send(()).unwrap();
            }
        }
    })
    .await;
    let settings = RemoteSettings {
        subgraph_events_max: 1,
        ..RemoteSettings::default()
    };
    let mut events = subgraph_with(&url, settings).subscribe(request(DOCUMENT));
    assert!(events.next().await.is_some());
    let mut count = 0;
    while tokio::time::timeout(Duration::from_millis(300), is_sent.recv())
        .await
        .is_ok()
    {
        count += 1;
        assert!(count < 100, "the subgraph is read without a bound");
    }
}

#[tokio::test]
async fn server_sent_events_are_forwarded_until_they_are_complete() {
    let body = concat!(
        ":\n\n",
        "event: next\r\ndata: {\"data\":\r\ndata:{\"votes\":1}}\r\n\r\n",
        "event: other\ndata: x\n\n",
        "event: next\nid: 2\ndata: {\"data\":{\"votes\":2}}\n\nevent: complete\ndata:\n\n"
    );
    for piece in [1, 7, body.len()] {
        let server = TestServer::start(move |_| {
            let pieces: Vec<_> = body.as_bytes().chunks(piece).map(Bytes::from_static).collect();
            let pieces = stream::iter(pieces).map(Ok::<_, std::io::Error>);
            async { answer(200, "text/event-stream; charset=utf-8", Body::from_stream(pieces)) }
        })
        .await;
        let responses = of(subgraph_with(&server.url, sse()).subscribe(request(DOCUMENT))).await;
        assert_eq!(
            data(&responses),
            ["{votes: 1}", "{votes: 2}"],
            "pieces of {piece} bytes"
        );
        let accept = server.received()[0].headers["accept"].to_str().unwrap().to_owned();
        assert!(accept.starts_with("text/event-stream"), "{accept}");
    }
}

#[tokio::test]
async fn lines_of_server_sent_events_end_with_cr_and_comments_and_unnamed_events_are_ignored() {
    let body = concat!(
        "\u{feff}: a comment\r",
        "event: next\rdata: {\"data\":{\"votes\":\rdata: \"é😀\"}}\r\r",
        ":\rdata: {\"data\":{\"votes\":0}}\r\r",
        "event\rdata: {\"data\":{\"votes\":0}}\r\r",
        "retry: 10\revent: next\r: {\rdata: {\"data\":{\"votes\":2}}\rid\r\r",
        "event: complete\r\r"
    );
    for piece in [1, 2, 3, 5, body.len()] {
        let server = TestServer::start(move |_| {
            let pieces: Vec<_> = body.as_bytes().chunks(piece).map(Bytes::from_static).collect();
            let pieces = stream::iter(pieces).map(Ok::<_, std::io::Error>);
            async { answer(200, "text/event-stream", Body::from_stream(pieces)) }
        })
        .await;
        let responses = of(subgraph_with(&server.url, sse()).subscribe(request(DOCUMENT))).await;
        let expected = ["{votes: \"é😀\"}", "{votes: 2}"];
        assert_eq!(data(&responses), expected, "pieces of {piece} bytes");
    }
}

#[tokio::test]
async fn an_event_whose_last_line_ends_with_cr_is_forwarded_before_more_of_the_stream_comes() {
    let server = TestServer::start(|_| async {
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(
            b"event: next\rdata: {\"data\":{\"votes\":1}}\r\r",
        ))]);
        answer(
            200,
            "text/event-stream",
            Body::from_stream(begun.chain(stream::pending())),
        )
    })
    .await;
    let mut events = subgraph_with(&server.url, sse()).subscribe(request(DOCUMENT)).map(tree);
    assert_eq!(data(&[events.next().await.unwrap()]), ["{votes: 1}"]);
}

#[tokio::test]
async fn a_broken_stream_of_server_sent_events_is_replaced() {
    let server = TestServer::start(|number| async move {
        let complete = if number == 1 { "event: complete\n\n" } else { "" };
        let body = format!("event: next\ndata: {{\"data\":{{\"votes\":{number}}}}}\n\n{complete}");
        answer(200, "text/event-stream", body)
    })
    .await;
    let responses = of(subgraph_with(&server.url, sse()).subscribe(request(DOCUMENT))).await;
    assert_eq!(data(&responses), ["{votes: 0}", "{votes: 1}"]);
}

#[tokio::test]
async fn a_response_in_place_of_server_sent_events_rejects_the_subscription() {
    let server = TestServer::answering(400, "application/json", r#"{"errors":[{"message":"no"}]}"#).await;
    let responses = of(subgraph_with(&server.url, sse()).subscribe(request(DOCUMENT))).await;
    assert_eq!(responses.len(), 1);
    assert_eq!(responses[0].errors[0].message, "no");
}

fn sse() -> RemoteSettings {
    RemoteSettings {
        subgraph_subscriptions: SubscriptionProtocol::Sse,
        ..RemoteSettings::default()
    }
}

async fn responses(url: &str) -> Vec<Response> {
    of(subgraph(url).subscribe(request(DOCUMENT))).await
}

pub async fn of(events: BoxStream<'static, SubgraphResponse>) -> Vec<Response> {
    events.map(tree).collect().await
}

pub fn tree(response: SubgraphResponse) -> Response {
    match response {
        SubgraphResponse::Tree(response) => response,
        SubgraphResponse::Json(response) => panic!("an encoded response: {response:?}"),
    }
}

pub fn data(responses: &[Response]) -> Vec<String> {
    responses.iter().map(|response| response.data.to_string()).collect()
}

/// The caller's identity in the payload of `connection_init`.
pub struct Token;

impl RequestHeaders for Token {
    fn headers(&self, _: &SubgraphRequest) -> Result<HeaderMap, ServerError> {
        Ok([(http::header::COOKIE, HeaderValue::from_static("a=b"))]
            .into_iter()
            .collect())
    }

    fn connection_init(&self, request: &SubgraphRequest) -> Option<Value> {
        let name: &String = request.caller.identity()?;
        Some(json!({ "authorization": name }))
    }
}

/// The server's end of a socket.
pub struct ServerSocket {
    socket: WebSocket,
    received: mpsc::UnboundedSender<Value>,
}

impl ServerSocket {
    /// Acknowledges the connection and receives the subscription.
    pub async fn accept(&mut self) {
        self.receive().await;
        self.send(json!({ "type": "connection_ack" })).await;
        self.receive().await;
    }

    pub async fn next(&mut self, payload: Value) {
        self.try_next(payload).await.unwrap();
    }

    async fn try_next(&mut self, payload: Value) -> Result<(), axum::Error> {
        let message = json!({ "type": "next", "id": "1", "payload": payload });
        self.socket.send(Message::text(message.to_string())).await
    }

    pub async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn close(&mut self, code: u16) {
        let frame = CloseFrame {
            code,
            reason: "".into(),
        };
        self.socket.send(Message::Close(Some(frame))).await.unwrap();
        self.until_closed().await;
    }

    async fn receive(&mut self) {
        let message = self.socket.recv().await.unwrap().unwrap();
        let _kept = self
            .received
            .send(serde_json::from_str(message.to_text().unwrap()).unwrap());
    }

    /// Receives until the client closes the connection.
    pub async fn until_closed(&mut self) {
        while let Some(Ok(message)) = self.socket.recv().await {
            if let Message::Text(text) = message {
                let _kept = self.received.send(serde_json::from_str(&text).unwrap());
            }
        }
    }
}

/// A server that treats the socket of each number, from 0, as `treat` says. Returns its address, and what the clients send.
pub async fn sockets<F, T>(treat: T) -> (String, mpsc::UnboundedReceiver<Value>)
where
    T: Fn(usize, ServerSocket) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    (url, sockets_on(listener, treat))
}

/// The same on a listener of the test's own. Returns what the clients send.
pub fn sockets_on<L, F, T>(listener: L, treat: T) -> mpsc::UnboundedReceiver<Value>
where
    L: Listener<Addr = SocketAddr>,
    T: Fn(usize, ServerSocket) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (received, messages) = mpsc::unbounded_channel();
    let numbers = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let handler = move |upgrade: WebSocketUpgrade| {
        let number = numbers.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let (treat, received) = (treat.clone(), received.clone());
        async move {
            let upgrade = upgrade.protocols(["graphql-transport-ws"]);
            upgrade.on_upgrade(move |socket| treat(number, ServerSocket { socket, received }))
        }
    };
    let router = Router::new().route("/graphql", get(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    messages
}
