//! Responses as server-sent events and as parts of a multipart response.

use agora::http::FrontConfig;
use agora::limits::Limits;
use axum::body::Body;
use serde_json::{Value, json};

use crate::test_server::{TestServer, piece, post, request};

const SSE: (&str, &str) = ("accept", "text/event-stream");
const MULTIPART: (&str, &str) = (
    "accept",
    "multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\",application/json",
);

#[tokio::test]
async fn an_event_stream_has_every_response_and_a_complete_event() {
    let server = TestServer::open().await;
    let got = server.send(post("subscription { count(to: 2) }", &[SSE])).await;
    assert_eq!(got.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let expected = ":\n\nevent: next\ndata: {\"data\":{\"count\":0}}\n\n\
                    event: next\ndata: {\"data\":{\"count\":1}}\n\nevent: complete\ndata: \n\n";
    assert_eq!(got.text, expected);
}

#[tokio::test]
async fn a_browser_opens_an_event_stream_by_get() {
    let server = TestServer::open().await;
    let path = "/graphql?query=subscription%7Bcount(to:1)%7D";
    let got = server.send(request("GET", path, &[SSE], "")).await;
    assert!(got.text.contains("data: {\"data\":{\"count\":0}}"), "{}", got.text);
    let mutation = server
        .send(request("GET", "/graphql?query=mutation%7Bchange%7D", &[SSE], ""))
        .await;
    assert_eq!(
        (mutation.status.as_u16(), mutation.code().as_deref()),
        (405, Some("METHOD_NOT_ALLOWED"))
    );
}

#[tokio::test]
async fn queries_and_mutations_are_events_too() {
    let server = TestServer::open().await;
    for (query, data) in [
        ("{ hello }", "{\"hello\":\"hello 0\"}"),
        ("mutation { change }", "{\"change\":true}"),
    ] {
        let got = server.send(post(query, &[SSE])).await;
        let expected = format!(":\n\nevent: next\ndata: {{\"data\":{data}}}\n\nevent: complete\ndata: \n\n");
        assert_eq!(got.text, expected);
    }
}

#[tokio::test]
async fn a_graph_error_is_an_event_and_an_http_error_is_a_status() {
    let server = TestServer::open().await;
    let anonymous = server.send(post("subscription { news }", &[SSE])).await;
    assert_eq!(anonymous.status.as_u16(), 200);
    assert!(
        anonymous.text.contains("event: next\ndata: {\"errors\""),
        "{}",
        anonymous.text
    );
    assert!(anonymous.text.contains("UNAUTHENTICATED"), "{}", anonymous.text);
    assert!(
        anonymous.text.ends_with("event: complete\ndata: \n\n"),
        "{}",
        anonymous.text
    );
    let bad_token = server
        .send(post("subscription { news }", &[SSE, ("authorization", "Bearer x")]))
        .await;
    assert_eq!(
        (bad_token.status.as_u16(), bad_token.code().as_deref()),
        (401, Some("UNAUTHENTICATED"))
    );
    let no_query = server
        .send(request(
            "POST",
            "/graphql",
            &[SSE, ("content-type", "application/json")],
            "{}",
        ))
        .await;
    assert_eq!(
        (no_query.status.as_u16(), no_query.code().as_deref()),
        (400, Some("INVALID_INPUT"))
    );
}

#[tokio::test]
async fn a_persisted_query_hash_is_refused_in_the_accepted_format() {
    let server = TestServer::open().await;
    let body = r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}"#;
    let get = "/graphql?extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%2200%22%7D%7D";
    let json = ("content-type", "application/json");
    for (accept, media) in [
        ("text/event-stream", "text/event-stream; charset=utf-8"),
        (
            "multipart/mixed;subscriptionSpec=1.0, application/json",
            "application/json; charset=utf-8",
        ),
        ("application/json", "application/json; charset=utf-8"),
    ] {
        let headers = [("accept", accept), json];
        let posted = server.send(request("POST", "/graphql", &headers, body)).await;
        let got = server.send(request("GET", get, &headers, "")).await;
        for answered in [posted, got] {
            assert_eq!(
                (answered.status.as_u16(), answered.header("content-type")),
                (200, Some(media)),
                "{accept}"
            );
            assert!(
                answered.text.contains("\"PersistedQueryNotSupported\""),
                "{accept}: {}",
                answered.text
            );
            let is_event = answered.text.contains("event: next\ndata: {\"errors\"")
                && answered.text.ends_with("event: complete\ndata: \n\n");
            assert_eq!(is_event, accept == "text/event-stream", "{}", answered.text);
        }
    }
}

