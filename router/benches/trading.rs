//! The cost of a durable trade and of a durable order of the brokerage, from the GraphQL request to its response.
//!
//! `cargo bench -p agora --bench trading`; the arguments are those of [`Bench`]: `--filter "trades, a table, 64 clients"`. With
//! `--times`, each client sends so many requests; otherwise they send for a second.
//!
//! Three ways to number trades alternate: the table of the database, one replica of the order log, and three replicas. Each
//! replica is a process of its own with its own file; the process runs this program again.
//!
//! The router runs without a socket. The measurement contains authentication, limits, validation, planning, subgraph,
//! transaction, commit, invalidation and rendering. Each response comes after its commit is on the disk. The numbers of clients
//! alternate within a round, and the results are medians over the rounds. At the end, the shares that the exchange sold are
//! those of the requests that were answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use agora::app::App;
use agora::config::Settings;
use agora::demo;
use agora::order_service::{ReplicaProcesses, own_executable};
use agora::rest_access::AnonymousAccess;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use contract::SystemClock;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use testing::bench::{Bench, median, processor_ns};
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: u32 = 5;
const ROUND_TIME: Duration = Duration::from_secs(1);
const CLIENTS: [usize; 4] = [1, 5, 16, 64];
const WORKS: [&str; 2] = ["trades", "orders"];
/// Numbers of replicas; with 0, the log is a table.
const REPLICAS: [u64; 3] = [0, 1, 3];

const DEPOSIT: &str = "mutation { it: deposit(amount: { amount: \"1000000000000.00\" }) { id } }";
const LIST: &str =
    "mutation { it: listStock(input: { name: \"Bench\", price: { amount: \"0.01\" }, quantity: 2147483647 }) { id } }";
/// The shares of the listed stock before the first trade.
const LISTED: u64 = 2_147_483_647;
const LEFT: &str = "{ it: stock(name: \"Bench\") { quantity } }";
const TRADE: &str = "mutation { it: trade(stock: \"Bench\", side: BUY, quantity: 1) { number } }";
const ORDER: &str = "mutation($stock: ID!) { it: placeOrder(input: { side: BUY, stock: $stock, quantity: 1 }) { id status exchangeOrder { number } } }";

/// A caller of the router.
#[derive(Clone)]
struct Caller {
    router: Router,
    token: Arc<str>,
}

impl Caller {
    fn anonymous(router: &Router) -> Self {
        Self {
            router: router.clone(),
            token: "".into(),
        }
    }

    async fn signed_in(router: &Router, login: &str) -> Self {
        let anonymous = Self::anonymous(router);
        let query = format!(
            "mutation {{ it: login(login: \"{login}\", password: \"{}\") {{ token }} }}",
            demo::PASSWORD
        );
        let token = anonymous.ask(&query, json!({})).await["token"]
            .as_str()
            .expect("a token")
            .into();
        Self { token, ..anonymous }
    }

    /// Runs a query and returns the value of its field `it`.
    async fn ask(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut answer: Value = serde_json::from_slice(&self.send(body).await).expect("JSON");
        answer["data"]["it"].take()
    }

    async fn send(&self, body: String) -> bytes::Bytes {
        let mut request = Request::post("/graphql")
            .header("host", "localhost")
            .header("content-type", "application/json");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert!(!body.windows(8).any(|part| part == b"\"errors\""), "{body:?}");
        body
    }
}

/// A request that the benchmark repeats.
struct Work {
    name: String,
    caller: Caller,
    body: String,
    /// For each number of clients: requests per second, and processor time per request in µs.
    figures: [(Vec<f64>, Vec<f64>); CLIENTS.len()],
    /// The number of answered requests, each of which bought one share.
    answered: u64,
}

fn main() {
    if std::env::args()
        .nth(1)
        .is_some_and(|command| command == "order-replica")
    {
        agora::cli::main_with(std::env::args_os());
        return;
    }
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut systems = Vec::new();
        for replicas in REPLICAS {
            if WORKS.iter().any(|work| is_selected(&bench, &name(work, replicas))) {
                systems.push(System::open(&bench, replicas).await);
            }
        }
        for round in bench.rounds(ROUNDS) {
            for work in systems.iter_mut().flat_map(|system| &mut system.works) {
                for (clients, (per_second, processor)) in CLIENTS.into_iter().zip(&mut work.figures) {
                    if !bench.selects(&variant(&work.name, clients)) {
                        continue;
                    }
                    let cost = run(&work.caller, &work.body, clients, Extent::of(&bench)).await;
                    work.answered += cost.answered;
                    round.record(per_second, cost.per_second);
                    round.record(processor, cost.processor_us);
                }
            }
        }
        println!("durable, a second, and the processor time of one in µs, without the replicas' own");
        for system in systems {
            system.close().await;
        }
    });
}

/// Returns the name of a work with that number of replicas.
fn name(work: &str, replicas: u64) -> String {
    match replicas {
        0 => format!("{work}, a table"),
        1 => format!("{work}, 1 replica"),
        several => format!("{work}, {several} replicas"),
    }
}

