//! The cost of federation: the processor time of an operation over several subgraphs in one process, against the same resolvers
//! in ONE async-graphql schema; and the cost of planning.
//!
//! `cargo bench -p agora --bench federation`; the arguments are those of [`Bench`], and the filter selects operations.
//!
//! The benchmark compares the responses first. The two alternate within a round, and the results are medians over the rounds.

#[path = "federation/memory.rs"]
mod memory;
#[path = "federation/on_sqlite.rs"]
mod on_sqlite;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use agora::domains;
use agora::limits::Limits;
use agora::subgraph::{RequestDocument, ResponseKind, Subgraph, SubgraphRequest};
use agora::supergraph::Supergraph;
use async_graphql::{Request, Variables};
use contract::{DomainSchema, Role, Viewer};
use testing::bench::{Bench, median, processor_ns};

/// The operations with their names.
const OPERATIONS: [(&str, &str); 2] = [
    (
        "me and one message",
        "{ me { username inbox(first: 1) { nodes { contents } } } }",
    ),
    (
        "20 messages and their senders",
        "{ me { inbox(first: 20) { nodes { contents from { username } } } } }",
    ),
];
const ROUNDS: u32 = 9;

type Subgraphs = HashMap<String, Arc<dyn Subgraph>>;

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        println!("resolvers that return constant values: the cost of GraphQL alone");
        let (subgraphs, merged) = memory::graph();
        compare(&bench, &supergraph(subgraphs), &merged, 4_000).await;
        println!("\nthe domains on SQLite");
        let (subgraphs, merged, _services) = on_sqlite::graph(bench.folder()).await;
        let supergraph = supergraph(subgraphs);
        compare(&bench, &supergraph, &merged, 600).await;
        println!("\nplanning");
        planning(&bench, &supergraph);
    });
}

/// Completes the subgraphs with placeholders for the domains that no query of this benchmark asks.
fn supergraph(mut subgraphs: Subgraphs) -> Supergraph {
    let (placeholders, _) = memory::graph();
    for (name, _) in domains::sdls() {
        let placeholder = || Arc::clone(&placeholders["accounts"]);
        subgraphs.entry(name.to_owned()).or_insert_with(placeholder);
    }
    Supergraph::new(
        domains::SUPERGRAPH_SDL,
        &contract::SCALARS,
        subgraphs,
        Arc::new(Limits::default()),
    )
    .expect("a supergraph")
}

fn viewer() -> Viewer {
    Viewer::User {
        id: 1,
        role: Role::Member,
        admin: false,
    }
}

fn selected(bench: &Bench) -> impl Iterator<Item = (&'static str, &'static str)> {
    OPERATIONS.into_iter().filter(|(name, _)| bench.selects(name))
}

async fn compare(bench: &Bench, supergraph: &Supergraph, merged: &DomainSchema, times: u32) {
    let times = bench.times(times, 5);
    for (name, query) in selected(bench) {
        assert_eq!(
            sorted(&federated(supergraph, query).await),
            sorted(&single(merged, query).await),
            "both ways answer the same"
        );
        let mut figures: [Vec<f64>; 2] = Default::default();
        for round in bench.rounds(ROUNDS) {
            round.record(&mut figures[0], time(times, || federated(supergraph, query)).await);
            round.record(&mut figures[1], time(times, || single(merged, query)).await);
        }
        let [federated, single] = figures.map(median);
        println!(
            "  {name:<32} federated {federated:>8.1} µs   one schema {single:>8.1} µs   ratio {:.2}",
            federated / single
        );
    }
}

async fn federated(supergraph: &Supergraph, query: &str) -> Vec<u8> {
    let request = SubgraphRequest {
        document: RequestDocument::Text(query.into()),
        operation_name: None,
        variables: Variables::default(),
        caller: agora::in_process::caller(viewer(), None),
        request_id: "bench".into(),
        budget: None,
    };
    let answer = supergraph.fetch(request).await.into_encoded();
    assert_eq!(answer.kind, ResponseKind::Data);
    answer.body.into()
}

async fn single(merged: &DomainSchema, query: &str) -> Vec<u8> {
    let response = merged.execute(Request::new(query).data(viewer())).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    serde_json::to_vec(&response).expect("JSON")
}

/// Parses a response: a single schema returns fields in the order in which they are ready, and the comparison ignores the order.
fn sorted(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).expect("JSON")
}

/// Returns the processor time of one run, in microseconds.
async fn time<F: Future>(times: u32, mut run: impl FnMut() -> F) -> f64 {
    let before = processor_ns();
    for _ in 0..times {
        run().await;
    }
    (processor_ns() - before) / 1_000.0 / f64::from(times)
}

fn planning(bench: &Bench, supergraph: &Supergraph) {
    let times = bench.times(300, 3);
    let mut count = 0;
    for (name, query) in selected(bench) {
        let (mut cold, mut known, mut cached) = (Vec::new(), Vec::new(), Vec::new());
        for round in bench.rounds(ROUNDS) {
            let mut count = || {
                count += 1;
                count
            };
            // A new alias makes every text and every operation new.
            let new = || query.replacen("me", &format!("m{}: me", count()), 1);
            round.record(&mut cold, each(times, new, supergraph));
            // A new comment makes the text new, while the operation is known.
            let commented = || format!("{query} # {}", count());
            round.record(&mut known, each(times, commented, supergraph));
            round.record(&mut cached, each(times, || query.to_owned(), supergraph));
        }
        println!(
            "  {name:<32} cold {:>8.1} µs   new text of a known operation {:>8.1} µs   cached {:>6.2} µs",
            median(cold),
            median(known),
            median(cached)
        );
    }
}

fn each(times: u32, mut query: impl FnMut() -> String, supergraph: &Supergraph) -> f64 {
    let queries: Vec<_> = (0..times).map(|_| query()).collect();
    let before = Instant::now();
    for query in &queries {
        supergraph.check_operation(query).expect("a valid operation");
    }
    before.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}
