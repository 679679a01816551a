//! Requests that hold much memory while they wait for their turn.

use std::time::Duration;

use serde_json::{Value, json};

use super::target::Target;
use super::wire::{address_of, post, sent_one_by_one, status};

/// The time between two requests.
const BETWEEN: Duration = Duration::from_millis(60);

const REGISTER: &str = "mutation($username: String!) {
    register(input: { username: $username, password: \"guest-of-2026\" }) { token } }";

/// Returns a request to the graph with so many ids among its variables.
fn with_ids(document: &str, mut variables: Value, ids: usize, id: &str) -> Vec<u8> {
    variables["ids"] = vec![id; ids].into();
    let body = json!({ "query": document, "variables": variables });
    post("/graphql", "", &body.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_waiting_for_password_hashing_are_bounded() {
    let target = Target::start();
    let address = address_of(target.url());
    let register = |n: usize| {
        let variables = json!({ "username": format!("guest{n}") });
        with_ids(REGISTER, variables, 9_000, &"i".repeat(90))
    };
    let attack = async {
        let mut open = sent_one_by_one(&address, (0..100).map(register), BETWEEN).await;
        assert_eq!(status(&mut open[0]).await.expect("an answer"), 200);
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_quarter_of_a_million_ids_is_refused() {
    let target = Target::start();
    let address = address_of(target.url());
    let request = with_ids("query($ids: [ID!]) { __typename }", json!({}), 250_000, "1");
    let attack = async {
        for mut stream in sent_one_by_one(&address, std::iter::repeat_n(&request, 50), BETWEEN).await {
            let status = status(&mut stream).await.expect("an answer");
            assert!(matches!(status, 400 | 413 | 503), "{status}");
        }
    };
    target.attacked_by(attack).await.assert_held();
}
