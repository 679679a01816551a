//! Introspection queries whose responses multiply in size.

use serde_json::json;
use tests::HttpClient;
use tokio::task::JoinSet;

use super::target::Target;

/// Sends documents all at once and checks that each is answered with data or with an error code for too large a
/// request.
async fn send(target: &Target, documents: impl IntoIterator<Item = String>) {
    let mut requests = JoinSet::new();
    for document in documents {
        let anonymous = HttpClient::new(target.url());
        requests.spawn(async move {
            let answer = anonymous.query(&document, json!({})).await;
            assert!(
                matches!(
                    answer.code(),
                    "OK" | "QUERY_TOO_COMPLEX" | "ANSWER_TOO_LARGE" | "UNAVAILABLE"
                ),
                "{:?}",
                answer.code()
            );
        });
    }
    while let Some(answered) = requests.join_next().await {
        answered.expect("an answer");
    }
}

/// Returns a query of 1.6 KB that selects the schema 49 times.
fn aliases(turn: usize, selection: &str) -> String {
    let roots: String = (0..49)
        .map(|n| format!("a{turn}_{n}: __schema {{ {selection} }} "))
        .collect();
    format!("{{ {roots} }}")
}

/// Returns a query for the types of fields of types, nested `levels` deep.
fn nested(turn: usize, levels: usize) -> String {
    let fields = "fields { type { ".repeat(levels);
    format!(
        "{{ n{turn}: __type(name: \"User\") {{ {fields} name {} }} }}",
        "} }".repeat(levels)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_introspection_under_aliases_delays_no_query() {
    let target = Target::start();
    let attack = async {
        for round in 0..4 {
            let turns = round * 10..round * 10 + 10;
            let all = "types { name fields { name type { name } } }";
            send(&target, turns.clone().map(|turn| aliases(turn, all))).await;
            send(&target, turns.map(|turn| aliases(turn, "types { name }"))).await;
        }
    };
    target.attacked_beside_new_queries_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_introspection_is_costed_before_its_execution() {
    let target = Target::start();
    let attack = async {
        for round in 0..4 {
            let turns = round * 12..round * 12 + 12;
            send(&target, turns.map(|turn| nested(turn, turn % 12 + 1))).await;
        }
    };
    target.attacked_beside_new_queries_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_introspection_is_answered_repeatedly() {
    let target = Target::start();
    let attack = async {
        let selection = "types { kind name description fields(includeDeprecated: true) { name description args { name \
                         description type { kind name ofType { kind name ofType { kind name } } } defaultValue } type { kind \
                         name ofType { kind name ofType { kind name ofType { kind name } } } } } inputFields { name } \
                         enumValues { name } possibleTypes { name } }";
        for turn in 0..10 {
            let anonymous = HttpClient::new(target.url());
            let answer = anonymous
                .query(&format!("query Q{turn} {{ __schema {{ {selection} }} }}"), json!({}))
                .await;
            assert_eq!(answer.code(), "OK");
        }
    };
    target.attacked_beside_new_queries_by(attack).await.assert_held();
}
