//! GraphQL over WebSocket, on a real socket.

pub mod client;

use agora::http::FrontConfig;
use agora::limits::Limits;
use axum::http::StatusCode;
use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::test_server::TestServer;
pub use client::Socket;
use client::{PROTOCOL, ServerFrame, complete, connect, listen, next};

#[tokio::test]
async fn every_kind_of_operation_is_answered_and_completed() {
    let server = TestServer::open().await;
    let mut socket = Socket::of(&server, 7).await;
    socket.subscribe("q", "{ who }").await;
    assert_eq!(socket.message().await, next("q", json!({ "who": "user 7" })));
    assert_eq!(socket.message().await, complete("q"));
    socket.subscribe("m", "mutation { change }").await;
    assert_eq!(socket.message().await, next("m", json!({ "change": true })));
    assert_eq!(socket.message().await, complete("m"));
    socket.subscribe("s", "subscription { count(to: 2) }").await;
    assert_eq!(socket.message().await, next("s", json!({ "count": 0 })));
    assert_eq!(socket.message().await, next("s", json!({ "count": 1 })));
    assert_eq!(socket.message().await, complete("s"));
    // The id is free again.
    socket.subscribe("s", "query($n: Int) { hello(n: $n) }").await;
    assert_eq!(socket.message().await, next("s", json!({ "hello": "hello 0" })));
}

#[tokio::test]
async fn a_token_comes_with_the_upgrade_or_the_init_or_not_at_all() {
    let server = TestServer::open().await;
    let address = listen(&server).await;
    let (ada, ben) = (server.bearer(1), server.bearer(2));
    let table = [
        (None, json!({ "type": "connection_init" }), "Anonymous"),
        (
            None,
            json!({ "type": "connection_init", "payload": { "AUTHORIZATION": ben } }),
            "user 2",
        ),
        (
            Some(&ada),
            json!({ "type": "connection_init", "payload": {} }),
            "user 1",
        ),
        (
            Some(&ada),
            json!({ "type": "connection_init", "payload": { "authorization": null } }),
            "user 1",
        ),
        (
            Some(&ada),
            json!({ "type": "connection_init", "payload": { "Authorization": ben } }),
            "user 2",
        ),
    ];
    for (header, init, viewer) in table {
        let mut headers = vec![PROTOCOL];
        headers.extend(header.map(|bearer| ("authorization", bearer.as_str())));
        let mut socket = connect(&address, &headers).await.unwrap();
        socket.send(init).await;
        assert_eq!(socket.message().await, json!({ "type": "connection_ack" }));
        socket.subscribe("1", "{ who }").await;
        assert_eq!(socket.message().await, next("1", json!({ "who": viewer })));
    }
}

#[tokio::test]
async fn an_invalid_token_opens_no_socket() {
    let server = TestServer::open().await;
    let address = listen(&server).await;
    for authorization in [json!("Bearer nonsense"), json!("nonsense"), json!(7)] {
        let mut socket = connect(&address, &[PROTOCOL]).await.unwrap();
        socket
            .send(json!({ "type": "connection_init", "payload": { "authorization": authorization } }))
            .await;
        assert_eq!(
            socket.receive().await,
            ServerFrame::Close(4403, "Forbidden: the token is not valid".into())
        );
    }
    match connect(&address, &[PROTOCOL, ("authorization", "Bearer nonsense")]).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), StatusCode::UNAUTHORIZED),
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[tokio::test]
async fn a_message_outside_the_protocol_closes_the_socket() {
    let server = TestServer::open().await;
    let address = listen(&server).await;
    let wrong = [
        "nonsense",
        "[]",
        "{}",
        r#"{"type":"start"}"#,
        r#"{"type":"subscribe","id":1,"payload":{"query":"{ hello }"}}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ hello }","variables":[]}}"#,
        r#"{"type":"connection_init","payload":[]}"#,
        r#"["connection_init"]"#,
        r#"["ping"]"#,
        r#"["subscribe","1",{"query":"{ hello }"}]"#,
        r#"{"type":"subscribe","id":"1","payload":["{ hello }",null,null,null]}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ hello }","variables":{"a":1,"a":2}}}"#,
        r#"{"type":"connection_init","payload":{"authorization":"Bearer a","authorization":"Bearer b"}}"#,
        r#"{"type":"connection_init"} {}"#,
    ];
    for text in wrong {
        let mut socket = connect(&address, &[PROTOCOL]).await.unwrap();
        socket.stream.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.close_code().await, 4400, "{text}");
    }
    let mut socket = connect(&address, &[PROTOCOL]).await.unwrap();
    socket.stream.send(Message::binary(b"{}".to_vec())).await.unwrap();
    assert_eq!(socket.close_code().await, 4400);
    let mut socket = Socket::of(&server, 1).await;
    socket.subscribe("", "{ hello }").await;
    assert_eq!(socket.close_code().await, 4400);
    let mut socket = Socket::of(&server, 1).await;
    socket.subscribe(&"é".repeat(200), "{ hello }").await;
    assert_eq!(socket.close_code().await, 4400);
}

