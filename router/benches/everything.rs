//! The cost of one query to all nine domains, and of a feed of posts, against the same responses read with hand-written SQL.
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
use agora::gateway::Gateway;
use agora::subgraph::{RequestDocument, ResponseKind, SubgraphRequest};
use async_graphql::Variables;
use contract::{Role, SystemClock, Tx, Viewer};
use entities::post::{self, NewPost};
use testing::bench::{Bench, median, processor_ns};

use by_hand::ByHand;

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The names of the queries, and the queries.
const QUERIES: [(&str, &str); 2] = [
    ("all domains", include_str!("everything/query.graphql")),
    ("a feed of 20 posts", include_str!("everything/feed.graphql")),
];
/// The posts of the feed, beside those of the demo.
const POSTS: i64 = 100;
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
        add_posts(&app, &by_hand).await;
        let mut variants = variants(&bench);
        for variant in &variants {
            let (expected, query) = (by_hand.response(variant.query, ada), QUERIES[variant.query].1);
            assert_eq!(json(&asked(&app.gateway, query, ada).await), json(expected.as_bytes()));
        }
        let times = bench.times(TIMES, 2);
        for round in bench.rounds(ROUNDS) {
            for variant in &mut variants {
                let query = QUERIES[variant.query].1;
                let (start, before) = (Instant::now(), processor_ns());
                if variant.is_router {
                    ask_repeatedly(&app.gateway, query, ada, times).await;
                } else {
                    (0..times).for_each(|_| drop(by_hand.response(variant.query, ada)));
                }
                round.record(
                    &mut variant.processor,
                    (processor_ns() - before) / 1_000.0 / f64::from(times),
                );
                round.record(
                    &mut variant.took,
                    start.elapsed().as_secs_f64() * 1e6 / f64::from(times),
                );
            }
        }
        println!("{:<40} {:>12} {:>14}", "", "one, µs", "processor, µs");
        for variant in variants {
            let (took, processor) = (median(variant.took), median(variant.processor));
            println!("{:<40} {took:>12.1} {processor:>14.1}", variant.name);
        }
    });
}

/// One way to answer one of the queries.
struct Variant {
    name: String,
    /// The index of the query.
    query: usize,
    is_router: bool,
    /// The times and the processor times of a response, in µs.
    took: Vec<f64>,
    processor: Vec<f64>,
}

fn variants(bench: &Bench) -> Vec<Variant> {
    let mut variants = Vec::new();
    for (query, (name, _)) in QUERIES.into_iter().enumerate() {
        for (way, is_router) in [("the router", true), ("hand-written SQL", false)] {
            variants.push(Variant {
                name: format!("{name}, {way}"),
                query,
                is_router,
                took: Vec::new(),
                processor: Vec::new(),
            });
        }
    }
    variants.retain(|variant| bench.selects(&variant.name));
    variants
}

/// Adds posts of several people in several communities.
async fn add_posts(app: &App, by_hand: &ByHand) {
    let people = ["ada", "ben", "cleo", "dan"].map(|name| (name, by_hand.id_of(name)));
    let now_us = app.services.clock.now_us();
    let add = async move |tx: &Tx| {
        for (number, (name, id)) in (0..POSTS).zip(people.into_iter().cycle()) {
            let new = NewPost {
                title: format!("Post number {number}"),
                text: "A text of a sentence or two.".to_owned(),
                community: format!("Community {}", number % 7),
                url: None,
                username: name.to_owned(),
                author_id: Some(id),
                at_us: now_us + number,
            };
            post::add(tx, new, now_us).await?;
        }
        Ok(())
    };
    app.services.db.write(add).await.expect("posts");
}

/// Asks the router that often, in a task of the runtime, as the server's requests are.
async fn ask_repeatedly(gateway: &Gateway, query: &'static str, id: i64, times: u32) {
    let gateway = gateway.clone();
    let asking = tokio::spawn(async move {
        for _ in 0..times {
            drop(asked(&gateway, query, id).await);
        }
    });
    asking.await.expect("answers");
}

async fn asked(gateway: &Gateway, query: &str, id: i64) -> Vec<u8> {
    let answer = gateway.graph.fetch(SubgraphRequest {
        document: RequestDocument::Text(query.into()),
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
fn json(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).expect("JSON")
}
