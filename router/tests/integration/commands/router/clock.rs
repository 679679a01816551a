//! A subgraph whose requests a test holds and whose events it sends, and its supergraph.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc};

/// The supergraph, whose addresses lead nowhere.
const SUPERGRAPH: &str = include_str!("clock.graphql");

/// A running subgraph.
pub struct Clock {
    url: String,
    state: Arc<ClockState>,
    runtime: Runtime,
}

struct ClockState {
    /// A query takes one for good.
    answers: Semaphore,
    /// The queries that have arrived.
    arrived: Semaphore,
    /// The ports of the connections for queries.
    ports: Mutex<HashSet<u16>>,
    /// The open subscriptions.
    subscribers: Mutex<Vec<mpsc::UnboundedSender<String>>>,
}

impl Clock {
    /// Starts it. It holds all queries that arrive.
    pub fn start() -> Self {
        let state = Arc::new(ClockState {
            answers: Semaphore::new(0),
            arrived: Semaphore::new(0),
            ports: Mutex::default(),
            subscribers: Mutex::default(),
        });
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let router = Router::new().route("/", post(answer)).with_state(Arc::clone(&state));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(listener, service).await });
        Self { url, state, runtime }
    }

    /// As [`start`](Self::start), but it holds no query.
    pub fn start_open() -> Self {
        let clock = Self::start();
        clock.release(Semaphore::MAX_PERMITS);
        clock
    }

    /// Returns the supergraph with this subgraph in the place of both.
    pub fn supergraph(&self) -> String {
        let text = SUPERGRAPH.replace("http://clock.invalid/", &self.url);
        text.replace("http://names.invalid/", &self.url)
    }

    /// Waits until a query has arrived.
    pub fn await_query(&self) {
        let arrived = self.runtime.block_on(self.state.arrived.acquire());
        arrived.expect("it is open").forget();
    }

    /// Answers that many queries.
    pub fn release(&self, queries: usize) {
        self.state.answers.add_permits(queries);
    }

    /// Sends an event to all subscriptions, and returns how many there are.
    pub fn tick(&self, id: &str) -> usize {
        let event = json!({ "data": { "ticks": { "__typename": "Tick", "id": id } } });
        let mut subscribers = self.state.subscribers.lock().expect("no panic");
        subscribers.retain(|subscriber| subscriber.send(format!("event: next\ndata: {event}\n\n")).is_ok());
        subscribers.len()
    }

    /// Returns the number of connections that have carried queries.
    pub fn connections(&self) -> usize {
        self.state.ports.lock().expect("no panic").len()
    }

    /// Returns the number of open subscriptions.
    pub fn subscriptions(&self) -> usize {
        let mut subscribers = self.state.subscribers.lock().expect("no panic");
        subscribers.retain(|subscriber| !subscriber.is_closed());
        subscribers.len()
    }
}

async fn answer(
    State(state): State<Arc<ClockState>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Json(request): Json<Value>,
) -> Response {
    if request["query"]
        .as_str()
        .is_some_and(|query| query.starts_with("subscription"))
    {
        return subscribe(&state);
    }
    state.ports.lock().expect("no panic").insert(peer.port());
    state.arrived.add_permits(1);
    state.answers.acquire().await.expect("it is open").forget();
    Json(json!({ "data": { "now": 1, "later": 2, "motto": "Time flies." } })).into_response()
}

fn subscribe(state: &ClockState) -> Response {
    let (sender, receiver) = mpsc::unbounded_channel();
    state.subscribers.lock().expect("no panic").push(sender);
    let events = stream::unfold(receiver, |mut receiver: mpsc::UnboundedReceiver<String>| async {
        Some((Ok::<_, Infallible>(receiver.recv().await?), receiver))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}
