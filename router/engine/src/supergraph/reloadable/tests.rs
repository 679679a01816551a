//! A graph is replaced under requests and subscriptions.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::{Response, Value, Variables, value};
use futures_util::FutureExt;
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;
use tokio::sync::mpsc;

use super::*;
use crate::limits::Limits;
use crate::subgraph::{Caller, OperationKind};

const SUPERGRAPH: &str = include_str!("tests/supergraph.graphql");
const TICKS: &str = "subscription { ticks { id label } }";

/// A subgraph whose answers a test gives.
struct FakeSubgraph {
    data: Value,
    /// A request takes a permit for good.
    answers: Semaphore,
    requests: AtomicUsize,
    events: Mutex<Vec<mpsc::UnboundedSender<Value>>>,
}

impl FakeSubgraph {
    fn answering(data: Value) -> Arc<Self> {
        Self::holding(data, Semaphore::MAX_PERMITS)
    }

    /// Answers as many requests as there are permits.
    fn holding(data: Value, permits: usize) -> Arc<Self> {
        Arc::new(Self {
            data,
            answers: Semaphore::new(permits),
            requests: AtomicUsize::default(),
            events: Mutex::default(),
        })
    }

    fn clock() -> Arc<Self> {
        Self::answering(value!({ "now": 1 }))
    }

    fn names(label: &str) -> Arc<Self> {
        Self::answering(value!({ "motto": label, "_entities": [{ "__typename": "Tick", "label": label }] }))
    }

    fn subscriptions(&self) -> usize {
        let mut events = self.events.lock().unwrap();
        events.retain(|events| !events.is_closed());
        events.len()
    }

    fn tick(&self, id: &str) {
        for events in &*self.events.lock().unwrap() {
            // A subscriber may have left.
            let _sent = events.send(value!({ "ticks": { "__typename": "Tick", "id": id } }));
        }
    }
}

impl Subgraph for FakeSubgraph {
    fn fetch(&self, _: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        async {
            self.answers.acquire().await.unwrap().forget();
            SubgraphResponse::Tree(Response::new(self.data.clone()))
        }
        .boxed()
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.events.lock().unwrap().push(sender);
        stream::unfold(receiver, |mut receiver| async {
            let data = receiver.recv().await?;
            Some((SubgraphResponse::Tree(Response::new(data)), receiver))
        })
        .boxed()
    }
}

fn graph(sdl: &str, clock: &Arc<FakeSubgraph>, names: &Arc<FakeSubgraph>) -> Supergraph {
    let subgraphs: [(_, Arc<dyn Subgraph>); 2] = [("clock", clock.clone()), ("names", names.clone())];
    let subgraphs: HashMap<_, _> = subgraphs.map(|(name, subgraph)| (name.to_owned(), subgraph)).into();
    Supergraph::new(sdl, &[], subgraphs, Arc::new(Limits::default())).unwrap()
}

/// The supergraph without the fields that a test asks for.
fn without(field: &str) -> String {
    let lines = SUPERGRAPH.lines().filter(|line| !line.trim_start().starts_with(field));
    lines.collect::<Vec<_>>().join("\n")
}

fn request(query: &str) -> SubgraphRequest {
    SubgraphRequest {
        document: RequestDocument::Text(query.into()),
        operation_name: None,
        variables: Variables::default(),
        caller: Caller::anonymous(),
        request_id: "test".into(),
        budget: None,
    }
}

fn json_of(response: SubgraphResponse) -> serde_json::Value {
    serde_json::from_slice(&response.into_encoded().body).unwrap()
}

async fn ask(graphs: &ReloadableSupergraph, query: &str) -> serde_json::Value {
    json_of(graphs.fetch(request(query)).await)
}

/// Subscribes as a transport does, and waits until the source is subscribed to.
async fn subscribe(
    graphs: &ReloadableSupergraph,
    clock: &FakeSubgraph,
) -> impl Stream<Item = serde_json::Value> + Unpin + use<> {
    let prepared = graphs.prepare(request(TICKS)).await;
    assert_eq!(prepared.kind, OperationKind::Subscription);
    let mut answers = graphs.subscribe(prepared.request.unwrap()).map(json_of);
    clock_is_followed(&mut answers, clock).await;
    answers
}

