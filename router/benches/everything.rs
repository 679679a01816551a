//! The cost of one query to all nine domains, against the same response read with hand-written SQL.
//!
//! `cargo bench -p agora --bench everything`; the arguments are those of [`Bench`].
//!
//! Both run without a socket: the router from the text of the request to the bytes of the response, with an empty cache (every
//! query reads the database); the SQL with prepared statements on one connection in the calling thread, up to the same bytes. The
//! benchmark compares the responses first. The two alternate within a round, and the results are medians over the rounds.

#[path = "everything/by_hand.rs"]
mod by_hand;

use std::sync::Arc;
use std::time::Instant;

use agora::app::App;
use agora::config::Settings;
use agora::demo;
use agora::subgraph::{RequestDocument, ResponseKind, SubgraphRequest};
use async_graphql::Variables;
use contract::{Role, SystemClock, Viewer};
use testing::bench::{Bench, median, processor_ns};

use by_hand::ByHand;

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const QUERY: &str = include_str!("everything/query.graphql");
const ROUNDS: u32 = 9;
const TIMES: u32 = 500;

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let folder = tempfile::tempdir_in(bench.folder()).expect("a folder");
    let mut settings = Settings::default();
    settings.server.data = folder.path().join("data");
    settings.limits.cache_enabled = false;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let app = App::open(&settings, Arc::new(SystemClock)).await.expect("Agora opens");
        demo::seed(&app.services).await.expect("the demo's data");
        let by_hand = ByHand::open(&settings.server.data.join("agora.db"));
        let ada = by_hand.id_of("ada");
        assert_eq!(text(&asked(&app, ada).await), text(by_hand.everything(ada).as_bytes()));

        let names = ["the router", "hand-written SQL"];
        let mut variants = names.map(|name| (name, Vec::new(), Vec::new()));
        let times = bench.times(TIMES, 2);
        for round in bench.rounds(ROUNDS) {
            for (name, took, processor) in &mut variants {
                if !bench.selects(name) {
                    continue;
                }
                let (start, before) = (Instant::now(), processor_ns());
                for _ in 0..times {
                    if *name == names[0] {
                        drop(asked(&app, ada).await);
                    } else {
                        drop(by_hand.everything(ada));
                    }
                }
                round.record(processor, (processor_ns() - before) / 1_000.0 / f64::from(times));
                round.record(took, start.elapsed().as_secs_f64() * 1e6 / f64::from(times));
            }
        }
        println!("{:<20} {:>12} {:>14}", "", "one, µs", "processor, µs");
        for (name, took, processor) in variants.into_iter().filter(|(name, ..)| bench.selects(name)) {
            println!("{name:<20} {:>12.1} {:>14.1}", median(took), median(processor));
        }
    });
}

async fn asked(app: &App, id: i64) -> Vec<u8> {
    let answer = app.gateway.graph.fetch(SubgraphRequest {
        document: RequestDocument::Text(QUERY.into()),
        operation_name: None,
        variables: Variables::default(),
        caller: agora::in_process::caller(
            Viewer::User {
                id,
                role: Role::Investor,
                admin: false,
            },
            None,
        ),
        request_id: "bench".into(),
        budget: None,
    });
    let answer = answer.await.into_encoded();
    assert!(matches!(answer.kind, ResponseKind::Data), "an answer");
    answer.body.to_vec()
}

/// Parses a response, because its members may come in any order.
fn text(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).expect("JSON")
}
