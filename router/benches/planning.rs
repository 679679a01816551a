//! The cost of planning: cold by its parts, found in the cache, and refused.
//!
//! `cargo bench -p engine --bench planning`; the arguments are those of [`Bench`]: `--filter` selects lines, `--times` is the number of
//! operations in a round. Each figure is the lowest of the rounds' medians, because other programs only add to a time.
//!
//! The supergraphs are our own, a shop of four subgraphs, and some whose search for a plan is as long as its size allows
//! (`planning/adversaries.rs`). The bench fails when an operation has no plan or two different ones, and when an adversary is neither
//! planned nor refused with `QUERY_TOO_COMPLEX`.

#[path = "planning/adversaries.rs"]
mod adversaries;
#[path = "../../subgraphs/testing/src/bench.rs"]
#[expect(
    dead_code,
    reason = "this bench has no database; the crate `testing` opens databases, which the engine does not know"
)]
mod bench;
#[path = "planning/operations.rs"]
mod operations;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Variables;
use engine::limits::Limits;
use engine::subgraph::{Caller, RequestDocument, SubgraphRequest};
use engine::supergraph::{PlanningTimes, RequestError, Supergraph};

use adversaries::adversaries;
use bench::{Bench, median};
use operations::{AGORA_SDL, Line, SHOP_SDL, lines};

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: u32 = 7;
const TIMES: u32 = 200;
/// The supergraphs that are in memory at once when their size is measured.
const COPIES: usize = 16;

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    for (name, sdl) in [("memory: our own", AGORA_SDL), ("memory: the shop", SHOP_SDL)] {
        if bench.selects(name) {
            print_memory(&bench, name, sdl);
        }
    }
    let sizes = bench.size(&[5, 20, 50][..], &[5][..]);
    println!(
        "{:<44} {:>8} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "µs", "fields", "price", "validate", "prepare", "plan", "check", "cold", "cached"
    );
    for line in lines().iter().filter(|line| bench.selects(line.name)) {
        print_line(&bench, line);
    }
    for adversary in adversaries(sizes)
        .iter()
        .filter(|adversary| bench.selects(&adversary.name))
    {
        print_refusal(&bench, &adversary.name, &adversary.sdl, &adversary.query);
    }
}

/// Prints the memory that a supergraph with its planner, and its public schema, takes.
fn print_memory(bench: &Bench, name: &str, sdl: &str) {
    let supergraph = || Supergraph::without_subgraphs(sdl, &[]).expect("a supergraph");
    let warm = supergraph();
    let before = resident_bytes();
    let copies = bench.size(COPIES, 1);
    let all: Vec<_> = (0..copies).map(|_| supergraph()).collect();
    let each = resident_bytes().saturating_sub(before) / copies;
    println!(
        "{name}: {:.2} MiB with the public schema",
        each as f64 / f64::from(1 << 20)
    );
    black_box((warm, all));
}

/// The resident memory of this process. It is 0 where the system does not report it.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or_default() * 1024
}

/// The parts of planning in microseconds.
#[derive(Default)]
struct Figures {
    parts: [Vec<f64>; 5],
}

fn print_line(bench: &Bench, line: &Line) {
    let supergraph = || Supergraph::without_subgraphs(line.sdl, &[]).expect("a supergraph");
    let plan = |supergraph: &Supergraph| supergraph.plan_text(&line.query, None).expect("a plan");
    assert_eq!(plan(&supergraph()), plan(&supergraph()), "{} has two plans", line.name);
    let supergraph = supergraph();
    let times = bench.times(TIMES, 1);
    let mut lowest = [f64::INFINITY; 5];
    for round in bench.rounds(ROUNDS) {
        let mut figures = Figures::default();
        for _ in 0..times {
            let times = supergraph.planning_times(&line.query).expect("a plan");
            figures.add(times, cached_time(&supergraph, line));
        }
        for (lowest, figures) in lowest.iter_mut().zip(figures.parts) {
            let mut kept = Vec::new();
            round.record(&mut kept, median(figures));
            *lowest = kept.into_iter().fold(*lowest, f64::min);
        }
    }
    let [validate, prepare, plan, check, cached] = lowest;
    println!(
        "{:<44} {:>8} {:>8} {validate:>9.1} {prepare:>9.1} {plan:>9.1} {check:>9.1} {:>9.1} {cached:>9.2}",
        line.name,
        line.fields,
        supergraph.planning_cost(&line.query).expect("a price"),
        plan + check,
    );
}

impl Figures {
    fn add(&mut self, times: PlanningTimes, cached: Duration) {
        let parts = [
            times.validation,
            times.preparation,
            times.planning,
            times.checking,
            cached,
        ];
        for (figures, part) in self.parts.iter_mut().zip(parts) {
            figures.push(part.as_secs_f64() * 1e6);
        }
    }
}

/// Returns the time in which the plan of a request is found in the caches.
fn cached_time(supergraph: &Supergraph, line: &Line) -> Duration {
    let text: Arc<str> = line.query.as_str().into();
    let request = SubgraphRequest {
        document: RequestDocument::Text(text),
        operation_name: None,
        variables: Variables::default(),
        caller: Caller::anonymous(),
        request_id: "bench".into(),
        budget: None,
    };
    if !supergraph.knows_plan(&request) {
        supergraph.check_operation(&line.query).expect("a plan");
    }
    let begun = Instant::now();
    let is_known = black_box(supergraph.knows_plan(black_box(&request)));
    let time = begun.elapsed();
    assert!(
        is_known || !line.is_cached(&Limits::default()),
        "{} is not cached",
        line.name
    );
    time
}

/// Prints how long it takes until an adversary has a plan or is refused.
fn print_refusal(bench: &Bench, name: &str, sdl: &str, query: &str) {
    let supergraph = Supergraph::without_subgraphs(sdl, &[]).expect("a supergraph");
    let mut lowest = f64::INFINITY;
    let mut outcome = String::new();
    for _ in bench.rounds(1) {
        let begun = Instant::now();
        let answer = supergraph.planning_times(query);
        lowest = lowest.min(begun.elapsed().as_secs_f64() * 1e3);
        outcome = outcome_of(&answer);
    }
    println!("{name:<60} {:>8} bytes {lowest:>9.1} ms  {outcome}", query.len());
}

fn outcome_of(answer: &Result<PlanningTimes, RequestError>) -> String {
    match answer {
        Ok(times) => format!(
            "planned in {:.1} ms, checked in {:.1} ms",
            ms(times.planning),
            ms(times.checking)
        ),
        Err(refusal) => {
            assert_eq!(refusal.code().as_str(), "QUERY_TOO_COMPLEX", "{refusal}");
            format!("refused: {refusal}")
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