/// Returns the name of a work with that number of clients.
fn variant(work: &str, clients: usize) -> String {
    match clients {
        1 => format!("{work}, 1 client"),
        several => format!("{work}, {several} clients"),
    }
}

/// Whether a work is measured with any number of clients.
fn is_selected(bench: &Bench, work: &str) -> bool {
    CLIENTS.iter().any(|clients| bench.selects(&variant(work, *clients)))
}

/// Agora, running in a folder of its own.
struct System {
    works: Vec<Work>,
    router: Router,
    app: App,
    replicas: Option<ReplicaProcesses>,
    numbering: JoinHandle<contract::Result<()>>,
    _folder: tempfile::TempDir,
}

impl System {
    async fn open(bench: &Bench, replicas: u64) -> Self {
        let folder = tempfile::tempdir_in(bench.folder()).expect("a folder");
        let mut settings = Settings::default();
        settings.server.data = folder.path().join("data");
        if replicas > 0 {
            settings.orders.order_replicas = replicas.to_string().parse().expect("a number");
        }
        let app = App::open(&settings, Arc::new(SystemClock)).await.expect("Agora opens");
        let children = app
            .start_replicas(&settings, &own_executable())
            .await
            .expect("replicas start");
        demo::seed(&app.services).await.expect("the demo's data");
        let services = app.services.clone();
        let numbering = tokio::spawn(async move { services.order_log.clone().work(services).await });
        app.services.order_log.ready().await.expect("the log takes trades");
        let router = app.router(&settings, AnonymousAccess::Loopback, true);
        let mut works = works(&router, replicas).await;
        works.retain(|work| is_selected(bench, &work.name));
        Self {
            works,
            router,
            app,
            replicas: children,
            numbering,
            _folder: folder,
        }
    }

    /// Prints the figures, compares the sold shares with the answered requests, and ends the processes.
    async fn close(self) {
        let anonymous = Caller::anonymous(&self.router);
        let left = anonymous.ask(LEFT, json!({})).await["quantity"]
            .as_u64()
            .expect("shares");
        let answered: u64 = self.works.iter().map(|work| work.answered).sum();
        assert_eq!(LISTED - left, answered, "each answered request bought one share");
        for work in self.works {
            for (clients, (per_second, processor)) in CLIENTS.into_iter().zip(work.figures) {
                if per_second.is_empty() {
                    continue;
                }
                let (per_second, processor) = (median(per_second), median(processor));
                println!(
                    "  {:<20} {clients:>3} clients {per_second:>10.0} {processor:>10.1}",
                    work.name
                );
            }
        }
        self.numbering.abort();
        if let Some(replicas) = self.replicas {
            replicas.stop().await;
        }
        self.app.close().await.expect("a clean end");
    }
}

async fn works(router: &Router, replicas: u64) -> Vec<Work> {
    let ada = Caller::signed_in(router, "ada").await;
    let admin = Caller::signed_in(router, "admin").await;
    let stock = admin.ask(LIST, json!({})).await["id"].take();
    ada.ask(DEPOSIT, json!({})).await;
    let bodies = [
        (&admin, json!({ "query": TRADE })),
        (&ada, json!({ "query": ORDER, "variables": { "stock": stock } })),
    ];
    let works = WORKS.iter().zip(bodies);
    let work = works.map(|(work, (caller, body))| Work {
        name: name(work, replicas),
        caller: caller.clone(),
        body: body.to_string(),
        figures: Default::default(),
        answered: 0,
    });
    work.collect()
}

/// The result of a part of a round.
struct Cost {
    answered: u64,
    per_second: f64,
    processor_us: f64,
}

/// The length of a part of a round.
#[derive(Clone, Copy)]
struct Extent {
    time: Duration,
    /// The requests of each client; 0 for as many as there is time for.
    requests: u32,
}

impl Extent {
    fn of(bench: &Bench) -> Self {
        Self {
            time: bench.time(ROUND_TIME),
            requests: bench.times(0, 0),
        }
    }

    /// Whether a client that has this many answers continues.
    fn goes_on(self, begun: Instant, answered: u32) -> bool {
        if self.requests > 0 {
            answered < self.requests
        } else {
            begun.elapsed() < self.time
        }
    }
}

async fn run(caller: &Caller, body: &str, clients: usize, extent: Extent) -> Cost {
    let before = processor_ns();
    let begun = Instant::now();
    let clients = (0..clients).map(|_| {
        let (caller, body) = (caller.clone(), body.to_owned());
        tokio::spawn(async move {
            let mut answered = 0_u32;
            while extent.goes_on(begun, answered) {
                caller.send(body.clone()).await;
                answered += 1;
            }
            answered
        })
    });
    let mut answered = 0;
    for client in clients.collect::<Vec<_>>() {
        answered += client.await.expect("answers");
    }
    Cost {
        answered: answered.into(),
        per_second: f64::from(answered) / begun.elapsed().as_secs_f64(),
        processor_us: (processor_ns() - before) / 1_000.0 / f64::from(answered),
    }
}
