//! A subgraph that is down, and comes back.

use std::time::{Duration, Instant};

use async_graphql::Value;
use remote::{RemoteSettings, RemoteSubgraph};
use tokio::net::TcpListener;

use super::client::{failure, fetch, subgraph, subgraph_with};
use super::server::{TestServer, answer, json};

const ANSWER: &str = r#"{"data":{"a":1}}"#;
const UNREACHABLE: &str = "the subgraph `reviews` cannot be reached";
const NOT_ASKED: &str = "the subgraph `reviews` is unavailable and not asked again yet";

#[tokio::test]
async fn a_subgraph_that_is_down_is_not_asked_by_every_request_and_is_found_when_it_returns() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/");
    let subgraph = subgraph(&url);
    for _ in 0..RemoteSettings::default().subgraph_failures_max {
        assert_eq!(failure(&fetch(&subgraph, "{ a }").await).0, UNREACHABLE);
    }
    assert_eq!(failure(&fetch(&subgraph, "{ a }").await).0, NOT_ASKED);

    let _server = TestServer::start_on(TcpListener::bind(address).await.unwrap(), url, |_| async {
        json(ANSWER)
    })
    .await;
    let returned = Instant::now();
    await_answer(&subgraph).await;
    assert!(returned.elapsed() < Duration::from_secs(2), "{:?}", returned.elapsed());
}

#[tokio::test]
async fn a_subgraph_that_returns_is_found_although_a_probe_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}/");
    let settings = RemoteSettings {
        subgraph_ms_max: 60_000,
        subgraph_failures_max: 1,
        subgraph_probe_ms: 10,
        subgraph_share_reads: false,
        ..RemoteSettings::default()
    };
    // The first connection dies, and so does the second attempt; the probe after them is accepted and never answered.
    let hanging = tokio::spawn(async move {
        for _ in 0..2 {
            drop(listener.accept().await.unwrap());
        }
        (listener.accept().await.unwrap(), listener)
    });
    let subgraph = std::sync::Arc::new(subgraph_with(&url, settings));
    assert!(!fetch(&subgraph, "{ a }").await.errors.is_empty());
    let probe = tokio::spawn({
        let subgraph = std::sync::Arc::clone(&subgraph);
        async move { await_answer(&subgraph).await }
    });
    let (_connection, listener) = hanging.await.unwrap();
    let _server = TestServer::start_on(listener, url, |_| async { json(ANSWER) }).await;
    await_answer(&subgraph).await;
    probe.abort();
}

#[tokio::test]
async fn a_query_is_sent_again_by_setting_while_the_subgraph_is_away() {
    let away_twice = || {
        TestServer::start(|number| async move {
            match number {
                0 | 1 => answer(503, "text/plain", "starting"),
                _ => json(ANSWER),
            }
        })
    };
    let table = [
        (0, "{ a }", 1, false),
        (1, "{ a }", 2, false),
        (2, "{ a }", 3, true),
        (2, "mutation { a }", 1, false),
    ];
    for (retries, document, requests, is_answered) in table {
        let server = away_twice().await;
        let settings = RemoteSettings {
            subgraph_retries_max: retries,
            ..RemoteSettings::default()
        };
        let response = fetch(&subgraph_with(&server.url, settings), document).await;
        assert_eq!(response.errors.is_empty(), is_answered, "{retries} {document}");
        assert_eq!(server.received().len(), requests, "{retries} {document}");
    }
}

#[tokio::test]
async fn all_attempts_of_a_query_share_the_time_of_one_request() {
    let server = TestServer::answering(503, "text/plain", "starting").await;
    let settings = RemoteSettings {
        subgraph_ms_max: 100,
        subgraph_retries_max: u32::MAX,
        ..RemoteSettings::default()
    };
    let response = fetch(&subgraph_with(&server.url, settings), "{ a }").await;
    assert_eq!(
        failure(&response).0,
        "the subgraph `reviews` did not answer within 100 ms"
    );
}

/// Sends the query until it is answered.
async fn await_answer(subgraph: &RemoteSubgraph) {
    while fetch(subgraph, "{ a }").await.data == Value::Null {
        tokio::task::yield_now().await;
    }
}
