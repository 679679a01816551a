//! The cost of federation: the processor time of an operation over several subgraphs in one process, against the same resolvers
//! in ONE async-graphql schema; and the cost of planning.
//!
//! `cargo bench -p agora --bench federation`, in the target folder; `-- /dev/shm` for another place for the database.
//!
//! Processor time is the time that all threads of this process used (Linux: `schedstat`), so neither waiting nor the load of
//! other programs counts. The two alternate within a round, and the results are medians over the rounds.

#[path = "federation/cpu.rs"]
mod cpu;
#[path = "federation/memory.rs"]
mod memory;
#[path = "federation/on_sqlite.rs"]
mod on_sqlite;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use agora::domains;
use agora::limits::Limits;
use agora::subgraph::{RequestDocument, ResponseKind, Subgraph, SubgraphRequest};
use agora::supergraph::Supergraph;
use async_graphql::{Executor, Request, Variables};
use contract::{Role, Viewer};
use cpu::{median, processor_ns};

const SMALL: &str = "{ me { username inbox(first: 1) { nodes { contents } } } }";
const LIST: &str = "{ me { inbox(first: 20) { nodes { contents from { username } } } } }";
const ROUNDS: usize = 9;

type Subgraphs = HashMap<String, Arc<dyn Subgraph>>;

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = folder.map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        println!("resolvers that only hand out values: the cost of GraphQL alone");
        let (subgraphs, merged) = memory::graph();
        compare(&supergraph(subgraphs), &merged, 4_000).await;
        println!("\nthe domains on SQLite");
        let (subgraphs, merged, _on) = on_sqlite::graph(&folder).await;
        let supergraph = supergraph(subgraphs);
        compare(&supergraph, &merged, 600).await;
        println!("\nplanning");
        planning(&supergraph);
    });
}

/// Completes the subgraphs with placeholders for the domains that no query of this benchmark asks.
fn supergraph(mut subgraphs: Subgraphs) -> Supergraph {
    let (placeholders, _) = memory::graph();
    for domain in domains::DOMAINS {
        let placeholder = || Arc::clone(&placeholders["accounts"]);
        subgraphs.entry(domain.name.to_owned()).or_insert_with(placeholder);
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

async fn compare<E: Executor>(supergraph: &Supergraph, merged: &E, times: u32) {
    for (what, query) in [("me and one message", SMALL), ("20 messages and their senders", LIST)] {
        assert_eq!(
            sorted(&federated(supergraph, query).await),
            sorted(&single(merged, query).await),
            "both ways answer the same"
        );
        let mut rounds: [Vec<f64>; 2] = Default::default();
        for round in 0..=ROUNDS {
            let federated = time(times, || federated(supergraph, query)).await;
            let single = time(times, || single(merged, query)).await;
            // The first round warms up.
            if round > 0 {
                rounds[0].push(federated);
                rounds[1].push(single);
            }
        }
        let [federated, single] = rounds.map(median);
        println!(
            "  {what:<32} federated {federated:>8.1} µs   one schema {single:>8.1} µs   ratio {:.2}",
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

async fn single<E: Executor>(merged: &E, query: &str) -> Vec<u8> {
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

fn planning(supergraph: &Supergraph) {
    let times = 300_u32;
    for (what, query) in [("me and one message", SMALL), ("20 messages and their senders", LIST)] {
        let mut count = 0;
        let mut cold = Vec::new();
        let mut known = Vec::new();
        let mut cached = Vec::new();
        for _ in 0..ROUNDS {
            // A new alias makes every text and every operation new.
            cold.push(each(
                times,
                || {
                    count += 1;
                    query.replacen("me", &format!("m{count}: me"), 1)
                },
                supergraph,
            ));
            // A new comment makes the text new, while the operation is known.
            known.push(each(
                times,
                || {
                    count += 1;
                    format!("{query} # {count}")
                },
                supergraph,
            ));
            cached.push(each(times, || query.to_owned(), supergraph));
        }
        println!(
            "  {what:<32} cold {:>8.1} µs   new text of a known operation {:>8.1} µs   cached {:>6.2} µs",
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
