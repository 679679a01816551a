//! A subgraph of a subgraph process: async-graphql-axum, between the layers of the server.

use agora::limits::Limits;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use crate::socket::client::{PROTOCOL, ServerFrame, Socket, complete, connect_to, listen, next};
use crate::test_server::{TestServer, request};

const PATH: &str = "/news/graphql";

/// Opens a socket to the subgraph, and initialises it as that person.
async fn socket_of(server: &TestServer, user: i64) -> Socket {
    let mut socket = open(server, &[PROTOCOL]).await.unwrap();
    socket
        .send(json!({ "type": "connection_init", "payload": { "authorization": server.internal_bearer(user) } }))
        .await;
    assert_eq!(socket.message().await, json!({ "type": "connection_ack" }));
    socket
}

async fn open(server: &TestServer, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    connect_to(&format!("ws://{}{PATH}", listen(server).await), headers).await
}

/// The `next` message with an error and without data.
async fn error_code(socket: &mut Socket) -> Value {
    let message = socket.message().await;
    assert_eq!(message["type"], "next", "{message}");
    assert_eq!(message["payload"]["data"], Value::Null);
    message["payload"]["errors"][0]["extensions"]["code"].clone()
}

#[tokio::test]
async fn queries_and_mutations_are_answered_by_post() {
    let server = TestServer::of_subgraph(Limits::default()).await;
    let bearer = server.internal_bearer(7);
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    let table = [
        (json!({ "query": "{ who }" }), json!({ "data": { "who": "user 7" } })),
        (
            json!({ "query": "mutation { change }" }),
            json!({ "data": { "change": true } }),
        ),
        (
            json!({ "query": "query A($n: Int) { hello(n: $n) } query B { who }", "operationName": "A", "variables": { "n": 3 } }),
            json!({ "data": { "hello": "hello 3" } }),
        ),
    ];
    for (sent, expected) in table {
        let answer = server.send(request("POST", PATH, &headers, sent.to_string())).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, expected));
        assert_eq!(answer.header("content-type"), Some("application/graphql-response+json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let fails = json!({ "query": "{ fails hello }" }).to_string();
    let answer = server.send(request("POST", PATH, &headers, fails)).await;
    assert_eq!(answer.json()["data"]["hello"], "hello 0");
    assert_eq!(answer.json()["errors"][0]["path"], json!(["fails"]));
}

#[tokio::test]
async fn the_token_comes_first_and_then_the_body() {
    let limits = Limits {
        body_bytes_max: 1_000,
        ..Limits::default()
    };
    let server = TestServer::of_subgraph(limits).await;
    let (internal, own) = (server.internal_bearer(1), server.bearer(1));
    let json = ("content-type", "application/json");
    let token = ("authorization", &*internal);
    let query = json!({ "query": "{ who }" }).to_string();
    let batch = format!("[{query}]");
    let long = json!({ "query": format!("{{ who }} # {}", "a".repeat(1_000)) }).to_string();
    let subscription = json!({ "query": "subscription { news }" }).to_string();
    let table = [
        (vec![json], "no JSON", 401, "UNAUTHENTICATED"),
        (vec![json, ("authorization", &*own)], &*query, 401, "UNAUTHENTICATED"),
        (vec![json, token], "no JSON", 400, "INVALID_INPUT"),
        (vec![json, token], &*batch, 400, "INVALID_INPUT"),
        (vec![json, token], &*long, 413, "PAYLOAD_TOO_LARGE"),
        (
            vec![("content-type", "multipart/form-data; boundary=a"), token],
            &*query,
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (
            vec![json, token, ("content-encoding", "gzip")],
            &*query,
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (vec![json, token], &*subscription, 200, "NOT_ACCEPTABLE"),
    ];
    for (headers, body, status, code) in table {
        let answer = server.send(request("POST", PATH, &headers, body.to_owned())).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_deref()),
            (status, Some(code)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_client_that_prefers_events_still_gets_them() {
    let server = TestServer::of_subgraph(Limits::default()).await;
    let bearer = server.internal_bearer(1);
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("accept", "text/event-stream, application/json"),
    ];
    let sent = json!({ "query": "subscription { count(to: 1) }" }).to_string();
    let answer = server.send(request("POST", PATH, &headers, sent)).await;
    assert!(
        answer.text.contains("event: next\ndata: {\"data\":{\"count\":0}}"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn every_kind_of_operation_is_answered_over_a_websocket() {
    let server = TestServer::of_subgraph(Limits::default()).await;
    let mut socket = socket_of(&server, 7).await;
    socket.subscribe("q", "{ who }").await;
    assert_eq!(socket.message().await, next("q", json!({ "who": "user 7" })));
    assert_eq!(socket.message().await, complete("q"));
    socket.subscribe("s", "subscription { count(to: 2) }").await;
    for count in [0, 1] {
        assert_eq!(socket.message().await, next("s", json!({ "count": count })));
    }
    assert_eq!(socket.message().await, complete("s"));
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_websocket_without_a_valid_token_is_refused() {
    let server = TestServer::of_subgraph(Limits::default()).await;
    let own = server.bearer(1);
    let refused = open(&server, &[PROTOCOL, ("authorization", &own)]).await;
    assert!(matches!(refused, Err(Error::Http(answer)) if answer.status() == 401));
    for payload in [
        json!({}),
        json!({ "authorization": own }),
        json!({ "authorization": 1 }),
    ] {
        let mut socket = open(&server, &[PROTOCOL]).await.unwrap();
        socket
            .send(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(socket.close_code().await, 4403, "{payload}");
    }
    let mut socket = open(&server, &[]).await.unwrap();
    assert_eq!(socket.close_code().await, 4406);
    let internal = server.internal_bearer(2);
    let mut socket = open(&server, &[PROTOCOL, ("authorization", &internal)]).await.unwrap();
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.message().await, json!({ "type": "connection_ack" }));
}

#[tokio::test]
async fn a_websocket_without_connection_init_is_closed() {
    let limits = Limits {
        connection_init_ms_max: 1,
        ..Limits::default()
    };
    let server = TestServer::of_subgraph(limits).await;
    let mut socket = open(&server, &[PROTOCOL]).await.unwrap();
    assert_eq!(socket.close_code().await, 4408);
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_subscriptions_and_its_socket() {
    let mut server = TestServer::of_subgraph(Limits::default()).await;
    let mut ada = socket_of(&server, 1).await;
    let mut ben = socket_of(&server, 2).await;
    for socket in [&mut ada, &mut ben] {
        socket.subscribe("1", "subscription { news }").await;
        assert_eq!(server.signs.recv().await, Some("subscribed"));
    }
    server.end_sessions_of(1, Some(1));
    assert_eq!(error_code(&mut ada).await, "UNAUTHENTICATED");
    assert_eq!(ada.message().await, complete("1"));
    assert_eq!(ada.close_code().await, 4401);
    server.news.send("for ben".into()).unwrap();
    assert_eq!(ben.message().await, next("1", json!({ "news": "for ben" })));
}

#[tokio::test]
async fn a_shutdown_answers_running_queries_and_asks_for_a_reconnect() {
    let mut server = TestServer::of_subgraph(Limits::default()).await;
    let mut socket = socket_of(&server, 1).await;
    socket.subscribe("s", "subscription { news }").await;
    assert_eq!(server.signs.recv().await, Some("subscribed"));
    socket.subscribe("q", "{ hold }").await;
    assert_eq!(server.signs.recv().await, Some("held"));
    server.gateway.shutdown.cancel();
    assert_eq!(server.signs.recv().await, Some("gone"));
    server.release.notify_one();
    assert_eq!(socket.message().await, next("q", json!({ "hold": true })));
    assert_eq!(socket.message().await, complete("q"));
    assert_eq!(socket.close_code().await, 1001);
    assert_eq!(socket.receive().await, ServerFrame::End);
    server.gateway.until_drained().await;
}

#[tokio::test]
async fn a_router_that_does_not_read_loses_its_socket() {
    let limits = Limits {
        subscriber_queue_max: 2,
        subscriber_ms_max: 1,
        ..Limits::default()
    };
    let mut server = TestServer::of_subgraph(limits).await;
    let mut socket = socket_of(&server, 1).await;
    socket.subscribe("flood", "subscription { flood(times: 50000) }").await;
    assert_eq!(server.signs.recv().await, Some("gone"));
    let mut read = 0;
    let close = loop {
        match socket.receive().await {
            ServerFrame::Message(_) => read += 1,
            end => break end,
        }
    };
    assert_eq!(
        close,
        ServerFrame::Close(1008, "the answers were not read in time".into())
    );
    assert!(read < 1_000, "{read} answers were waiting");
}

#[tokio::test]
async fn the_operations_of_a_socket_are_bounded() {
    let limits = Limits {
        subscriptions_per_socket_max: 1,
        ..Limits::default()
    };
    let mut server = TestServer::of_subgraph(limits).await;
    let mut socket = socket_of(&server, 1).await;
    socket.subscribe("1", "subscription { news }").await;
    assert_eq!(server.signs.recv().await, Some("subscribed"));
    socket.subscribe("2", "{ hello }").await;
    assert_eq!(error_code(&mut socket).await, "RATE_LIMITED");
    assert_eq!(socket.message().await, complete("2"));
    socket.send(json!({ "id": "1", "type": "complete" })).await;
    assert_eq!(server.signs.recv().await, Some("gone"));
}
