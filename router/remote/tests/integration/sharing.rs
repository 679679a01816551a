//! Equal reads in flight.

use std::sync::Arc;

use async_graphql::ServerError;
use engine::subgraph::{Caller, SubgraphRequest};
use http::{HeaderMap, HeaderValue};
use remote::{RemoteSettings, RemoteSubgraph, RequestHeaders};
use tokio::sync::Semaphore;

use super::client::{fetch, request, send, subgraph_of, subgraph_with};
use super::server::{TestServer, json};

/// A server whose answers to queries wait for the test, and that says when a request has arrived.
struct GatedServer {
    server: TestServer,
    arrived: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl GatedServer {
    async fn start() -> Self {
        let (arrived, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let gates = (Arc::clone(&arrived), Arc::clone(&gate));
        let server = TestServer::start(move |number| {
            let (arrived, gate) = gates.clone();
            async move {
                arrived.add_permits(1);
                gate.acquire().await.unwrap().forget();
                json(format!(r#"{{"data":{{"a":{number}}}}}"#))
            }
        })
        .await;
        Self { server, arrived, gate }
    }

    async fn await_request(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    fn open(&self, answers: usize) {
        self.gate.add_permits(answers);
    }
}

/// The caller's identity as a header.
struct Token;

impl RequestHeaders for Token {
    fn headers(&self, request: &SubgraphRequest) -> Result<HeaderMap, ServerError> {
        let name: &String = request.caller.identity().unwrap();
        Ok([(http::header::AUTHORIZATION, HeaderValue::from_str(name).unwrap())]
            .into_iter()
            .collect())
    }
}

fn shared(server: &GatedServer) -> RemoteSubgraph {
    subgraph_with(&server.server.url, RemoteSettings::default())
}

#[tokio::test]
async fn equal_queries_in_flight_share_one_request() {
    let server = GatedServer::start().await;
    let subgraph = shared(&server);
    let opening = async {
        server.await_request().await;
        server.open(1);
    };
    let (first, second, other, ()) = tokio::join!(
        fetch(&subgraph, "{ a }"),
        fetch(&subgraph, "{ a }"),
        fetch(&subgraph, "{ a }"),
        opening
    );
    for response in [first, second, other] {
        assert_eq!(response.data.to_string(), "{a: 0}");
    }
    assert_eq!(server.server.received().len(), 1);
    server.open(1);
    assert_eq!(fetch(&subgraph, "{ a }").await.data.to_string(), "{a: 1}");
}

#[tokio::test]
async fn queries_of_different_callers_are_not_shared() {
    let server = GatedServer::start().await;
    let subgraph = subgraph_of(&server.server.url, RemoteSettings::default(), Arc::new(Token));
    let of = |name: &str| {
        let mut request = request("{ a }");
        request.caller = Caller::new(name.to_owned(), true);
        send(&subgraph, request)
    };
    server.open(2);
    let (ada, bob) = tokio::join!(of("ada"), of("bob"));
    assert_ne!(ada.data, bob.data);
}

#[tokio::test]
async fn mutations_are_not_shared() {
    let server = GatedServer::start().await;
    let subgraph = shared(&server);
    server.open(2);
    tokio::join!(fetch(&subgraph, "mutation { a }"), fetch(&subgraph, "mutation { a }"));
    assert_eq!(server.server.received().len(), 2);
}

#[tokio::test]
async fn queries_are_not_shared_when_the_setting_is_off() {
    let server = GatedServer::start().await;
    let settings = RemoteSettings {
        subgraph_share_reads: false,
        ..RemoteSettings::default()
    };
    let subgraph = subgraph_with(&server.server.url, settings);
    server.open(2);
    tokio::join!(fetch(&subgraph, "{ a }"), fetch(&subgraph, "{ a }"));
    assert_eq!(server.server.received().len(), 2);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_end_a_read_that_others_wait_for() {
    let server = GatedServer::start().await;
    let subgraph = Arc::new(shared(&server));
    let leaving = tokio::spawn({
        let subgraph = Arc::clone(&subgraph);
        async move { fetch(&subgraph, "{ a }").await }
    });
    server.await_request().await;
    let staying = fetch(&subgraph, "{ a }");
    let leave = async {
        leaving.abort();
        assert!(leaving.await.unwrap_err().is_cancelled());
        server.open(1);
    };
    let (response, ()) = tokio::join!(staying, leave);
    assert_eq!(response.data.to_string(), "{a: 0}");
}

#[tokio::test]
async fn a_query_after_an_answered_mutation_does_not_join_one_from_before() {
    let queries = GatedServer::start().await;
    let mutations = TestServer::answering(200, "application/json", r#"{"data":{"write":1}}"#).await;
    let subgraph = shared(&queries);
    let early = fetch(&subgraph, "{ a }");
    let late = async {
        queries.await_request().await;
        // The mutation belongs to another subgraph, which may write what this one reads.
        fetch(
            &subgraph_with(&mutations.url, RemoteSettings::default()),
            "mutation { write }",
        )
        .await;
        queries.open(2);
        fetch(&subgraph, "{ a }").await
    };
    let (early, late) = tokio::join!(early, late);
    assert_eq!(
        (early.data.to_string(), late.data.to_string()),
        ("{a: 0}".to_owned(), "{a: 1}".to_owned())
    );
}