#[tokio::test]
async fn every_other_reason_to_close_has_its_code() {
    let limits = Limits {
        connection_init_ms_max: 1,
        ..Limits::default()
    };
    let hasty = TestServer::with(limits, FrontConfig::default()).await;
    assert_eq!(Socket::open(&hasty).await.close_code().await, 4408);

    let server = TestServer::open().await;
    let mut uninitialised = Socket::open(&server).await;
    uninitialised.subscribe("1", "{ hello }").await;
    assert_eq!(
        uninitialised.receive().await,
        ServerFrame::Close(4401, "Unauthorized".into())
    );

    let mut eager = Socket::of(&server, 1).await;
    eager.send(json!({ "type": "connection_init" })).await;
    assert_eq!(
        eager.receive().await,
        ServerFrame::Close(4429, "Too many initialisation requests".into())
    );

    let mut twice = Socket::of(&server, 1).await;
    twice.subscribe("a", "subscription { news }").await;
    twice.subscribe("a", "subscription { news }").await;
    assert_eq!(
        twice.receive().await,
        ServerFrame::Close(4409, "Subscriber for a already exists".into())
    );

    let mut other = connect(&listen(&server).await, &[("sec-websocket-protocol", "graphql-ws")]).await;
    if let Ok(socket) = &mut other {
        assert_eq!(socket.close_code().await, 4406);
    } else {
        // This client itself rejects a server that does not speak its protocol.
        let error = other.map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error}");
    }
    let mut none = connect(&listen(&server).await, &[]).await.unwrap();
    assert_eq!(none.close_code().await, 4406);
}

#[tokio::test]
async fn a_ping_is_answered_before_and_after_the_init() {
    let server = TestServer::open().await;
    let mut socket = Socket::open(&server).await;
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong" }));
    socket.send(json!({ "type": "connection_init" })).await;
    socket.message().await;
    socket.send(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong", "payload": { "n": 1 } }));
    socket.send(json!({ "type": "pong" })).await;
    socket.subscribe("1", "{ hello }").await;
    assert_eq!(socket.message().await, next("1", json!({ "hello": "hello 0" })));
}

#[tokio::test]
async fn a_request_error_is_an_error_message_without_complete() {
    let server = TestServer::open().await;
    let mut socket = Socket::open(&server).await;
    socket.send(json!({ "type": "connection_init" })).await;
    socket.message().await;
    for (id, query, code) in [
        ("a", "{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("b", "subscription { news }", "UNAUTHENTICATED"),
        ("c", "subscription {", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        socket.subscribe(id, query).await;
        assert_eq!(socket.error_code(id).await, code);
    }
    socket.subscribe("d", "{ hello }").await;
    assert_eq!(socket.message().await["id"], "d");
}

#[tokio::test]
async fn a_persisted_query_hash_is_refused_as_unsupported() {
    let server = TestServer::open().await;
    let mut socket = Socket::of(&server, 1).await;
    let hash = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "00" } } });
    socket
        .send(json!({ "id": "1", "type": "subscribe", "payload": hash }))
        .await;
    let error = socket.message().await;
    assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("1")));
    assert_eq!(error["payload"][0]["message"], "PersistedQueryNotSupported");
    assert_eq!(
        error["payload"][0]["extensions"]["code"],
        "PERSISTED_QUERY_NOT_SUPPORTED"
    );
    socket.subscribe("1", "{ hello }").await;
    assert_eq!(socket.message().await, next("1", json!({ "hello": "hello 0" })));
}

#[tokio::test]
async fn a_complete_message_frees_the_subscription() {
    let mut server = TestServer::open().await;
    let mut socket = Socket::of(&server, 1).await;
    socket.subscribe("1", "subscription { news }").await;
    assert_eq!(server.signs.recv().await, Some("subscribed"));
    socket.send(json!({ "id": "1", "type": "complete" })).await;
    assert_eq!(server.signs.recv().await, Some("gone"));
    socket.subscribe("1", "subscription { news }").await;
    assert_eq!(server.signs.recv().await, Some("subscribed"));
    drop(socket);
    assert_eq!(server.signs.recv().await, Some("gone"));
}

#[tokio::test]
async fn an_expired_token_ends_subscriptions_and_the_socket() {
    let mut server = TestServer::open().await;
    let mut socket = Socket::of(&server, 1).await;
    socket.subscribe("1", "subscription { news }").await;
    assert_eq!(server.signs.recv().await, Some("subscribed"));
    server.outlive_tokens();
    assert_eq!(socket.error_code("1").await, "UNAUTHENTICATED");
    assert_eq!(
        socket.receive().await,
        ServerFrame::Close(4401, "Unauthorized: the token has expired".into())
    );
}

#[tokio::test]
async fn the_end_of_a_session_closes_only_its_own_socket() {
    let mut server = TestServer::open().await;
    let mut ada = Socket::of(&server, 1).await;
    let mut ben = Socket::of(&server, 2).await;
    for socket in [&mut ada, &mut ben] {
        socket.subscribe("1", "subscription { news }").await;
        assert_eq!(server.signs.recv().await, Some("subscribed"));
    }
    server.end_sessions_of(1, Some(1));
    assert_eq!(ada.message().await["type"], "error");
    assert_eq!(ada.close_code().await, 4401);
    server.news.send("for ben".into()).unwrap();
    assert_eq!(ben.message().await, next("1", json!({ "news": "for ben" })));
}

