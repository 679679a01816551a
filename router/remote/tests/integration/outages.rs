//! A subgraph that is down, and comes back.

use std::time::{Duration, Instant};

use async_graphql::Value;
use remote::{RemoteSettings, RemoteSubgraph};
use tokio::net::TcpListener;

use super::client::{failure, fetch, subgraph, subgraph_with};
use super::server::{TestServer, json};

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

/// Sends the query until it is answered.
async fn await_answer(subgraph: &RemoteSubgraph) {
    while fetch(subgraph, "{ a }").await.data == Value::Null {
        tokio::task::yield_now().await;
    }
}
