//! The conformance suite: the router's answers over the graphs and cases in `router/tests/conformance/`. Its README
//! describes the format. A case needs no change here.

mod case;
mod execution;
mod field_sets;
mod graph;
mod object;
mod server;
mod subgraph;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use agora::limits::Limits;
use agora::subgraph::{Caller, CallerAccess, Subgraph, SubgraphRequest};
use agora::supergraph::Supergraph;
use contract::Viewer;
use futures_util::{FutureExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::case::Case;
use self::execution::execute;
use self::subgraph::{Session, TestSubgraph};
use crate::graph_client;

/// The cases that the router answers wrongly today, each with the reason.
const KNOWN_FAILURES: &str = include_str!("../../conformance/known_failures.json");

/// The fewest cases that the suite may have: it would be green without any.
const CASES_MIN: usize = 80;

/// `UPDATE_CASES=1` writes the reference executor's answers into the cases that have none.
#[test]
fn the_expected_answers_are_those_of_the_merged_schema() {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut report = String::new();
    for case in case::read_all() {
        if case.setup.no_reference.is_some() {
            continue;
        }
        let answers = case.reference();
        let answers: Vec<Value> = answers
            .iter()
            .map(|answer| serde_json::from_str(answer).unwrap())
            .collect();
        let is_missing = matches!(&case.expected, Value::Null) || case.expected == Value::Array(Vec::new());
        if update && is_missing {
            case.write_expected(&answers);
        } else if let Err(difference) = compare(&case.expected_answers(), &answers) {
            let _ = writeln!(report, "{}: {difference}\n", case.name);
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// How the router reaches the subgraphs.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    InProcess,
    Http,
}

#[tokio::test]
async fn the_router_gives_the_expected_answers() {
    judge_all(Reach::InProcess).await;
}

#[tokio::test]
async fn the_router_gives_the_expected_answers_over_http() {
    judge_all(Reach::Http).await;
}

async fn judge_all(reach: Reach) {
    let known_failures: BTreeMap<String, String> = serde_json::from_str(KNOWN_FAILURES).unwrap();
    let cases = case::read_all();
    assert!(cases.len() >= CASES_MIN, "{} cases", cases.len());
    let mut report = String::new();
    for name in known_failures.keys() {
        if cases.iter().all(|case| case.name != *name) {
            let _ = writeln!(report, "{name}: known_failures.json names a case that does not exist\n");
        }
    }
    for case in cases.iter().filter(|case| reach == Reach::Http || !case.needs_http()) {
        let outcome = AssertUnwindSafe(outcome(case, reach)).catch_unwind().await;
        match (outcome, known_failures.get(&case.name)) {
            (Ok(Ok(())), None) | (Ok(Err(_)) | Err(_), Some(_)) => {}
            (Ok(Ok(())), Some(_)) => {
                let _ = writeln!(report, "{}: passes: remove it from known_failures.json\n", case.name);
            }
            (Ok(Err(difference)), None) => {
                let _ = writeln!(report, "{}: {difference}\n", case.name);
            }
            (Err(_), None) => {
                let _ = writeln!(report, "{}: panics\n", case.name);
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// Without this, a router could send too little and still get the right answer.
#[test]
fn a_subgraph_refuses_requests_that_a_router_must_not_send() {
    let cases = case::read_all();
    let case = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    let requires = Session::new(case("requires/two_fields").graph.clone());
    let provides = Session::new(case("provides/saves_a_fetch").graph.clone());
    let entities = |fields: &str| format!("query($r: [_Any!]!) {{ _entities(representations: $r) {{ {fields} }} }}");
    let product = |members: Value| {
        let mut product = json!({ "__typename": "Product" });
        product
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        json!({ "r": [product] })
    };
    let estimate = entities("... on Product { estimate }");
    let all = json!({ "upc": "p1", "price": 30, "weight": 5 });
    for (session, subgraph, document, variables, expected) in [
        (
            &requires,
            "shipping",
            estimate.as_str(),
            product(all),
            r#""estimate":35"#,
        ),
        // A required field is missing, then the key, then the whole representation.
        (
            &requires,
            "shipping",
            &estimate,
            product(json!({ "upc": "p1", "price": 30 })),
            "`weight` was not sent",
        ),
        (
            &requires,
            "shipping",
            &estimate,
            product(json!({ "price": 30, "weight": 5 })),
            "no key of `Product`",
        ),
        (
            &requires,
            "shipping",
            "{ parcels { of { estimate } } }",
            json!({}),
            "needs a representation",
        ),
        // A field of another subgraph; a field that is provided at another path only.
        (
            &requires,
            "taxes",
            &entities("... on Product { weight }"),
            json!({ "r": [] }),
            "does not have a field `weight`",
        ),
        (
            &provides,
            "reviews",
            "{ reviews { author { name } } }",
            json!({}),
            r#""name":"Ada""#,
        ),
        (
            &provides,
            "reviews",
            "{ reviews { editor { name } } }",
            json!({}),
            "`name` is external in `reviews`",
        ),
        (
            &provides,
            "books",
            &entities("... on User { id }"),
            json!({ "r": [] }),
            "cannot be applied to `_Entity`",
        ),
    ] {
        let answer = execute(session.view(Some(subgraph), 0), document, None, &variables);
        assert!(answer.contains(expected), "{document}: {answer}");
    }
}

/// Runs a case, and returns how the router's answer differs from the expected one.
async fn outcome(case: &Case, reach: Reach) -> Result<(), String> {
    let session = Session::new(case.graph.clone());
    let mut servers = JoinSet::new();
    let supergraph = supergraph(case, &session, reach, &mut servers).await?;
    let access = case.setup.viewer.as_ref().map(|viewer| CallerAccess {
        is_authenticated: true,
        scopes: viewer.scopes.clone(),
    });
    let request = SubgraphRequest {
        operation_name: case.setup.operation.clone(),
        caller: Caller::anonymous().with_access(access.unwrap_or_default()),
        ..graph_client::request(Viewer::Anonymous, &case.query, case.variables.clone())
    };
    let bodies: Vec<String> = tokio::time::timeout(Duration::from_secs(10), async {
        let answers = supergraph.subscribe(request);
        answers
            .map(|answer| String::from_utf8(answer.into_encoded().body.to_vec()).unwrap())
            .collect()
            .await
    })
    .await
    .map_err(|_| "no answer within 10 s")?;
    let judged = judge(case, &bodies, &session);
    judged.map_err(|difference| {
        let plan = supergraph.plan_text(&case.query, case.setup.operation.as_deref());
        let plan = plan.unwrap_or_else(|error| error.to_string());
        let mut text = format!("{difference}\n{plan}\n");
        for (subgraph, document, variables) in session.requests.lock().unwrap().iter() {
            let _ = writeln!(text, "  asked {subgraph}: {document} {variables}");
        }
        text
    })
}

async fn supergraph(
    case: &Case,
    session: &Arc<Session>,
    reach: Reach,
    servers: &mut JoinSet<()>,
) -> Result<Supergraph, String> {
    let mut subgraphs: HashMap<String, Arc<dyn Subgraph>> = HashMap::new();
    for name in case.graph.subgraphs.keys() {
        let subgraph = TestSubgraph::new(name, session, case.setup.faults.get(name).cloned());
        let subgraph = match reach {
            Reach::InProcess => Arc::new(subgraph),
            Reach::Http => server::serve(subgraph, servers).await,
        };
        subgraphs.insert(name.clone(), subgraph);
    }
    let limits = Arc::new(Limits::default());
    Supergraph::new(&case.graph.supergraph, &[], subgraphs, limits).map_err(|error| error.to_string())
}

fn judge(case: &Case, bodies: &[String], session: &Session) -> Result<(), String> {
    let parsed = bodies.iter().map(|body| serde_json::from_str(body).unwrap());
    compare(&case.expected_answers(), &parsed.collect::<Vec<_>>())?;
    if case.setup.no_reference.is_none() {
        // The order of the fields counts as well.
        for (body, reference) in bodies.iter().zip(case.reference()) {
            if data_text(body) != data_text(&reference) {
                return Err(format!("the order differs:\n  {body}\n  {reference}"));
            }
        }
    }
    let requests = session.requests.lock().unwrap();
    for (subgraph, expected) in &case.setup.requests {
        let sent = requests.iter().filter(|(name, ..)| name == subgraph).count();
        if sent != *expected {
            return Err(format!("`{subgraph}` got {sent} requests, not {expected}"));
        }
    }
    Ok(())
}

fn data_text(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        data: Option<Box<RawValue>>,
    }
    let body: Body = serde_json::from_str(body).unwrap();
    body.data.map(|data| data.get().to_owned())
}

/// Compares answers. Their errors may have any order and more members than the expected ones.
fn compare(expected: &[Value], answers: &[Value]) -> Result<(), String> {
    if expected.len() != answers.len() {
        return Err(format!(
            "{} answers, not {}: {answers:?}",
            answers.len(),
            expected.len()
        ));
    }
    for (expected, answer) in expected.iter().zip(answers) {
        let mut open = answer["errors"].as_array().cloned().unwrap_or_default();
        for error in expected["errors"].as_array().into_iter().flatten() {
            match open.iter().position(|candidate| contains(candidate, error)) {
                Some(at) => drop(open.remove(at)),
                None => return Err(format!("no error {error}\n  expected {expected}\n  answer   {answer}")),
            }
        }
        if !open.is_empty() || expected.get("data") != answer.get("data") {
            return Err(format!("\n  expected {expected}\n  answer   {answer}"));
        }
    }
    Ok(())
}

/// Whether a value has all members of the expected one.
fn contains(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Object(value), Value::Object(expected)) => {
            let has =
                |(name, expected): (&String, &Value)| value.get(name).is_some_and(|value| contains(value, expected));
            expected.iter().all(has)
        }
        (value, expected) => value == expected,
    }
}
