//! The cost of every list and look-up of the public schema on databases of several sizes.
//!
//! `cargo bench -p agora --bench growth`; the arguments are those of [`Bench`]: `--filter` selects lines, `--times` is the number
//! of requests in a round. `GROWTH_ROWS=1000,100000` replaces the numbers of rows.
//!
//! Each database has that many posts, votes, orders, messages, purchases and ledger entries; the other tables grow with them. One
//! user has a fifth of everything, so that lists below a user grow as well. The requests run without a socket and without the
//! cache, from the text of the request to the bytes of the response. The sizes alternate within a round, and a figure is the
//! lowest of the rounds, because other programs only add to the cost.
//!
//! A list is asked for its first page and for a page near its other end. The bench reads the schema and fails when a field that
//! lists or looks up has no line in `growth/lines.rs`, and when a page is not full.
//!
//! The REST routes are asked as well, each list for its first rows and for those after them, with as many rows as a page has. The
//! bench fails when a `GET` route of the tables has no line in `growth/rest_lines.rs`.

#[path = "growth/key.rs"]
mod key;
#[path = "growth/lines.rs"]
mod lines;
#[path = "growth/rest_lines.rs"]
mod rest_lines;
#[path = "growth/rows.rs"]
mod rows;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use agora::app::App;
use agora::config::Settings;
use agora::rest;
use agora::rest_access::AnonymousAccess;
use agora::subgraph::{RequestDocument, ResponseKind, SubgraphRequest};
use async_graphql::Variables;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode, header};
use contract::{Role, SystemClock, Viewer};
use serde_json::{Value, json};
use testing::bench::{Bench, processor_ns};
use tower::ServiceExt;

use key::Caller;
use lines::{LINES, Line};
use rest_lines::{REST_LINES, RestLine, missing_routes};
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
    rest: axum::Router,
    sizes: Sizes,
    _folder: tempfile::TempDir,
}

/// One request of a line, and its cost with each size.
struct Variant {
    name: String,
    line: VariantLine,
    /// Whether it asks for another page than the first.
    is_deep: bool,
    exception: Option<&'static str>,
    lowest_us: Vec<f64>,
}

