//! Long operations: they move to threads of a lower priority, with all that they need.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use agora::limits::Limits;
use agora::subgraph::{EncodedResponse, ResponseKind, Subgraph, SubgraphRequest, SubgraphResponse};
use agora::supergraph::Supergraph;
use contract::{ErrorCodeSet, client_address, with_client_address};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};

use crate::world::{SUPERGRAPH, request};

const QUERY: &str = "{ me { name } }";
const MUTATION: &str = "mutation { rename(id: 1, name: \"Ada\") { name } }";

/// The surroundings of a subgraph after it has let others run.
#[derive(Debug)]
struct Sight {
    thread: Thread,
    /// The thread of a task that it spawns.
    of_task: Thread,
    /// The thread of its blocking work.
    of_blocking_work: Thread,
    client: Option<IpAddr>,
}

#[derive(Debug, PartialEq)]
struct Thread {
    is_background: bool,
    niceness: String,
}

impl Thread {
    fn current() -> Self {
        let name = std::thread::current().name().map(str::to_owned);
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // The fields after the name, which is in parentheses; the niceness is the 19th of all.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        Self {
            is_background: name.is_some_and(|name| name == "background"),
            niceness: fields.split(' ').nth(16).unwrap().to_owned(),
        }
    }
}

/// A subgraph that lets others run, reports what it sees, and answers when it may.
struct Watcher {
    sights: UnboundedSender<Sight>,
    answers: Arc<Semaphore>,
    /// Receives a message when an operation that did not end is dropped.
    dropped: UnboundedSender<()>,
}

impl Watcher {
    async fn answer(&self) -> SubgraphResponse {
        let end = DropGuard(Some(self.dropped.clone()));
        tokio::task::yield_now().await;
        let sight = Sight {
            thread: Thread::current(),
            of_task: tokio::spawn(async { Thread::current() }).await.unwrap(),
            of_blocking_work: pace::spawn_blocking(Thread::current).await.unwrap(),
            client: client_address(),
        };
        let _ = self.sights.send(sight);
        self.answers.acquire().await.unwrap().forget();
        end.disarm();
        let body = json!({ "data": { "me": { "name": "Ada" }, "rename": { "name": "Ada" } } });
        SubgraphResponse::Json(EncodedResponse {
            body: body.to_string().into(),
            kind: ResponseKind::Data,
            codes: ErrorCodeSet::EMPTY,
        })
    }
}

/// Sends a message when it is dropped.
struct DropGuard(Option<UnboundedSender<()>>);

impl DropGuard {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(dropped) = &self.0 {
            // A test that has ended no longer listens.
            let _ = dropped.send(());
        }
    }
}

impl Subgraph for Watcher {
    fn fetch(&self, _: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        self.answer().boxed()
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        unreachable!("no test subscribes")
    }
}

/// A graph of watchers.
struct Graph {
    supergraph: Supergraph,
    sights: UnboundedReceiver<Sight>,
    answers: Arc<Semaphore>,
    dropped: UnboundedReceiver<()>,
}

impl Graph {
    fn new(set: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits {
            operation_inline_us_max: 0,
            ..Limits::default()
        };
        set(&mut limits);
        let (sights, seen) = unbounded_channel();
        let (dropped, drops) = unbounded_channel();
        let answers = Arc::new(Semaphore::new(0));
        let watcher: Arc<dyn Subgraph> = Arc::new(Watcher {
            sights,
            answers: answers.clone(),
            dropped,
        });
        let names = ["people", "products", "reviews", "shipping"];
        let subgraphs = HashMap::from(names.map(|name| (name.to_owned(), watcher.clone())));
        Self {
            supergraph: Supergraph::new(SUPERGRAPH, &contract::SCALARS, subgraphs, Arc::new(limits)).unwrap(),
            sights: seen,
            answers,
            dropped: drops,
        }
    }