#[tokio::test]
async fn a_multipart_response_has_every_response_as_a_payload() {
    let server = TestServer::open().await;
    let got = server.send(post("subscription { count(to: 1) }", &[MULTIPART])).await;
    assert_eq!(
        got.header("content-type"),
        Some("multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0")
    );
    let head = "\r\ncontent-type: application/json\r\n\r\n";
    let expected = format!(
        "--graphql{head}{{}}\r\n--graphql{head}{{\"payload\":{{\"data\":{{\"count\":0}}}}}}\r\n--graphql--\r\n"
    );
    assert_eq!(got.text, expected);
}

#[tokio::test]
async fn a_query_that_accepts_multipart_gets_the_preferred_type() {
    let server = TestServer::open().await;
    let got = server
        .send(post(
            "{ hello }",
            &[("accept", "application/json, multipart/mixed;subscriptionSpec=1.0")],
        ))
        .await;
    assert_eq!(got.json(), json!({ "data": { "hello": "hello 0" } }));
    let by_get = request(
        "GET",
        "/graphql?query=%7Bhello%7D",
        &[("accept", "multipart/mixed;subscriptionSpec=1.0")],
        "",
    );
    assert_eq!(server.send(by_get).await.status.as_u16(), 406);
}

/// Opens a stream of `news` for user 1 and waits until it has begun.
async fn watch(server: &mut TestServer, accept: (&str, &str)) -> Body {
    let bearer = server.bearer(1);
    let response = server
        .raw(post("subscription { news }", &[accept, ("authorization", &bearer)]))
        .await;
    let mut body = response.into_body();
    piece(&mut body).await.unwrap();
    assert_eq!(server.signs.recv().await, Some("subscribed"));
    body
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    for accept in [SSE, MULTIPART] {
        let mut server = TestServer::open().await;
        let mut body = watch(&mut server, accept).await;
        server.news.send("first".into()).unwrap();
        assert!(piece(&mut body).await.unwrap().contains("first"));
        server.outlive_tokens();
        // The client does not receive this event, although it was sent.
        server.news.send("second".into()).unwrap();
        let last = piece(&mut body).await.unwrap();
        assert!(last.contains("UNAUTHENTICATED") && last.contains("expired"), "{last}");
        assert_eq!(piece(&mut body).await, None);
        assert_eq!(server.signs.recv().await, Some("gone"));
    }
}

#[tokio::test]
async fn a_silent_stream_ends_when_its_token_expires() {
    let mut server = TestServer::open().await;
    let mut body = watch(&mut server, SSE).await;
    server.outlive_tokens();
    assert!(piece(&mut body).await.unwrap().contains("UNAUTHENTICATED"));
    assert_eq!(piece(&mut body).await, None);
}

#[tokio::test]
async fn a_stream_ends_with_its_own_session_only() {
    for (session, accept) in [(Some(1), SSE), (None, MULTIPART)] {
        let mut server = TestServer::open().await;
        let mut body = watch(&mut server, accept).await;
        server.end_sessions_of(2, session.map(|_| 2));
        server.news.send("still here".into()).unwrap();
        assert!(piece(&mut body).await.unwrap().contains("still here"));
        server.end_sessions_of(1, session);
        assert!(piece(&mut body).await.unwrap().contains("UNAUTHENTICATED"));
        assert_eq!(piece(&mut body).await, None);
    }
}

