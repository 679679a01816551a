//! The cost of a look-up of a stock by its name, from the HTTP request to the HTTP response, against a minimal axum handler.
//!
//! `cargo bench -p agora --bench lookups`; the arguments are those of [`Bench`].
//!
//! The first figures are the processor time of a request without a socket (the router is called directly). The second are
//! requests per second over loopback connections that are kept alive, with a client in the same process that only looks for the
//! end of a response. The variants alternate within a round, and the results are medians over the rounds. The benchmark compares
//! the responses first.
//!
//! The parts about telemetry compare cached look-ups without metrics, with metrics, and with traces of 1 % of the requests, whose
//! spans a collector in the same process receives.
//!
//! The filter selects by the part and the variant together: `"in process: G"`, `"over HTTP: REST"`, `"telemetry"`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agora::app::App;
use agora::config::Settings;
use agora::demo;
use agora::rest_access::AnonymousAccess;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use axum::{Json, Router};
use contract::SystemClock;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use testing::bench::{Bench, median, processor_ns};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: u32 = 7;
const TIMES: u32 = 5_000;
const CLIENTS: usize = 16;
const ROUND_TIME: Duration = Duration::from_millis(500);
const QUERY: &str = "query($name: String!) { stock(name: $name) { name price quantity } }";
const REST: &str = "/bazaar/stocks/GameStart";

/// One way to look a stock up.
struct Variant {
    name: &'static str,
    router: Router,
    method: &'static str,
    path: &'static str,
    body: String,
    /// Whether the meters of the metrics record.
    has_metrics: bool,
    figures: Vec<f64>,
}

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (on, _with) = open(bench.folder(), |_| {}).await;
        let (off, _without) = open(bench.folder(), |settings| settings.limits.cache_enabled = false).await;
        let collector = start_collector().await;
        compare_responses(&on, &off).await;
        let selected = |part: &str| {
            let mut variants = variants(&on, &off);
            variants.retain(|variant| bench.selects(&format!("{part}: {}", variant.name)));
            variants
        };
        println!("in process: processor time of a request, in µs, and its share of the first");
        in_process(&bench, selected("in process")).await;
        println!("\nover HTTP: requests a second over {CLIENTS} connections, and the share of the first");
        over_sockets(&bench, selected("over HTTP")).await;
        let (traced, _traced) = open(bench.folder(), |settings| {
            settings.telemetry.otlp_endpoint = collector;
        })
        .await;
        let telemetry = |part: &str| {
            let mut variants = telemetry_variants(&on, &traced);
            variants.retain(|variant| bench.selects(&format!("{part}: {}", variant.name)));
            variants
        };
        println!("\ntelemetry in process: as in process, and the share of the first");
        in_process(&bench, telemetry("telemetry in process")).await;
        println!("\ntelemetry over HTTP: as over HTTP, and the share of the first");
        over_sockets(&bench, telemetry("telemetry over HTTP")).await;
    });
}

fn graphql_body() -> String {
    json!({ "query": QUERY, "variables": { "name": "GameStart" } }).to_string()
}

fn variants(on: &Router, off: &Router) -> Vec<Variant> {
    let variant = |name, router: &Router, method, path, body: &str| Variant {
        name,
        router: router.clone(),
        method,
        path,
        body: body.to_owned(),
        has_metrics: true,
        figures: Vec::new(),
    };
    let graphql = graphql_body();
    vec![
        variant(
            "axum alone, JSON of a struct",
            &axum_alone(),
            "GET",
            "/bare/GameStart",
            "",
        ),
        variant("GraphQL, cached", on, "POST", "/graphql", &graphql),
        variant("GraphQL, not cached", off, "POST", "/graphql", &graphql),
        variant("REST, cached", on, "GET", REST, ""),
        variant("REST, not cached", off, "GET", REST, ""),
        variant("GET /health", on, "GET", "/health", ""),
    ]
}

/// Returns cached look-ups without metrics, with metrics, and with traces of the default share of requests.
fn telemetry_variants(on: &Router, traced: &Router) -> Vec<Variant> {
    let graphql = graphql_body();
    let variant = |name, router: &Router, has_metrics| Variant {
        name,
        router: router.clone(),
        method: "POST",
        path: "/graphql",
        body: graphql.clone(),
        has_metrics,
        figures: Vec::new(),
    };
    vec![
        variant("GraphQL, cached, no metrics", on, false),
        variant("GraphQL, cached, metrics", on, true),
        variant("GraphQL, cached, metrics, traces", traced, true),
    ]
}