    /// Starts an operation, and returns when it has let others run.
    async fn start(&mut self, document: &'static str) -> (Running, Sight) {
        let (stop, stopped) = oneshot::channel::<()>();
        let supergraph = self.supergraph.clone();
        let answer = async move {
            tokio::select! {
                answer = supergraph.fetch(request(document, json!({}))) => Some(answer),
                _ = stopped => None,
            }
        };
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        let task = tokio::spawn(with_client_address(Some(address), answer));
        let sight = self.sights.recv().await.unwrap();
        (Running { stop, task }, sight)
    }

    fn let_one_answer(&self) {
        self.answers.add_permits(1);
    }
}

/// An operation in a task of its own.
struct Running {
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Option<SubgraphResponse>>,
}

impl Running {
    async fn answer(self) -> Value {
        let answer = self.task.await.unwrap().expect("it was not stopped");
        serde_json::from_slice(&answer.into_encoded().body).unwrap()
    }
}

#[tokio::test]
async fn a_long_operation_moves_to_threads_of_lower_priority() {
    for (document, data) in [
        (QUERY, json!({ "me": { "name": "Ada" } })),
        (MUTATION, json!({ "rename": { "name": "Ada" } })),
    ] {
        let mut graph = Graph::new(|limits| limits.long_operation_niceness = 7);
        let here = Thread::current();
        let low = Thread {
            is_background: true,
            niceness: "7".to_owned(),
        };

        let (running, sight) = graph.start(document).await;
        graph.let_one_answer();

        assert_eq!(running.answer().await, json!({ "data": data }));
        assert_eq!(sight.thread, low, "{document}");
        assert_eq!(sight.of_blocking_work, low, "{document}");
        assert_eq!(sight.of_task, here, "a task that it spawns is not part of it");
    }
}

#[tokio::test]
async fn a_short_operation_stays_on_the_threads_of_all_requests() {
    let mut graph = Graph::new(|limits| limits.operation_inline_us_max = 600_000_000);

    let (running, sight) = graph.start(QUERY).await;
    graph.let_one_answer();
    running.answer().await;

    assert!(!sight.thread.is_background);
    assert!(!sight.of_blocking_work.is_background);
}

#[tokio::test]
async fn an_operation_that_has_moved_knows_its_client() {
    let mut graph = Graph::new(|_| {});

    let (_running, sight) = graph.start(MUTATION).await;

    assert!(sight.thread.is_background);
    assert_eq!(sight.client.unwrap().to_string(), "192.0.2.7");
}

#[tokio::test]
async fn an_operation_that_has_moved_ends_with_its_request() {
    let mut graph = Graph::new(|_| {});

    let (running, sight) = graph.start(QUERY).await;
    assert!(sight.thread.is_background);
    assert!(graph.dropped.try_recv().is_err(), "it waits for its answer");
    running.stop.send(()).unwrap();

    graph.dropped.recv().await.unwrap();
}

#[tokio::test]
async fn a_query_beyond_long_operations_max_is_unavailable() {
    let mut graph = Graph::new(|limits| limits.long_operations_max = 1);
    let (first, _) = graph.start(QUERY).await;

    let refused = graph.supergraph.fetch(request(QUERY, json!({}))).await.into_encoded();
    let refused: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAVAILABLE");
    assert!(refused.get("data").is_none());

    graph.let_one_answer();
    first.answer().await;
    let (next, _) = graph.start(QUERY).await;
    graph.let_one_answer();
    assert_eq!(next.answer().await["data"]["me"]["name"], "Ada", "there is room again");
}

#[tokio::test]
async fn a_mutation_beyond_long_operations_max_is_answered() {
    let mut graph = Graph::new(|limits| limits.long_operations_max = 1);
    let (_first, _) = graph.start(QUERY).await;

    let (mutation, sight) = graph.start(MUTATION).await;
    graph.answers.add_permits(2);

    assert!(sight.thread.is_background);
    assert_eq!(mutation.answer().await["data"]["rename"]["name"], "Ada");
}
