//! Connections: kept, lost, refused and slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Version;
use remote::RemoteSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Semaphore};

use super::client::{failure, fetch, subgraph, subgraph_with};
use super::server::{TestServer, json, raw};

const ANSWER: &str = r#"{"data":{"a":1}}"#;

#[tokio::test]
async fn requests_one_after_another_use_one_connection() {
    let server = TestServer::answering(200, "application/json", ANSWER).await;
    let subgraph = subgraph(&server.url);
    for _ in 0..10 {
        assert!(fetch(&subgraph, "{ a }").await.errors.is_empty());
    }
    assert_eq!((server.received().len(), server.connections()), (10, 1));
}

#[tokio::test]
async fn requests_at_the_same_time_share_a_connection_of_http2() {
    let all_arrived = Arc::new(Barrier::new(3));
    let server = TestServer::start(move |number| {
        let all_arrived = Arc::clone(&all_arrived);
        async move {
            if number > 0 {
                all_arrived.wait().await;
            }
            json(ANSWER)
        }
    })
    .await;
    let settings = RemoteSettings {
        subgraph_http2: true,
        subgraph_share_reads: false,
        ..RemoteSettings::default()
    };
    let subgraph = subgraph_with(&server.url, settings);
    assert_eq!(fetch(&subgraph, "{ a }").await.errors, []);
    let (first, second, third) = tokio::join!(
        fetch(&subgraph, "{ a }"),
        fetch(&subgraph, "{ a }"),
        fetch(&subgraph, "mutation { a }")
    );
    assert_eq!([first.errors, second.errors, third.errors], [[], [], []]);
    assert_eq!(server.connections(), 1);
    assert!(
        server
            .received()
            .iter()
            .all(|request| request.version == Version::HTTP_2)
    );
}

#[tokio::test]
async fn a_query_over_http2_is_sent_again_once_when_its_connection_dies_without_an_answer() {
    let requests = Arc::new(AtomicUsize::new(0));
    let dying = dying_first(usize::MAX, &requests).await;
    let settings = RemoteSettings {
        subgraph_http2: true,
        ..RemoteSettings::default()
    };
    let subgraph = subgraph_with(&dying, settings);
    let response = fetch(&subgraph, "{ a }").await;
    assert_eq!(failure(&response).1, "UNAVAILABLE");
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let closed = Arc::new(Semaphore::new(0));
    let url = raw({
        let closed = Arc::clone(&closed);
        move |_, mut stream| {
            let closed = Arc::clone(&closed);
            async move {
                answer(&mut stream).await;
                assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
                closed.add_permits(1);
            }
        }
    })
    .await;
    let settings = RemoteSettings {
        subgraph_idle_ms_max: 10,
        ..RemoteSettings::default()
    };
    let subgraph = subgraph_with(&url, settings);
    assert!(fetch(&subgraph, "{ a }").await.errors.is_empty());
    let _closed = closed.acquire().await.unwrap();
}

#[tokio::test]
async fn concurrent_requests_to_one_subgraph_have_a_bound_and_wait_for_a_bounded_time() {
    let gate = Arc::new(Semaphore::new(0));
    let server = TestServer::start({
        let gate = Arc::clone(&gate);
        move |_| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                json(ANSWER)
            }
        }
    })
    .await;
    let settings = RemoteSettings {
        subgraph_requests_max: 1,
        subgraph_wait_ms_max: 50,
        ..RemoteSettings::default()
    };
    let subgraph = subgraph_with(&server.url, settings);
    let waiting = async {
        let failed = fetch(&subgraph, "{ b }").await;
        gate.add_permits(1);
        failed
    };
    let (first, second) = tokio::join!(fetch(&subgraph, "{ a }"), waiting);
    assert!(first.errors.is_empty());
    let expected = (
        "the subgraph `reviews` has too many requests in flight".to_owned(),
        "UNAVAILABLE".to_owned(),
    );
    assert_eq!(failure(&second), expected);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_subgraph_that_does_not_answer_is_a_timeout() {
    let url = raw(|_, stream| async move {
        let _open = stream;
        std::future::pending().await
    })
    .await;
    let settings = RemoteSettings {
        subgraph_ms_max: 50,
        ..RemoteSettings::default()
    };
    let response = fetch(&subgraph_with(&url, settings), "{ a }").await;
    let expected = (
        "the subgraph `reviews` did not answer within 50 ms".to_owned(),
        "TIMEOUT".to_owned(),
    );
    assert_eq!(failure(&response), expected);
}

#[tokio::test]
async fn a_subgraph_that_is_not_there_cannot_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let response = fetch(&subgraph(&url), "{ a }").await;
    let expected = (
        "the subgraph `reviews` cannot be reached".to_owned(),
        "UNAVAILABLE".to_owned(),
    );
    assert_eq!(failure(&response), expected);
}

#[tokio::test]
async fn a_query_is_sent_again_once_when_its_connection_dies_without_an_answer() {
    let requests = Arc::new(AtomicUsize::new(0));
    let url = dying_first(1, &requests).await;
    let response = fetch(&subgraph(&url), "{ a }").await;
    assert!(response.errors.is_empty(), "{response:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_query_is_not_sent_a_third_time() {
    let requests = Arc::new(AtomicUsize::new(0));
    let url = dying_first(2, &requests).await;
    let response = fetch(&subgraph(&url), "{ a }").await;
    let expected = "the subgraph `reviews` closed the connection before its answer was complete";
    assert_eq!(failure(&response).0, expected);
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_mutation_is_never_sent_again() {
    let requests = Arc::new(AtomicUsize::new(0));
    let url = dying_first(1, &requests).await;
    let response = fetch(&subgraph(&url), "mutation { a }").await;
    let expected = "the subgraph `reviews` closed the connection before its answer was complete";
    assert_eq!(failure(&response).0, expected);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_mutation_takes_a_new_connection_when_the_subgraph_has_closed_the_idle_one() {
    let closed = Arc::new(Semaphore::new(0));
    let url = raw({
        let closed = Arc::clone(&closed);
        move |_, mut stream| {
            let closed = Arc::clone(&closed);
            async move {
                answer(&mut stream).await;
                drop(stream);
                closed.add_permits(1);
            }
        }
    })
    .await;
    let subgraph = subgraph(&url);
    for _ in 0..3 {
        let response = fetch(&subgraph, "mutation { a }").await;
        assert!(response.errors.is_empty(), "{response:?}");
        closed.acquire().await.unwrap().forget();
        // The end of the connection is on its way to the client, which is in this process and on this thread.
        tokio::task::yield_now().await;
    }
}

/// A server that closes its first connections without an answer, and counts the requests.
async fn dying_first(connections: usize, requests: &Arc<AtomicUsize>) -> String {
    let requests = Arc::clone(requests);
    raw(move |number, mut stream| {
        let requests = Arc::clone(&requests);
        async move {
            if number >= connections {
                requests.fetch_add(1, Ordering::SeqCst);
                return answer(&mut stream).await;
            }
            if stream.read(&mut [0; 4_096]).await.is_ok_and(|len| len > 0) {
                requests.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await
}

/// Reads one request, which must come in one piece, and answers it.
async fn answer(stream: &mut TcpStream) {
    assert!(stream.read(&mut [0; 4_096]).await.unwrap() > 0);
    let length = ANSWER.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{ANSWER}");
    stream.write_all(answer.as_bytes()).await.unwrap();
}