/// Polls a subscription, which has no answer, until it follows that source alone.
async fn clock_is_followed(answers: &mut (impl Stream<Item = serde_json::Value> + Unpin), clock: &FakeSubgraph) {
    while clock.subscriptions() == 0 {
        assert!(answers.next().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_prepared_operation_runs_on_the_graph_that_prepared_it() {
    let (clock, names) = (FakeSubgraph::clock(), FakeSubgraph::names("old"));
    let graphs = ReloadableSupergraph::new(graph(SUPERGRAPH, &clock, &names));
    let prepared = graphs
        .prepare(request("query Motto { motto now }"))
        .await
        .request
        .unwrap();
    assert_eq!(prepared.document.operation_name(), Some("Motto"));
    graphs.replace(graph(&without("motto"), &clock, &names));
    let answer = json_of(graphs.fetch(prepared).await);
    assert_eq!(answer, json!({ "data": { "motto": "old", "now": 1 } }));
    let answer = ask(&graphs, "query Motto { motto now }").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
}

#[tokio::test]
async fn a_replaced_graph_is_freed_when_its_last_request_has_ended() {
    let (clock, names) = (
        FakeSubgraph::holding(value!({ "now": 1 }), 0),
        FakeSubgraph::names("old"),
    );
    let graphs = ReloadableSupergraph::new(graph(SUPERGRAPH, &clock, &names));
    let running = tokio::spawn({
        let graphs = graphs.clone();
        async move { ask(&graphs, "{ now }").await }
    });
    while clock.requests.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    graphs.replace(graph(&without("now"), &clock, &names));
    assert_eq!(graphs.graphs_in_memory(), 2);
    clock.answers.add_permits(1);
    assert_eq!(running.await.unwrap(), json!({ "data": { "now": 1 } }));
    assert_eq!(graphs.graphs_in_memory(), 1);
}

#[tokio::test]
async fn a_subscription_with_the_same_source_goes_on_over_the_new_graph() {
    let (clock, old, new) = (
        FakeSubgraph::clock(),
        FakeSubgraph::names("old"),
        FakeSubgraph::names("new"),
    );
    let graphs = ReloadableSupergraph::new(graph(SUPERGRAPH, &clock, &old));
    let mut answers = subscribe(&graphs, &clock).await;
    clock.tick("1");
    let tick = |id: &str, label: &str| Some(json!({ "data": { "ticks": { "id": id, "label": label } } }));
    assert_eq!(answers.next().await, tick("1", "old"));
    graphs.replace(graph(&without("motto"), &clock, &new));
    clock.tick("2");
    assert_eq!(answers.next().await, tick("2", "new"));
    assert_eq!((clock.subscriptions(), graphs.graphs_in_memory()), (1, 1));
}

#[tokio::test]
async fn a_subscription_follows_the_source_of_the_new_graph() {
    let (old, new, names) = (
        FakeSubgraph::clock(),
        FakeSubgraph::clock(),
        FakeSubgraph::names("same"),
    );
    let graphs = ReloadableSupergraph::new(graph(SUPERGRAPH, &old, &names));
    let mut answers = subscribe(&graphs, &old).await;
    graphs.replace(graph(SUPERGRAPH, &new, &names));
    clock_is_followed(&mut answers, &new).await;
    assert_eq!((old.subscriptions(), graphs.graphs_in_memory()), (0, 1));
    new.tick("1");
    let tick = json!({ "data": { "ticks": { "id": "1", "label": "same" } } });
    assert_eq!(answers.next().await, Some(tick));
}

#[tokio::test]
async fn a_subscription_that_the_new_graph_does_not_have_ends_with_the_reason() {
    let (clock, names) = (FakeSubgraph::clock(), FakeSubgraph::names("same"));
    let graphs = ReloadableSupergraph::new(graph(SUPERGRAPH, &clock, &names));
    let mut answers = subscribe(&graphs, &clock).await;
    graphs.replace(graph(&without("label"), &clock, &names));
    let last = answers.next().await.unwrap();
    let error = &last["errors"][0];
    assert_eq!(error["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "{last}");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("the graph has changed") && message.contains("label"),
        "{last}"
    );
    assert_eq!(answers.next().await, None);
    assert_eq!((clock.subscriptions(), graphs.graphs_in_memory()), (0, 1));
}

#[tokio::test]
async fn the_counts_go_on_and_the_plans_begin_anew() {
    let (clock, names) = (FakeSubgraph::clock(), FakeSubgraph::names("same"));
    let graphs = ReloadableSupergraph::new(graph(SUPERGRAPH, &clock, &names));
    ask(&graphs, "{ now }").await;
    graphs.replace(graph(SUPERGRAPH, &clock, &names));
    let counts = graphs.current().counts();
    assert_eq!((counts.plans.misses, counts.plans.entries), (1, 0));
    ask(&graphs, "{ now }").await;
    let counts = graphs.current().counts();
    assert_eq!((counts.plans.misses, counts.plans.entries), (2, 1));
    let clock = counts
        .subgraphs
        .iter()
        .find(|subgraph| subgraph.name == "clock")
        .unwrap();
    assert_eq!(clock.times_us.count(), 2);
}
