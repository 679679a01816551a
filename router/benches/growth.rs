//! The cost of every list and look-up of the public schema on databases of several sizes.
//!
//! `cargo bench -p agora --bench growth`; the arguments are those of [`Bench`]: `--filter` selects lines, `--times` is the number
//! of requests in a round. `GROWTH_ROWS=1000,100000` replaces the numbers of rows.
//!
//! Each database has that many posts, votes, orders, messages, purchases and ledger entries; the other tables grow with them. One
//! user has a tenth of everything, so that lists below a user grow as well. The requests run without a socket and without the
//! cache, from the text of the request to the bytes of the response. The sizes alternate within a round, and a figure is the
//! lowest of the rounds, because other programs only add to the cost.
//!
//! A list is asked for its first page and for a page near its other end. The bench reads the schema and fails when a field that
//! lists or looks up has no line in `growth/lines.rs`, and when a page is not full.

#[path = "growth/lines.rs"]
mod lines;
#[path = "growth/rows.rs"]
mod rows;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use agora::app::App;
use agora::config::Settings;
use agora::subgraph::{RequestDocument, ResponseKind, SubgraphRequest};
use async_graphql::Variables;
use contract::{Role, SystemClock, Viewer};
use serde_json::{Value, json};
use testing::bench::{Bench, processor_ns};

use lines::{Caller, LINES, Line};
use rows::Sizes;

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: [i64; 2] = [1_000, 1_000_000];
/// Replaces the numbers of rows. It has no prefix of settings.
const ROWS_VARIABLE: &str = "GROWTH_ROWS";
const ROUNDS: u32 = 5;
const TIMES: u32 = 100;
/// Nodes of a page.
const PAGE: usize = 25;
/// The highest cost of a line relative to that with the fewest rows.
const RATIO_MAX: f64 = 1.5;

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(run(&bench));
}

/// A database of one size, open.
struct Grown {
    app: App,
    sizes: Sizes,
    _folder: tempfile::TempDir,
}

/// One request of a line, and its cost with each size.
struct Variant {
    line: &'static Line,
    name: String,
    is_deep: bool,
    lowest_us: Vec<f64>,
}

async fn run(bench: &Bench) {
    let rows: Vec<i64> = match std::env::var_os(ROWS_VARIABLE) {
        Some(text) => {
            let text = text.to_str().expect("numbers");
            text.split(',')
                .map(|rows| rows.parse().expect("a number of rows"))
                .collect()
        }
        None => bench.size(ROWS, [1_000, 2_000]).to_vec(),
    };
    let mut all = Vec::new();
    for rows in rows {
        all.push(open(bench.folder(), rows).await);
        println!("{rows} rows: {:.1} MiB resident", resident_mib());
    }
    require_lines(&all[0]).await;
    let mut variants = variants(bench, all.len());
    let times = bench.times(TIMES, 1);
    for _ in bench.rounds(ROUNDS) {
        for variant in &mut variants {
            for (grown, lowest_us) in all.iter().zip(&mut variant.lowest_us) {
                *lowest_us = lowest_us.min(processor_us(grown, variant.line, variant.is_deep, times).await);
            }
        }
    }
    print(&all, &variants);
    println!("{:.1} MiB resident at the end", resident_mib());
}

fn print(all: &[Grown], variants: &[Variant]) {
    print!("{:<52}", "processor time of a request in µs");
    all.iter().for_each(|grown| print!(" {:>10}", grown.sizes.rows));
    println!("  last to first");
    for variant in variants {
        print!("{:<52}", variant.name);
        variant.lowest_us.iter().for_each(|us| print!(" {us:>10.1}"));
        let ratio = variant.lowest_us[all.len() - 1] / variant.lowest_us[0];
        let mark = match (ratio > RATIO_MAX, variant.line.exception) {
            (false, _) => String::new(),
            (true, None) => "  MORE THAN ALLOWED".to_owned(),
            (true, Some(reason)) => format!("  {reason}"),
        };
        println!("  {ratio:>6.2}{mark}");
    }
}

fn variants(bench: &Bench, sizes: usize) -> Vec<Variant> {
    let mut variants = Vec::new();
    for line in LINES {
        let pages: &[(&str, bool)] = if line.is_list() {
            &[("first page", false), ("last page", true)]
        } else {
            &[("look-up", false)]
        };
        for (page, is_deep) in pages {
            variants.push(Variant {
                line,
                name: format!("{}{}, {page}", line.field, line.detail),
                is_deep: *is_deep,
                lowest_us: vec![f64::INFINITY; sizes],
            });
        }
    }
    variants.retain(|variant| bench.selects(&variant.name));
    variants
}

