//! Requests that hold much memory while they wait for their turn.

use std::time::Duration;

use super::target::Target;
use super::wire::{address_of, post, sent, status};

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_that_wait_for_a_password_to_be_hashed_are_bounded() {
    let target = Target::start();
    let address = address_of(target.url());
    let ids = vec![format!("\"{}\"", "i".repeat(90)); 9_000].join(",");
    let register = |n: usize| {
        let query = format!(
            "mutation {{ register(input: {{ username: \\\"guest{n}\\\", password: \\\"guest-of-2026\\\" }}) {{ token }} }}"
        );
        post(
            "/graphql",
            "",
            &format!(r#"{{"query":"{query}","variables":{{"ids":[{ids}]}}}}"#),
        )
    };
    let attack = async {
        let mut open = Vec::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(60));
        for n in 0..100 {
            ticks.tick().await;
            open.push(sent(&address, &register(n)).await.expect("a connection"));
        }
        assert_eq!(status(&mut open[0]).await.expect("an answer"), 200);
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_quarter_of_a_million_ids_is_refused() {
    let target = Target::start();
    let address = address_of(target.url());
    let ids = vec!["\"1\""; 250_000].join(",");
    let query = "query($ids: [ID!]) { __typename }";
    let request = post(
        "/graphql",
        "",
        &format!(r#"{{"query":"{query}","variables":{{"ids":[{ids}]}}}}"#),
    );
    let attack = async {
        let mut open = Vec::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(60));
        for _ in 0..50 {
            ticks.tick().await;
            open.push(sent(&address, &request).await.expect("a connection"));
        }
        for mut stream in open {
            let status = status(&mut stream).await.expect("an answer");
            assert!(matches!(status, 400 | 413 | 503), "{status}");
        }
    };
    target.attacked_by(attack).await.assert_held();
}
