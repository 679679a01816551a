//! The engine and this crate alone: the processor time of one heavy query over four subgraphs behind HTTP, without a client's socket.
//!
//! `cargo bench -p remote --bench heavy_query`; the arguments are those of `Bench`, and the filter selects variants.
//!
//! The subgraphs, the query and the expected answer are those of the bench `remote_router`. The subgraphs run on threads of their own,
//! whose time does not count. With values, the answers of the subgraphs become trees of values, as those of a subgraph in the same
//! process are. With tapes, their texts are copied into the answer. With shared reads, equal reads in flight share a request and a tape.

#[path = "../../../subgraphs/testing/src/bench.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod bench;
#[path = "../../benches/remote_router/data.rs"]
mod data;
#[path = "../../benches/remote_router/subgraphs.rs"]
mod subgraphs;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Variables;
use engine::limits::Limits;
use engine::subgraph::{Caller, RequestDocument, Subgraph, SubgraphRequest, SubgraphResponse};
use engine::supergraph::Supergraph;
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::BoxStream;
use remote::{NoHeaders, RemoteSettings, RemoteSubgraph};
use tokio::runtime::Builder;

use self::bench::{Bench, median};

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const QUERY: &str = include_str!("../../benches/remote_router/query.graphql");
const SUPERGRAPH: &str = include_str!("../../benches/remote_router/supergraph.graphql");
/// The name of the threads of the subgraphs.
const SUBGRAPH_THREAD: &str = "subgraphs";
/// The requests at a time.
const CONCURRENT: usize = 50;
const ROUNDS: u32 = 9;
const TIMES: u32 = 20;

/// The variants: their names, whether answers are on tapes, and whether reads in flight are shared.
const VARIANTS: [(&str, bool, bool); 3] = [
    ("values", false, false),
    ("tapes", true, false),
    ("tapes, shared reads", true, true),
];

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let servers = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(SUBGRAPH_THREAD)
        .enable_all()
        .build()
        .expect("a runtime");
    let urls = subgraphs::NAMES.map(|name| {
        let url = servers.block_on(async { servers.spawn(subgraphs::start()).await.expect("a subgraph") });
        (name, url)
    });
    let router = Builder::new_current_thread().enable_all().build().expect("a runtime");
    router.block_on(run(&bench, &urls));
}

async fn run(bench: &Bench, urls: &[(&str, String)]) {
    let variants = VARIANTS.into_iter().filter(|(name, ..)| bench.selects(name));
    let mut variants: Vec<_> = variants
        .map(|(name, has_tapes, shares_reads)| (name, supergraph(urls, has_tapes, shares_reads), Vec::new()))
        .collect();
    for (name, supergraph, _) in &variants {
        let answer: serde_json::Value = serde_json::from_slice(&ask(supergraph).await).expect("JSON");
        assert_eq!(answer, data::expected_answer(), "{name}");
    }
    let times = bench.times(TIMES, 1);
    let concurrent = bench.size(CONCURRENT, 2);
    for round in bench.rounds(ROUNDS) {
        for (_, supergraph, figures) in &mut variants {
            let before = router_us();
            for _ in 0..times {
                join_all((0..concurrent).map(|_| ask(supergraph))).await;
            }
            round.record(figures, (router_us() - before) / f64::from(times) / concurrent as f64);
        }
    }
    for (name, _, figures) in variants {
        println!("{name:<20} {:>7.1} µs of processor time", median(figures));
    }
}

fn supergraph(urls: &[(&str, String)], has_tapes: bool, shares_reads: bool) -> Supergraph {
    let settings = Arc::new(RemoteSettings {
        subgraph_share_reads: shares_reads,
        ..RemoteSettings::default()
    });
    let open = |(name, url): &(&str, String)| {
        let url = url.parse().expect("an address");
        let subgraph = RemoteSubgraph::new(name, url, Arc::clone(&settings), Arc::new(NoHeaders)).expect("a subgraph");
        let subgraph: Arc<dyn Subgraph> = if has_tapes {
            Arc::new(subgraph)
        } else {
            Arc::new(WithValues(subgraph))
        };
        ((*name).to_owned(), subgraph)
    };
    let subgraphs: HashMap<_, _> = urls.iter().map(open).collect();
    Supergraph::new(SUPERGRAPH, &[], subgraphs, Arc::new(Limits::default())).expect("a supergraph")
}

/// A subgraph whose answers are values.
struct WithValues(RemoteSubgraph);

impl Subgraph for WithValues {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        self.0.fetch(request)
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        self.0.subscribe(request)
    }
}

async fn ask(supergraph: &Supergraph) -> Vec<u8> {
    let request = SubgraphRequest {
        document: RequestDocument::Text(QUERY.into()),
        operation_name: None,
        variables: Variables::default(),
        caller: Caller::anonymous(),
        request_id: "bench".into(),
        budget: None,
    };
    supergraph.fetch(request).await.into_encoded().body.into()
}

/// Returns the processor time of all threads but those of the subgraphs, in microseconds (Linux: `schedstat`).
fn router_us() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_router = threads.filter(|thread| {
        let name = std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        name.trim() != SUBGRAPH_THREAD
    });
    let stats = of_router.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    let times = stats.filter_map(|stat| stat.split(' ').next()?.parse::<f64>().ok());
    times.sum::<f64>() / 1_000.0
}
