//! Documents that are expensive to validate or to plan, each of them new.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::HttpClient;
use tokio::task::JoinSet;

use super::target::Target;

/// The duration of an attack.
const ATTACK_TIME: Duration = Duration::from_secs(3);

/// Runs `clients` clients that send one new document after another, and returns how many responses had data.
/// `document` builds the document from the client and the turn. Every response must have data or an error code for
/// too large a request.
async fn send(target: &Target, clients: usize, document: fn(usize, usize) -> String) -> usize {
    let mut sending = JoinSet::new();
    for client in 0..clients {
        let anonymous = HttpClient::new(target.url());
        sending.spawn(async move {
            let begun = Instant::now();
            let mut answered = 0;
            for turn in 0.. {
                if begun.elapsed() >= ATTACK_TIME {
                    break;
                }
                let answer = anonymous.query(&document(client, turn), json!({})).await;
                match answer.code() {
                    // The caller may not see all of the data, but the query ran.
                    _ if answer["data"].is_object() => answered += 1,
                    "QUERY_TOO_COMPLEX" | "UNAVAILABLE" | "TIMEOUT" | "OPERATION_NOT_FOUND" => {}
                    _ => panic!("{answer}"),
                }
            }
            answered
        });
    }
    sending.join_all().await.into_iter().sum()
}

/// Returns a query that fetches from several subgraphs under each of many aliases. Its innermost fields are new every
/// time.
fn costly(client: usize, turn: usize) -> String {
    let fields = [
        "id",
        "username",
        "karma",
        "active",
        "role",
        "name",
        "surname",
        "displayName",
    ];
    let number = client * 64 + turn + 1;
    let chosen = fields.iter().enumerate().filter(|(bit, _)| number >> bit & 1 == 1);
    let chosen: String = chosen.map(|(_, field)| format!("{field} ")).collect();
    let author = format!("unreadCount portfolioValue wallet {{ balance }} {chosen}");
    let pages: String = (1..=50)
        .map(|first| format!("a{first}: posts(first: {first}) {{ nodes {{ author {{ {author} }} }} }} "))
        .collect();
    format!("{{ user(id: \"1\") {{ {pages} }} }}")
}

/// Returns a query of the same fields under aliases that are new every time.
fn new_aliases(client: usize, turn: usize) -> String {
    let roots: String = (0..20)
        .map(|n| format!("a{client}_{turn}_{n}: user(id: \"1\") {{ k{turn}: karma posts(first: 2) {{ nodes {{ t{turn}: title }} }} }} "))
        .collect();
    format!("{{ {roots} }}")
}

/// Returns a document of many operations. Validation checks all fields of a fragment in each of them.
fn many_operations(client: usize, turn: usize) -> String {
    let operations: String = (0..600)
        .map(|n| format!("query A{client}_{turn}_{n}{{...F}}"))
        .collect();
    format!(
        "{operations}fragment F on Query{{me{{{}}}}}",
        "wallet{id}".repeat(1_000)
    )
}

/// Returns a document with a long text in a fragment that is spread many times.
fn long_literal(client: usize, turn: usize) -> String {
    let roots: String = (0..40)
        .map(|n| format!("a{n}: user(id: \"{n}\") {{ ...P }} "))
        .collect();
    let text = "x".repeat(900_000);
    format!(
        "query Q{client}_{turn} {{ {roots} }} fragment P on User {{ a: posts(first: 1) {{ nodes {{ author {{ ...F }} }} }} \
         b: posts(first: 2) {{ nodes {{ author {{ ...F }} }} }} }} \
         fragment F on User {{ posts(first: 0, after: \"{text}\") {{ nodes {{ id }} }} }}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn costly_plans_queue_without_delaying_small_queries() {
    let target = Target::start();
    let attack = async {
        let answered = send(&target, 4, costly).await;
        assert!(answered > 0, "what is dear and allowed is answered in its turn");
    };
    target.attacked_beside_new_queries_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_aliases_of_the_same_fields_are_cheap() {
    let target = Target::start();
    let attack = async {
        let answered = send(&target, 4, new_aliases).await;
        assert!(answered >= 4, "only {answered} were answered");
    };
    target.attacked_beside_new_queries_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_slow_to_validate_wait_for_each_other() {
    let target = Target::start();
    let attack = async {
        assert_eq!(send(&target, 4, many_operations).await, 0);
    };
    target.attacked_beside_new_queries_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fragment_with_a_long_text_spread_often_is_read_once() {
    let target = Target::start();
    let attack = async {
        let anonymous = HttpClient::new(target.url());
        for turn in 0..6 {
            let begun = Instant::now();
            let answer = anonymous.query(&long_literal(0, turn), json!({})).await;
            assert_ne!(answer.code(), "INTERNAL", "{answer}");
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        }
    };
    target.attacked_beside_new_queries_by(attack).await.assert_held();
}