async fn open(folder: &Path, rows: i64) -> Grown {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let mut settings = Settings::default();
    settings.server.data = folder.path().join("data");
    settings.limits.cache_enabled = false;
    let open = async || App::open(&settings, Arc::new(SystemClock)).await.expect("Agora opens");
    open().await.close().await.expect("an empty database");
    let sizes = Sizes::new(rows);
    rows::fill(&settings.server.data.join("agora.db"), &sizes);
    Grown {
        app: open().await,
        sizes,
        _folder: folder,
    }
}

/// Requires a line for each field of the schema that lists or looks up.
async fn require_lines(grown: &Grown) {
    let query = "{ __schema { types { name fields { name type { name ofType { name } } } } } }";
    let schema = ask(grown, query, json!({}), Caller::Anonymous).await;
    let mut missing = BTreeSet::new();
    for of_type in schema["__schema"]["types"].as_array().expect("types") {
        let name = of_type["name"].as_str().expect("a name");
        for field in of_type["fields"].as_array().into_iter().flatten() {
            let kind = &field["type"];
            let kind = kind["name"]
                .as_str()
                .or(kind["ofType"]["name"].as_str())
                .unwrap_or_default();
            let field = field["name"].as_str().expect("a name");
            if (name == "Query" && !field.starts_with("__")) || kind.ends_with("Connection") {
                let field = if name == "Query" {
                    field.to_owned()
                } else {
                    format!("{name}.{field}")
                };
                if !LINES.iter().any(|line| line.field == field) {
                    missing.insert(field);
                }
            }
        }
    }
    assert!(missing.is_empty(), "growth/lines.rs has no line for {missing:?}");
}

/// Returns the processor time of one of that many requests.
async fn processor_us(grown: &Grown, line: &'static Line, is_deep: bool, times: u32) -> f64 {
    let query = line.query(PAGE);
    let after = if is_deep {
        cursor_before_the_last_page(grown, line).await
    } else {
        Value::Null
    };
    let variables = |time: u32| {
        let mut variables = line.variables(&grown.sizes, i64::from(time));
        if line.is_list() {
            variables["after"] = after.clone();
        }
        variables
    };
    // The first request plans the operation, and shows that the answer is the expected one.
    let answer = ask(grown, &query, variables(0), line.caller).await;
    line.require_answer(&answer, PAGE);
    let all: Vec<_> = (0..times).map(variables).collect();
    let before = processor_ns();
    for variables in all {
        drop(ask_bytes(grown, &query, variables, line.caller).await);
    }
    (processor_ns() - before) / 1_000.0 / f64::from(times)
}

/// Returns the cursor after which the last page of a list begins.
async fn cursor_before_the_last_page(grown: &Grown, line: &Line) -> Value {
    let query = line.query_of_last(PAGE + 1);
    let variables = line.variables(&grown.sizes, 0);
    let answer = ask(grown, &query, variables, line.caller).await;
    let cursor = line.connection(&answer)["pageInfo"]["startCursor"].clone();
    assert!(cursor.is_string(), "{}: {answer}", line.field);
    cursor
}

async fn ask(grown: &Grown, query: &str, variables: Value, caller: Caller) -> Value {
    let body = ask_bytes(grown, query, variables, caller).await;
    let mut answer: Value = serde_json::from_slice(&body).expect("JSON");
    assert!(answer.get("errors").is_none(), "{query}: {answer}");
    answer["data"].take()
}

async fn ask_bytes(grown: &Grown, query: &str, variables: Value, caller: Caller) -> bytes::Bytes {
    let user = |id, role, admin| Viewer::User { id, role, admin };
    let viewer = match caller {
        Caller::Anonymous => Viewer::Anonymous,
        Caller::Investor => user(rows::INVESTOR, Role::Investor, false),
        Caller::Broker => user(rows::BROKER, Role::Broker, false),
        Caller::Administrator => user(rows::ADMINISTRATOR, Role::Member, true),
    };
    let answer = grown.app.gateway.graph.fetch(SubgraphRequest {
        document: RequestDocument::Text(query.into()),
        operation_name: None,
        variables: Variables::from_json(variables),
        caller: agora::in_process::caller(viewer, None),
        request_id: "bench".into(),
        budget: None,
    });
    let answer = answer.await.into_encoded();
    let is_data = matches!(answer.kind, ResponseKind::Data);
    assert!(is_data, "{query}: {}", String::from_utf8_lossy(&answer.body));
    answer.body
}

/// Returns the resident memory of this process, with the pages of the program's file; 0 where the system does not report it.
fn resident_mib() -> f64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = rollup.lines().find(|line| line.starts_with("Rss:"));
    let kib: Option<f64> = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kib.unwrap_or(0.0) / 1_024.0
}