/// The line of a request.
#[derive(Clone, Copy)]
enum VariantLine {
    Graph(&'static Line),
    Rest(&'static RestLine),
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
    let missing = missing_routes();
    assert!(missing.is_empty(), "growth/rest_lines.rs has no line for {missing:?}");
    let mut variants = graph_variants();
    variants.extend(rest_variants(&all[0]).await);
    variants.retain(|variant| bench.selects(&variant.name));
    variants
        .iter_mut()
        .for_each(|variant| variant.lowest_us = vec![f64::INFINITY; all.len()]);
    let times = bench.times(TIMES, 1);
    for _ in bench.rounds(ROUNDS) {
        for variant in &mut variants {
            for (grown, lowest_us) in all.iter().zip(&mut variant.lowest_us) {
                let us = match variant.line {
                    VariantLine::Graph(line) => processor_us(grown, line, variant.is_deep, times).await,
                    VariantLine::Rest(line) => rest_processor_us(grown, line, variant.is_deep, times).await,
                };
                *lowest_us = lowest_us.min(us);
            }
        }
    }
    print(&all, &variants);
    println!("{:.1} MiB resident at the end", resident_mib());
}

fn print(all: &[Grown], variants: &[Variant]) {
    print!("{:<64}", "processor time of a request in µs");
    all.iter().for_each(|grown| print!(" {:>10}", grown.sizes.rows));
    println!("  last to first");
    let (mut constant, mut growing) = (0, 0);
    for variant in variants {
        print!("{:<64}", variant.name);
        variant.lowest_us.iter().for_each(|us| print!(" {us:>10.1}"));
        let ratio = variant.lowest_us[all.len() - 1] / variant.lowest_us[0];
        let mark = match (ratio > RATIO_MAX, variant.exception) {
            (false, _) => String::new(),
            (true, None) => "  MORE THAN ALLOWED".to_owned(),
            (true, Some(reason)) => format!("  {reason}"),
        };
        constant += usize::from(ratio <= RATIO_MAX);
        growing += usize::from(ratio > RATIO_MAX && variant.exception.is_none());
        println!("  {ratio:>6.2}{mark}");
    }
    println!(
        "{constant} of {} requests cost at most {RATIO_MAX} times as much with the most rows, and {growing} more than allowed",
        variants.len()
    );
}

fn graph_variants() -> Vec<Variant> {
    let mut variants = Vec::new();
    for line in LINES {
        let pages: &[(&str, bool)] = if line.is_list() {
            &[("first page", false), ("last page", true)]
        } else {
            &[("look-up", false)]
        };
        for (page, is_deep) in pages {
            variants.push(Variant {
                name: format!("{}{}, {page}", line.field, line.detail),
                line: VariantLine::Graph(line),
                is_deep: *is_deep,
                exception: line.exception,
                lowest_us: Vec::new(),
            });
        }
    }
    variants
}

/// The variants of the REST routes. A list has a second one if the database has more rows than one answer.
async fn rest_variants(smallest: &Grown) -> Vec<Variant> {
    let mut variants = Vec::new();
    for line in REST_LINES {
        let mut parts = vec![("look-up", false)];
        if line.is_list() {
            parts = vec![("first rows", false)];
            let path = line.path(&smallest.sizes, 0);
            if get(smallest, &path, &token(smallest, line.caller)).await.1.is_some() {
                parts.push(("next rows", true));
            }
        }
        for (part, is_deep) in parts {
            variants.push(Variant {
                name: format!("GET {}{}, {part}", line.route, line.query),
                line: VariantLine::Rest(line),
                is_deep,
                exception: line.exception,
                lowest_us: Vec::new(),
            });
        }
    }
    variants
}

async fn open(folder: &Path, rows: i64) -> Grown {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let mut settings = Settings::default();
    settings.server.data = folder.path().join("data");
    settings.limits.cache_enabled = false;
    // A part of a list costs as much as a page.
    settings.limits.rest_rows_max = PAGE;
    let open = async || App::open(&settings, Arc::new(SystemClock)).await.expect("Agora opens");
    open().await.close().await.expect("an empty database");
    let sizes = Sizes::new(rows);
    rows::fill(&settings.server.data.join("agora.db"), &sizes);
    let app = open().await;
    Grown {
        rest: rest::router(&app.gateway, AnonymousAccess::Anyone),
        app,
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
        let mut variables = line.key.variables(&grown.sizes, i64::from(time));
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
    let variables = line.key.variables(&grown.sizes, 0);
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

async fn ask_bytes(grown: &Grown, query: &str, variables: Value, caller: Caller) -> Bytes {
    let viewer = match person(caller) {
        None => Viewer::Anonymous,
        Some((id, role, admin)) => Viewer::User { id, role, admin },
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

/// Returns a caller's id and rights; `None` for an anonymous one.
fn person(caller: Caller) -> Option<(i64, Role, bool)> {
    match caller {
        Caller::Anonymous => None,
        Caller::Investor => Some((rows::INVESTOR, Role::Investor, false)),
        Caller::Broker => Some((rows::BROKER, Role::Broker, false)),
        Caller::Administrator => Some((rows::ADMINISTRATOR, Role::Member, true)),
    }
}

/// Returns the processor time of one of that many requests to a route.
async fn rest_processor_us(grown: &Grown, line: &RestLine, is_deep: bool, times: u32) -> f64 {
    let mut paths: Vec<_> = (0..i64::from(times))
        .map(|time| line.path(&grown.sizes, time))
        .collect();
    // The first request plans the operation.
    let token = token(grown, line.caller);
    let (body, next) = get(grown, &paths[0], &token).await;
    assert!(body.len() > 2, "{}: no rows", paths[0]);
    if is_deep {
        let next = next.unwrap_or_else(|| panic!("{}: no more rows", paths[0]));
        paths.fill(next);
    }
    let before = processor_ns();
    for path in &paths {
        get(grown, path, &token).await;
    }
    (processor_ns() - before) / 1_000.0 / f64::from(times)
}

/// Returns the `Authorization` of a caller.
fn token(grown: &Grown, caller: Caller) -> Option<String> {
    let (id, role, admin) = person(caller)?;
    let services = &grown.app.services;
    let now_us = services.clock.now_us();
    let (token, _) = services.keys.sign_user(id, role, admin, 1, now_us, 3_600);
    Some(format!("Bearer {token}"))
}

/// Returns the body of a response, and the path of the rest of its list.
async fn get(grown: &Grown, path: &str, token: &Option<String>) -> (Bytes, Option<String>) {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, token);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = grown.rest.clone().oneshot(request).await.expect("a response");
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    assert_eq!(
        head.status,
        StatusCode::OK,
        "{path}: {}",
        String::from_utf8_lossy(&body)
    );
    let link = head.headers.get(header::LINK).and_then(|link| link.to_str().ok());
    let next = link.and_then(|link| Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned()));
    (body, next)
}

/// Returns the resident memory of this process, with the pages of the program's file; 0 where the system does not report it.
fn resident_mib() -> f64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = rollup.lines().find(|line| line.starts_with("Rss:"));
    let kib: Option<f64> = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kib.unwrap_or(0.0) / 1_024.0
}
