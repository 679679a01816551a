//! A router in front of four subgraphs behind HTTP: the processor time, the memory and the latency of one heavy query.
//!
//! `cargo bench -p agora --bench remote_router`; the arguments are those of [`Bench`], and the filter selects variants.
//!
//! The router is the program itself in a process of its own. The subgraphs and the clients are in this process, and repeat what they
//! have made once. The query (`remote_router/query.graphql`) goes over users, reviews, products and the inventory, with entities over
//! several hops. In one variant the router shares equal reads that are in flight, in the other it does not.

#[path = "remote_router/connection.rs"]
mod connection;
#[path = "remote_router/data.rs"]
mod data;
#[path = "remote_router/router.rs"]
mod router;
#[path = "remote_router/subgraphs.rs"]
mod subgraphs;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testing::bench::{Bench, median};
use tokio::task::JoinSet;

use self::connection::Connection;
use self::router::Router;

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The variants, and whether the router shares reads in flight.
const VARIANTS: [(&str, bool); 2] = [("no sharing", false), ("shared reads", true)];
const CONNECTIONS: usize = 50;
const ROUNDS: u32 = 5;
/// The length of a round.
const ROUND_TIME: Duration = Duration::from_secs(4);

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(run(&bench));
}

async fn run(bench: &Bench) {
    let folder = tempfile::tempdir_in(bench.folder()).expect("a folder");
    let mut subgraphs = Vec::new();
    for name in subgraphs::NAMES {
        subgraphs.push((name, subgraphs::start().await));
    }
    let body = json!({ "query": include_str!("remote_router/query.graphql") }).to_string();
    for (name, shares_reads) in VARIANTS {
        if !bench.selects(name) {
            continue;
        }
        let router = Router::start(folder.path(), &subgraphs, shares_reads);
        let answer_bytes = check(&router, &body).await;
        let mut rounds = Vec::new();
        for round in bench.rounds(ROUNDS) {
            round.record(&mut rounds, measure(bench, &router, &body, answer_bytes).await);
        }
        report(name, answer_bytes, &rounds, router.resident_mib_max());
    }
}

/// Compares the answer with the one that the data tell, and returns its length.
async fn check(router: &Router, body: &str) -> usize {
    let mut connection = Connection::open(router.address(), body).await;
    let answer = connection.ask().await;
    let parsed: Value = serde_json::from_slice(answer).expect("JSON");
    assert_eq!(parsed, data::expected_answer());
    answer.len()
}

/// The figures of one round.
struct Figures {
    processor_us: f64,
    requests_per_second: f64,
    /// The times of the requests in ascending order.
    times: Vec<Duration>,
}

/// Asks over all connections at once for the length of a round.
async fn measure(bench: &Bench, router: &Router, body: &str, answer_bytes: usize) -> Figures {
    let mut clients = JoinSet::new();
    let (begun, before) = (Instant::now(), router.processor_time());
    let end = begun + bench.time(ROUND_TIME);
    for _ in 0..bench.size(CONNECTIONS, 2) {
        let mut connection = Connection::open(router.address(), body).await;
        clients.spawn(async move {
            let mut times = Vec::new();
            while times.is_empty() || Instant::now() < end {
                let asked = Instant::now();
                assert_eq!(connection.ask().await.len(), answer_bytes, "every answer is the same");
                times.push(asked.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = clients.join_all().await.into_iter().flatten().collect();
    let (took, processor) = (begun.elapsed(), router.processor_time() - before);
    times.sort();
    let requests = times.len() as f64;
    Figures {
        processor_us: processor.as_secs_f64() * 1e6 / requests,
        requests_per_second: requests / took.as_secs_f64(),
        times,
    }
}

fn report(variant: &str, answer_bytes: usize, rounds: &[Figures], resident_mib: f64) {
    let median_of = |figure: &dyn Fn(&Figures) -> f64| median(rounds.iter().map(figure).collect());
    let percentile_ms = |percent: usize| {
        median_of(&|figures| figures.times[(figures.times.len() - 1) * percent / 100].as_secs_f64() * 1e3)
    };
    println!(
        "{variant:<13} {:>7.1} µs of processor time, {:>7.0} requests/s, p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, \
         {resident_mib:.1} MiB resident at most, {answer_bytes} bytes",
        median_of(&|figures| figures.processor_us),
        median_of(&|figures| figures.requests_per_second),
        percentile_ms(50),
        percentile_ms(95),
        percentile_ms(99),
    );
}