#[tokio::test]
async fn a_stream_ends_at_the_shutdown() {
    let mut server = TestServer::open().await;
    let mut body = watch(&mut server, MULTIPART).await;
    server.gateway.shutdown.cancel();
    let last = piece(&mut body).await.unwrap();
    let json = last.split("\r\n\r\n").nth(1).unwrap().split("\r\n").next().unwrap();
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["payload"], Value::Null);
    assert_eq!(json["errors"][0]["extensions"]["code"], "UNAVAILABLE");
    assert!(last.ends_with("--graphql--\r\n"));
    let late = server.send(post("subscription { count(to: 1) }", &[SSE])).await;
    assert_eq!((late.status.as_u16(), late.header("retry-after")), (503, Some("1")));
}

#[tokio::test]
async fn a_disconnected_client_leaves_nothing_behind() {
    let mut server = TestServer::open().await;
    let free = server.gateway.permits.subscriptions.available_permits();
    let body = watch(&mut server, SSE).await;
    assert_eq!(server.gateway.permits.subscriptions.available_permits(), free - 1);
    drop(body);
    assert_eq!(server.signs.recv().await, Some("gone"));
    let permits = server.gateway.permits.subscriptions.acquire_many(free as u32).await;
    assert!(permits.is_ok());
}

#[tokio::test]
async fn a_slow_reader_gets_the_queued_events_and_the_reason() {
    let limits = Limits {
        subscriber_queue_max: 3,
        subscriber_ms_max: 1,
        ..Limits::default()
    };
    let mut server = TestServer::with(limits, FrontConfig::default()).await;
    let mut body = server
        .raw(post("subscription { flood(times: 1) }", &[SSE]))
        .await
        .into_body();
    assert_eq!(server.signs.recv().await, Some("gone"));
    let mut pieces = Vec::new();
    while let Some(piece) = piece(&mut body).await {
        pieces.push(piece);
    }
    assert_eq!(pieces.len(), 1 + 3 + 1, "{pieces:?}");
    assert!(pieces[3].contains("\"flood\":\"2\""));
    assert!(pieces[4].contains("TOO_SLOW"));
}

#[tokio::test]
async fn a_burst_does_not_end_the_stream_of_a_reading_client() {
    let limits = Limits {
        subscriber_queue_max: 3,
        ..Limits::default()
    };
    let server = TestServer::with(limits, FrontConfig::default()).await;
    let got = server.send(post("subscription { count(to: 500) }", &[SSE])).await;
    assert_eq!(got.text.matches("event: next").count(), 500);
    assert!(got.text.ends_with("event: complete\ndata: \n\n"));
}

#[tokio::test]
async fn a_subscription_above_the_limit_is_refused() {
    let limits = Limits {
        subscriptions_max: 1,
        ..Limits::default()
    };
    let mut server = TestServer::with(limits, FrontConfig::default()).await;
    let _open = watch(&mut server, SSE).await;
    let refused = server.send(post("subscription { count(to: 1) }", &[SSE])).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_deref()),
        (503, Some("UNAVAILABLE"))
    );
}

#[tokio::test]
async fn a_subscription_that_panics_ends_with_an_internal_error() {
    let server = TestServer::open().await;
    let got = server.send(post("subscription { fallsOver }", &[SSE])).await;
    assert!(
        got.text.contains("INTERNAL") && got.text.ends_with("event: complete\ndata: \n\n"),
        "{}",
        got.text
    );
}

#[tokio::test]
async fn a_silent_stream_sends_keep_alives() {
    let limits = Limits {
        keep_alive_ms: 1,
        ..Limits::default()
    };
    let mut server = TestServer::with(limits, FrontConfig::default()).await;
    let mut events = watch(&mut server, SSE).await;
    assert_eq!(piece(&mut events).await.unwrap(), ":\n\n");
    let mut parts = watch(&mut server, MULTIPART).await;
    assert!(piece(&mut parts).await.unwrap().contains("\r\n\r\n{}\r\n"));
}