/// Starts a collector of traces that reads them and keeps nothing. Its work counts as the server's.
async fn start_collector() -> String {
    let router = Router::new().route("/v1/traces", axum::routing::post(async |_: bytes::Bytes| ""));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Measures and prints the processor time of a request to each variant.
async fn in_process(bench: &Bench, mut variants: Vec<Variant>) {
    let times = bench.times(TIMES, 10);
    for round in bench.rounds(ROUNDS) {
        for variant in &mut variants {
            meters::set_recording(variant.has_metrics);
            let figure = processor_us(variant, times).await;
            round.record(&mut variant.figures, figure);
        }
    }
    print(&mut variants, |least, figure| figure / least);
}

/// Measures and prints the requests a second to each variant.
async fn over_sockets(bench: &Bench, mut variants: Vec<Variant>) {
    let time = bench.time(ROUND_TIME);
    for round in bench.rounds(ROUNDS) {
        for variant in &mut variants {
            meters::set_recording(variant.has_metrics);
            let figure = over_http(variant, time).await;
            round.record(&mut variant.figures, figure);
        }
    }
    print(&mut variants, |most, figure| figure / most);
}

/// Compares the responses with and without the cache, for the first request and the second, over GraphQL and REST.
async fn compare_responses(on: &Router, off: &Router) {
    let expected = json!({ "data": { "stock": { "name": "GameStart", "price": { "amount": "15.99", "currency": "USD" }, "quantity": 100 } } });
    let mut rest = None;
    for router in [on, on, off, off] {
        let body: Value = json_of(router, "POST", "/graphql", &graphql_body()).await;
        assert_eq!(body, expected);
        let body = json_of(router, "GET", REST, "").await;
        assert_eq!(body["data"]["name"], "GameStart", "{body}");
        assert_eq!(*rest.get_or_insert(body.clone()), body);
    }
}

async fn json_of(router: &Router, method: &str, path: &str, body: &str) -> Value {
    serde_json::from_slice(&response(router, method, path, body.to_owned()).await).expect("JSON")
}

fn print(variants: &mut [Variant], share: impl Fn(f64, f64) -> f64) {
    let medians: Vec<_> = variants
        .iter_mut()
        .map(|variant| median(std::mem::take(&mut variant.figures)))
        .collect();
    for (variant, figure) in variants.iter().zip(&medians) {
        println!(
            "  {:<32} {figure:>10.2}   {:.3}",
            variant.name,
            share(medians[0], *figure)
        );
    }
}

/// Returns the minimal handler: it serializes a stock without a look-up.
fn axum_alone() -> Router {
    #[derive(serde::Serialize)]
    struct StockResponse {
        data: Stock,
    }
    #[derive(serde::Serialize)]
    struct Stock {
        name: String,
        price: f64,
        quantity: i64,
    }
    let stock = async |axum::extract::Path(name): axum::extract::Path<String>| {
        let (price, quantity) = (15.99, 100);
        Json(StockResponse {
            data: Stock { name, price, quantity },
        })
    };
    Router::new().route("/bare/{name}", get(stock))
}

async fn open(folder: &Path, change: impl FnOnce(&mut Settings)) -> (Router, (App, tempfile::TempDir)) {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let mut settings = Settings::default();
    settings.server.data = folder.path().join("data");
    change(&mut settings);
    let app = App::open(&settings, Arc::new(SystemClock)).await.expect("Agora opens");
    demo::seed(&app.services).await.expect("stocks");
    (app.router(&settings, AnonymousAccess::Loopback, true), (app, folder))
}

/// Returns the processor time of one of that many requests.
async fn processor_us(variant: &Variant, times: u32) -> f64 {
    let router = variant.router.clone();
    let (method, path, body) = (variant.method, variant.path, variant.body.clone());
    let before = processor_ns();
    let run = tokio::spawn(async move {
        for _ in 0..times {
            response(&router, method, path, body.clone()).await;
        }
    });
    run.await.expect("responses");
    (processor_ns() - before) / 1_000.0 / f64::from(times)
}

/// Returns the body of the response of the router, which is called without a socket.
async fn response(router: &Router, method: &str, path: &str, body: String) -> bytes::Bytes {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Body::from(body))
        .expect("a request");
    let response = router.clone().oneshot(request).await.expect("a response");
    assert!(response.status().is_success());
    response.into_body().collect().await.expect("a body").to_bytes()
}

/// Returns the responses per second over several connections.
async fn over_http(variant: &Variant, time: Duration) -> f64 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = variant.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let (method, path, body) = (variant.method, variant.path, &variant.body);
    let length = body.len();
    let request: Arc<str> = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into();
    let until = Instant::now() + time;
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
    f64::from(answered) / time.as_secs_f64()
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