#[tokio::test]
async fn a_shutdown_answers_running_queries_and_asks_for_a_reconnect() {
    let mut server = TestServer::open().await;
    let mut socket = Socket::of(&server, 1).await;
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
async fn pages_of_other_origins_open_no_socket() {
    let front = FrontConfig {
        allowed_origins: vec!["https://app.example".parse().unwrap()],
        ..FrontConfig::default()
    };
    let server = TestServer::with(Limits::default(), front).await;
    let address = listen(&server).await;
    let own = format!("http://{address}");
    for (origin, allowed) in [
        (own.as_str(), true),
        ("https://app.example", true),
        ("https://app.example.evil.example", false),
        ("http://127.0.0.1:1", false),
        ("null", false),
    ] {
        match connect(&address, &[PROTOCOL, ("origin", origin)]).await {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), StatusCode::FORBIDDEN);
                assert!(!allowed, "{origin}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn operations_per_socket_are_limited() {
    let limits = Limits {
        subscriptions_per_socket_max: 1,
        ..Limits::default()
    };
    refuses_a_second_subscription(limits, "RATE_LIMITED").await;
}

#[tokio::test]
async fn a_subscription_beyond_the_limit_is_refused_over_a_socket() {
    let limits = Limits {
        subscriptions_max: 1,
        ..Limits::default()
    };
    let (_server, mut socket) = refuses_a_second_subscription(limits, "UNAVAILABLE").await;
    socket.subscribe("3", "{ hello }").await;
    assert_eq!(socket.message().await, next("3", json!({ "hello": "hello 0" })));
}

/// Opens two subscriptions over one socket: the second is refused with `code`, and the first continues.
async fn refuses_a_second_subscription(limits: Limits, code: &str) -> (TestServer, Socket) {
    let mut server = TestServer::with(limits, FrontConfig::default()).await;
    let mut socket = Socket::of(&server, 1).await;
    socket.subscribe("1", "subscription { news }").await;
    assert_eq!(server.signs.recv().await, Some("subscribed"));
    socket.subscribe("2", "subscription { news }").await;
    assert_eq!(socket.error_code("2").await, code);
    server.news.send("go on".into()).unwrap();
    assert_eq!(socket.message().await, next("1", json!({ "news": "go on" })));
    (server, socket)
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_the_socket() {
    let limits = Limits {
        body_bytes_max: 1_000,
        ..Limits::default()
    };
    let server = TestServer::with(limits, FrontConfig::default()).await;
    let mut socket = Socket::of(&server, 1).await;
    socket.subscribe("1", &format!("{{ hello }}{:1000}", "")).await;
    assert_eq!(socket.close_code().await, 1009);
}

#[tokio::test]
async fn a_socket_above_the_limit_is_refused_until_another_closes() {
    let limits = Limits {
        sockets_max: 1,
        ..Limits::default()
    };
    let server = TestServer::with(limits, FrontConfig::default()).await;
    let address = listen(&server).await;
    let first = connect(&address, &[PROTOCOL]).await.unwrap();
    match connect(&address, &[PROTOCOL]).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE),
        other => panic!("{:?}", other.map(|_| ())),
    }
    drop(first);
    let freed = server.gateway.permits.sockets.acquire().await;
    drop(freed.unwrap());
    assert!(connect(&address, &[PROTOCOL]).await.is_ok());
}

#[tokio::test]
async fn a_slow_reader_loses_its_subscription_and_not_its_socket() {
    let limits = Limits {
        subscriber_queue_max: 2,
        subscriber_ms_max: 1,
        ..Limits::default()
    };
    let mut server = TestServer::with(limits, FrontConfig::default()).await;
    let mut socket = Socket::of(&server, 1).await;
    socket.subscribe("flood", "subscription { flood(times: 50000) }").await;
    assert_eq!(server.signs.recv().await, Some("gone"));
    socket.subscribe("after", "{ hello }").await;
    let mut read = 0;
    let last = loop {
        let message = socket.message().await;
        if message["type"] == "error" {
            break message;
        }
        read += 1;
    };
    assert_eq!(last["payload"][0]["extensions"]["code"], "TOO_SLOW");
    assert!(
        read < 1_000,
        "what waits is bounded by the sockets' own buffers, but {read} answers were waiting"
    );
    assert_eq!(socket.message().await, next("after", json!({ "hello": "hello 0" })));
}

#[tokio::test]
async fn a_close_frame_is_answered_before_the_disconnect() {
    let server = TestServer::open().await;
    for initialised in [true, false] {
        let mut socket = if initialised {
            Socket::of(&server, 7).await
        } else {
            Socket::open(&server).await
        };
        let frame = CloseFrame {
            code: 1000.into(),
            reason: "Normal Closure".into(),
        };
        socket.stream.close(Some(frame)).await.unwrap();
        assert_eq!(
            socket.receive().await,
            ServerFrame::Close(1000, "Normal Closure".to_owned())
        );
    }
}
