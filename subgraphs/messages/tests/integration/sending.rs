//! Sending messages, and the limits of a message.

use std::sync::Arc;

use contract::Viewer;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{ADA, BEN, CLEO, DAN, MessagesDomain, admin, code, member, service};

async fn send(domain: &MessagesDomain, viewer: &Viewer, args: &str) -> Value {
    domain
        .ask(
            viewer,
            &format!("mutation {{ sendMessage({args}) {{ id contents flag from {{ id }} to {{ id }} }} }}"),
        )
        .await
}

#[tokio::test]
async fn a_message_reaches_the_person_with_that_username_in_any_case() {
    let domain = MessagesDomain::new().await;
    let sent = domain
        .ask(
            &member(CLEO),
            r#"mutation { sendMessage(to: " aDA ", contents: "  Good\nmorning ", flag: " hello ") {
                id contents flag favorite read at from { id } to { id } } }"#,
        )
        .await;
    let message = json!({
        "id": "1", "contents": "Good\nmorning", "flag": "hello", "favorite": false, "read": false,
        "at": "2026-01-01T00:00:00+00:00", "from": { "id": "3" }, "to": { "id": "1" },
    });
    assert_eq!(sent, json!({ "data": { "sendMessage": message } }));
    let fields = "id contents flag favorite read at from { id } to { id }";
    let kept = domain
        .ask(&member(ADA), &format!("{{ message(id: 1) {{ {fields} }} }}"))
        .await;
    assert_eq!(kept["data"]["message"], message);
}

#[tokio::test]
async fn an_invalid_message_is_not_sent() {
    let domain = MessagesDomain::new().await;
    let long = "ä".repeat(40_001);
    let flag = "f".repeat(65);
    for (args, wanted) in [
        (r#"to: "ada", contents: " ""#.to_owned(), "INVALID_INPUT"),
        (format!(r#"to: "ada", contents: "{long}""#), "INVALID_INPUT"),
        (r#"to: "ada", contents: "a\u0000b""#.to_owned(), "INVALID_INPUT"),
        (format!(r#"to: "ada", contents: "a", flag: "{flag}""#), "INVALID_INPUT"),
        (
            r#"to: "ada", contents: "a", idempotencyKey: """#.to_owned(),
            "INVALID_INPUT",
        ),
        (r#"to: "unknown", contents: "a""#.to_owned(), "CONFLICT"),
        (r#"to: "", contents: "a""#.to_owned(), "CONFLICT"),
        (r#"to: "1", contents: "a""#.to_owned(), "CONFLICT"),
    ] {
        let answer = send(&domain, &member(CLEO), &args).await;
        assert_eq!(code(&answer), wanted, "{}", args.chars().take(60).collect::<String>());
    }
    assert_eq!(domain.list(CLEO, "sent").await, Vec::<String>::new());
    let longest = "ä".repeat(40_000);
    let answer = send(&domain, &member(CLEO), &format!(r#"to: "ada", contents: "{longest}""#)).await;
    assert_eq!(answer["data"]["sendMessage"]["contents"], longest);
}

#[tokio::test]
async fn a_deactivated_account_sends_and_receives_no_messages() {
    let domain = MessagesDomain::new().await;
    domain.deactivate(DAN).await;
    let to = send(&domain, &member(CLEO), r#"to: "dan", contents: "a""#).await;
    assert_eq!(code(&to), "CONFLICT");
    let from = send(&domain, &service(), r#"from: "dan", to: "cleo", contents: "a""#).await;
    assert_eq!(code(&from), "CONFLICT");
    // The token is older than the deactivation.
    let own = send(&domain, &member(DAN), r#"to: "cleo", contents: "a""#).await;
    assert_eq!(code(&own), "UNAUTHENTICATED");
    assert_eq!(domain.list(CLEO, "inbox").await, Vec::<String>::new());
}

#[tokio::test]
async fn only_operators_send_in_the_name_of_others() {
    let domain = MessagesDomain::new().await;
    let args = r#"from: "BEN", to: "ada", contents: "a""#;
    for (viewer, wanted) in [
        (service(), "OK"),
        (admin(), "OK"),
        (member(CLEO), "FORBIDDEN"),
        (member(BEN), "OK"),
        (Viewer::Anonymous, "UNAUTHENTICATED"),
    ] {
        let answer = send(&domain, &viewer, args).await;
        assert_eq!(code(&answer), wanted, "{viewer:?}");
        if wanted == "OK" {
            assert_eq!(answer["data"]["sendMessage"]["from"]["id"], BEN.to_string());
        }
    }
    let nameless = send(&domain, &service(), r#"to: "ada", contents: "a""#).await;
    assert_eq!(code(&nameless), "INVALID_INPUT");
    let anonymous = send(&domain, &Viewer::Anonymous, r#"to: "ada", contents: "a""#).await;
    assert_eq!(code(&anonymous), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_missing_sender_or_receiver_is_a_conflict_that_names_it() {
    let domain = MessagesDomain::new().await;
    domain.deactivate(DAN).await;
    for (args, said) in [
        (
            r#"from: "unknown", to: "ada", contents: "a""#,
            "the sender does not exist",
        ),
        (r#"from: "dan", to: "ada", contents: "a""#, "the sender does not exist"),
        (
            r#"from: "ada", to: "unknown", contents: "a""#,
            "the receiver does not exist",
        ),
        (
            r#"from: "ada", to: "dan", contents: "a""#,
            "the receiver does not exist",
        ),
    ] {
        let answer = send(&domain, &service(), args).await;
        assert_eq!(
            (code(&answer), answer["errors"][0]["message"].as_str()),
            ("CONFLICT", Some(said)),
            "{args}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_with_one_key_send_one_message() {
    let domain = Arc::new(MessagesDomain::new().await);
    let answers = join_all((0..20).map(|_| {
        let domain = domain.clone();
        tokio::spawn(async move {
            send(
                &domain,
                &member(CLEO),
                r#"to: "ada", contents: "once", idempotencyKey: "k""#,
            )
            .await
        })
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.unwrap()["data"]["sendMessage"]["id"], "1");
    }
    assert_eq!(domain.list(ADA, "inbox").await, ["once"]);
}

#[tokio::test]
async fn a_replay_repeats_the_response_after_message_changes() {
    let domain = MessagesDomain::new().await;
    let args = r#"to: "ada", contents: "once", flag: "f", idempotencyKey: "k""#;
    let first = send(&domain, &member(CLEO), args).await;
    assert_eq!(code(&first), "OK");
    domain.ask(&member(ADA), "mutation { deleteMessage(id: 1) }").await;
    domain.deactivate(ADA).await;
    assert_eq!(send(&domain, &member(CLEO), args).await, first);
    let other = r#"to: "ada", contents: "twice", flag: "f", idempotencyKey: "k""#;
    assert_eq!(code(&send(&domain, &member(CLEO), other).await), "IDEMPOTENCY_MISMATCH");
    // A key belongs to one user, and a request that failed stores no key.
    assert_eq!(code(&send(&domain, &member(BEN), other).await), "CONFLICT");
    let mended = r#"to: "dan", contents: "twice", idempotencyKey: "k""#;
    assert_eq!(code(&send(&domain, &member(BEN), mended).await), "OK");
}
