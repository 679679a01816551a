//! The cost of a lookup of a stock by its name, from the HTTP request to the HTTP response, against a minimal axum handler.
//!
//! `cargo bench -p agora --bench lookups`; `-- /dev/shm` for another place for the database.
//!
//! The first figures are the processor time of a request without a socket (the router is called directly). The second are
//! requests per second over loopback connections that are kept alive, with a client in the same process that only looks for the
//! end of a response. The variants alternate within a round, and the results are medians over the rounds.

#[path = "federation/cpu.rs"]
mod cpu;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agora::app::App;
use agora::config::Settings;
use agora::demo;
use agora::rest_access::AnonymousAccess;
use axum::body::Body;
use axum::extract::Path;
use axum::http::Request;
use axum::routing::get;
use axum::{Json, Router};
use contract::SystemClock;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;

use cpu::{median, processor_ns};

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;
const TIMES: u32 = 5_000;
const CLIENTS: usize = 16;
const ROUND_TIME: Duration = Duration::from_millis(500);
const QUERY: &str = "query($name: String!) { stock(name: $name) { name price quantity } }";
const REST: &str = "/bazaar/stocks/GameStart";

/// A way to look a stock up.
struct Way {
    name: &'static str,
    router: Router,
    method: &'static str,
    path: &'static str,
    body: String,
    rounds: Vec<f64>,
}

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = folder.map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (on, _with) = open(&folder, true).await;
        let (off, _without) = open(&folder, false).await;
        let graphql = json!({ "query": QUERY, "variables": { "name": "GameStart" } }).to_string();
        let way = |name, router: &Router, method, path, body: &str| Way {
            name,
            router: router.clone(),
            method,
            path,
            body: body.to_owned(),
            rounds: Vec::new(),
        };
        let mut ways = [
            way("axum alone, JSON of a struct", &bare(), "GET", "/bare/GameStart", ""),
            way("GraphQL, remembered", &on, "POST", "/graphql", &graphql),
            way("GraphQL, asked every time", &off, "POST", "/graphql", &graphql),
            way("REST, remembered", &on, "GET", REST, ""),
            way("REST, asked every time", &off, "GET", REST, ""),
            way("the least of the router", &on, "GET", "/health", ""),
        ];
        println!("processor time of a request, in µs, and its share of axum alone");
        for round in 0..=ROUNDS {
            for way in &mut ways {
                let took = called(way).await;
                if round > 0 {
                    way.rounds.push(took);
                }
            }
        }
        show(&mut ways, |least, is| is / least);
        println!("\nrequests a second over {CLIENTS} connections, and the share of what axum alone gives");
        for round in 0..=ROUNDS {
            for way in &mut ways {
                let per_second = over_http(way).await;
                if round > 0 {
                    way.rounds.push(per_second);
                }
            }
        }
        show(&mut ways, |most, is| is / most);
    });
}

fn show(ways: &mut [Way], share: impl Fn(f64, f64) -> f64) {
    let medians: Vec<_> = ways
        .iter_mut()
        .map(|way| median(std::mem::take(&mut way.rounds)))
        .collect();
    for (way, is) in ways.iter().zip(&medians) {
        println!("  {:<32} {is:>10.1}   {:.2}", way.name, share(medians[0], *is));
    }
}

/// Returns the minimal handler: it serializes a stock without a lookup.
fn bare() -> Router {
    #[derive(serde::Serialize)]
    struct Shown {
        data: Stock,
    }
    #[derive(serde::Serialize)]
    struct Stock {
        name: String,
        price: f64,
        quantity: i64,
    }
    let stock = async |Path(name): Path<String>| {
        let (price, quantity) = (15.99, 100);
        Json(Shown {
            data: Stock { name, price, quantity },
        })
    };
    Router::new().route("/bare/{name}", get(stock))
}

async fn open(folder: &std::path::Path, cache_enabled: bool) -> (Router, (App, tempfile::TempDir)) {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let mut settings = Settings::default();
    settings.server.data = folder.path().join("data");
    settings.limits.cache_enabled = cache_enabled;
    let app = App::open(&settings, Arc::new(SystemClock)).await.expect("Agora opens");
    demo::seed(&app.services).await.expect("stocks");
    (app.router(&settings, AnonymousAccess::Loopback, true), (app, folder))
}

async fn called(way: &Way) -> f64 {
    let router = way.router.clone();
    let (method, path, body) = (way.method, way.path, way.body.clone());
    let before = processor_ns();
    let run = tokio::spawn(async move {
        for _ in 0..TIMES {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", "localhost")
                .header("content-type", "application/json")
                .body(Body::from(body.clone()))
                .expect("a request");
            let response = router.clone().oneshot(request).await.expect("an answer");
            assert!(response.status().is_success());
            response.into_body().collect().await.expect("a body");
        }
    });
    run.await.expect("answers");
    (processor_ns() - before) / 1_000.0 / f64::from(TIMES)
}

async fn over_http(way: &Way) -> f64 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = way.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let (method, path, body) = (way.method, way.path, &way.body);
    let length = body.len();
    let request: Arc<str> = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into();
    let until = Instant::now() + ROUND_TIME;
    let clients = (0..CLIENTS).map(|_| {
        let request = request.clone();
        tokio::spawn(async move {
            let mut connection = TcpStream::connect(address).await.expect("a connection");
            connection.set_nodelay(true).expect("a socket");
            let mut answer = Vec::with_capacity(4_096);
            let mut answered = 0_u32;
            while Instant::now() < until {
                connection.write_all(request.as_bytes()).await.expect("sent");
                answer.clear();
                while !is_whole(&answer) {
                    assert!(connection.read_buf(&mut answer).await.expect("read") > 0);
                }
                assert!(
                    answer.starts_with(b"HTTP/1.1 200"),
                    "{}",
                    String::from_utf8_lossy(&answer)
                );
                answered += 1;
            }
            answered
        })
    });
    let mut answered = 0;
    for client in clients.collect::<Vec<_>>() {
        answered += client.await.expect("answers");
    }
    server.abort();
    f64::from(answered) / ROUND_TIME.as_secs_f64()
}

/// Whether the response is complete, by its `content-length`.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let text = std::str::from_utf8(&answer[..head]).expect("a head is ASCII");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).expect("a length");
    answer.len() >= head + 4 + length
}
