//! The cost of a durable trade and of a durable order of the brokerage, from the GraphQL request to its response.
//!
//! `cargo bench -p agora --bench trading`; `-- /dev/shm` for another place for the database.
//!
//! Three ways to number trades alternate: the table of the database, one replica of the order log, and three replicas. Each
//! replica is a process of its own with its own file; the process runs this program again.
//!
//! The router runs without a socket. The measurement contains authentication, limits, validation, planning, subgraph,
//! transaction, commit, invalidation and rendering. Each response comes after its commit is on the disk. The numbers of clients
//! alternate within a round, and the results are medians over the rounds.

#[path = "federation/cpu.rs"]
mod cpu;

use std::path::{Path, PathBuf};
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
use tokio::task::JoinHandle;
use tower::ServiceExt;

use cpu::{median, processor_ns};

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const ROUND_TIME: Duration = Duration::from_secs(1);
const CLIENTS: [usize; 4] = [1, 5, 16, 64];
/// Numbers of replicas; with 0, the log is a table.
const REPLICAS: [u64; 3] = [0, 1, 3];

const DEPOSIT: &str = "mutation { it: deposit(amount: { amount: \"1000000000000.00\" }) { id } }";
const LIST: &str =
    "mutation { it: listStock(input: { name: \"Bench\", price: { amount: \"0.01\" }, quantity: 2147483647 }) { id } }";
const TRADE: &str = "mutation { it: trade(stock: \"Bench\", side: BUY, quantity: 1) { number } }";
const ORDER: &str = "mutation($stock: ID!) { it: placeOrder(input: { side: BUY, stock: $stock, quantity: 1 }) { id status exchangeOrder { number } } }";

/// A caller of the router.
#[derive(Clone)]
struct Caller {
    router: Router,
    token: Arc<str>,
}

impl Caller {
    async fn signed_in(router: &Router, login: &str) -> Self {
        let anonymous = Self {
            router: router.clone(),
            token: "".into(),
        };
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
    rounds: [(Vec<f64>, Vec<f64>); CLIENTS.len()],
}

fn main() {
    if std::env::args()
        .nth(1)
        .is_some_and(|command| command == "order-replica")
    {
        agora::cli::main_with(std::env::args_os());
        return;
    }
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = folder.map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (mut works, mut opened) = (Vec::new(), Vec::new());
        for replicas in REPLICAS {
            let open = Open::new(&folder, replicas).await;
            works.extend(open.works(replicas).await);
            opened.push(open);
        }
        for round in 0..=ROUNDS {
            for work in &mut works {
                for (place, clients) in CLIENTS.into_iter().enumerate() {
                    let (per_second, processor) = run(&work.caller, &work.body, clients).await;
                    if round > 0 {
                        work.rounds[place].0.push(per_second);
                        work.rounds[place].1.push(processor);
                    }
                }
            }
        }
        println!("durable, a second, and the processor time of one in µs, without the replicas' own");
        for work in works {
            for (clients, (per_second, processor)) in CLIENTS.into_iter().zip(work.rounds) {
                let (per_second, processor) = (median(per_second), median(processor));
                println!(
                    "  {:<20} {clients:>3} clients {per_second:>10.0} {processor:>10.1}",
                    work.name
                );
            }
        }
        for open in opened {
            open.close().await;
        }
    });
}

/// Agora, running in a folder of its own.
struct Open {
    router: Router,
    app: App,
    replicas: Option<ReplicaProcesses>,
    numbering: JoinHandle<contract::Result<()>>,
    _folder: tempfile::TempDir,
}

impl Open {
    async fn new(folder: &Path, replicas: u64) -> Self {
        let folder = tempfile::tempdir_in(folder).expect("a folder");
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
        Self {
            router: app.router(&settings, AnonymousAccess::Loopback, true),
            app,
            replicas: children,
            numbering,
            _folder: folder,
        }
    }

    async fn works(&self, replicas: u64) -> [Work; 2] {
        let ada = Caller::signed_in(&self.router, "ada").await;
        let admin = Caller::signed_in(&self.router, "admin").await;
        let stock = admin.ask(LIST, json!({})).await["id"].take();
        ada.ask(DEPOSIT, json!({})).await;
        let log = match replicas {
            0 => "a table".to_owned(),
            1 => "1 replica".to_owned(),
            several => format!("{several} replicas"),
        };
        let work = |name, caller: &Caller, body: Value| Work {
            name: format!("{name}, {log}"),
            caller: caller.clone(),
            body: body.to_string(),
            rounds: Default::default(),
        };
        [
            work("trades", &admin, json!({ "query": TRADE })),
            work(
                "orders",
                &ada,
                json!({ "query": ORDER, "variables": { "stock": stock } }),
            ),
        ]
    }

    async fn close(self) {
        self.numbering.abort();
        if let Some(replicas) = self.replicas {
            replicas.stop().await;
        }
        self.app.close().await.expect("a clean end");
    }
}

async fn run(caller: &Caller, body: &str, clients: usize) -> (f64, f64) {
    let before = processor_ns();
    let begun = Instant::now();
    let until = begun + ROUND_TIME;
    let clients = (0..clients).map(|_| {
        let (caller, body) = (caller.clone(), body.to_owned());
        tokio::spawn(async move {
            let mut done = 0_u32;
            while Instant::now() < until {
                caller.send(body.clone()).await;
                done += 1;
            }
            done
        })
    });
    let mut done = 0;
    for client in clients.collect::<Vec<_>>() {
        done += client.await.expect("answers");
    }
    let done = f64::from(done);
    (
        done / begun.elapsed().as_secs_f64(),
        (processor_ns() - before) / 1_000.0 / done,
    )
}
