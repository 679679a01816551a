//! Sending messages, and the limits of a message.

use std::sync::Arc;

use contract::Viewer;
use futures_util::future::join_all;
use serde_json::{Value, json};

use testing::Answer;

use crate::support::{ADA, BEN, CLEO, DAN, DELETE, MESSAGE, MessagesDomain, SEND, admin, member, service};

async fn send(domain: &MessagesDomain, viewer: &Viewer, args: &Value) -> Answer {
    domain.client(viewer).query(SEND, args.clone()).await
}

#[tokio::test]
async fn a_message_reaches_the_person_with_that_username_in_any_case() {
    let domain = MessagesDomain::new().await;
    let args = json!({ "to": " aDA ", "contents": "  Good\nmorning ", "flag": " hello " });
    let sent = send(&domain, &member(CLEO), &args).await;
    let message = json!({
        "id": "message_1", "contents": "Good\nmorning", "flag": "hello", "favorite": false, "read": false,
        "at": "2026-01-01T00:00:00+00:00", "from": { "id": "user_3" }, "to": { "id": "user_1" },
    });
    assert_eq!(sent, json!({ "data": { "sendMessage": message } }));
    let kept = domain.member(ADA).query(MESSAGE, json!({ "id": 1 })).await;
    assert_eq!(kept, json!({ "data": { "message": message } }));
}

#[tokio::test]
async fn an_invalid_message_is_not_sent() {
    let domain = MessagesDomain::new().await;
    let long = "ä".repeat(40_001);
    let flag = "f".repeat(65);
    for (args, wanted) in [
        (json!({ "to": "ada", "contents": " " }), "INVALID_INPUT"),
        (json!({ "to": "ada", "contents": long }), "INVALID_INPUT"),
        (json!({ "to": "ada", "contents": "a\0b" }), "INVALID_INPUT"),
        (json!({ "to": "ada", "contents": "a", "flag": flag }), "INVALID_INPUT"),
        (json!({ "to": "ada", "contents": "a", "key": "" }), "INVALID_INPUT"),
        (json!({ "to": "nobody", "contents": "a" }), "CONFLICT"),
        (json!({ "to": "", "contents": "a" }), "CONFLICT"),
        (json!({ "to": "1", "contents": "a" }), "CONFLICT"),
    ] {
        let answer = send(&domain, &member(CLEO), &args).await;
        let start: String = args.to_string().chars().take(60).collect();
        assert_eq!(answer.code(), wanted, "{start}");
    }
    assert_eq!(domain.sent(CLEO).await, Vec::<String>::new());
    let longest = "ä".repeat(40_000);
    let args = json!({ "to": "ada", "contents": longest });
    let answer = send(&domain, &member(CLEO), &args).await;
    assert_eq!(answer.at("sendMessage.contents"), &longest);
}

#[tokio::test]
async fn a_deactivated_account_sends_and_receives_no_messages() {
    let domain = MessagesDomain::new().await;
    domain.deactivate(DAN).await;
    let to = send(&domain, &member(CLEO), &json!({ "to": "dan", "contents": "a" })).await;
    assert_eq!(to.code(), "CONFLICT");
    let from = send(
        &domain,
        &service(),
        &json!({ "from": "dan", "to": "cleo", "contents": "a" }),
    )
    .await;
    assert_eq!(from.code(), "CONFLICT");
    // The token is older than the deactivation.
    let own = send(&domain, &member(DAN), &json!({ "to": "cleo", "contents": "a" })).await;
    assert_eq!(own.code(), "UNAUTHENTICATED");
    assert_eq!(domain.inbox(CLEO, json!({})).await, Vec::<String>::new());
}

#[tokio::test]
async fn only_operators_send_in_the_name_of_others() {
    let domain = MessagesDomain::new().await;
    let args = json!({ "from": "BEN", "to": "ada", "contents": "a" });
    for (viewer, wanted) in [
        (service(), "OK"),
        (admin(), "OK"),
        (member(CLEO), "FORBIDDEN"),
        (member(BEN), "OK"),
        (Viewer::Anonymous, "UNAUTHENTICATED"),
    ] {
        let answer = send(&domain, &viewer, &args).await;
        assert_eq!(answer.code(), wanted, "{viewer:?}");
        if wanted == "OK" {
            assert_eq!(answer.at("sendMessage.from.id"), &format!("user_{BEN}"));
        }
    }
    let nameless = send(&domain, &service(), &json!({ "to": "ada", "contents": "a" })).await;
    assert_eq!(nameless.code(), "INVALID_INPUT");
    let anonymous = send(&domain, &Viewer::Anonymous, &json!({ "to": "ada", "contents": "a" })).await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_missing_sender_or_receiver_is_a_conflict_that_names_it() {
    let domain = MessagesDomain::new().await;
    domain.deactivate(DAN).await;
    for (args, said) in [
        (
            json!({ "from": "nobody", "to": "ada", "contents": "a" }),
            "the sender does not exist",
        ),
        (
            json!({ "from": "dan", "to": "ada", "contents": "a" }),
            "the sender does not exist",
        ),
        (
            json!({ "from": "ada", "to": "nobody", "contents": "a" }),
            "the receiver does not exist",
        ),
        (
            json!({ "from": "ada", "to": "dan", "contents": "a" }),
            "the receiver does not exist",
        ),
    ] {
        let answer = send(&domain, &service(), &args).await;
        assert_eq!(
            (answer.code(), answer["errors"][0]["message"].as_str()),
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
                &json!({ "to": "ada", "contents": "once", "key": "k" }),
            )
            .await
        })
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.unwrap().at("sendMessage.id"), "message_1");
    }
    assert_eq!(domain.inbox(ADA, json!({})).await, ["once"]);
}

#[tokio::test]
async fn a_replay_repeats_the_response_after_message_changes() {
    let domain = MessagesDomain::new().await;
    let args = json!({ "to": "ada", "contents": "once", "flag": "f", "key": "k" });
    let first = send(&domain, &member(CLEO), &args).await;
    assert_eq!(first.code(), "OK");
    domain.member(ADA).query(DELETE, json!({ "id": 1 })).await;
    domain.deactivate(ADA).await;
    assert_eq!(send(&domain, &member(CLEO), &args).await, first);
    let other = json!({ "to": "ada", "contents": "twice", "flag": "f", "key": "k" });
    assert_eq!(
        send(&domain, &member(CLEO), &other).await.code(),
        "IDEMPOTENCY_MISMATCH"
    );
    // A key belongs to one user, and a request that failed stores no key.
    assert_eq!(send(&domain, &member(BEN), &other).await.code(), "CONFLICT");
    let mended = json!({ "to": "dan", "contents": "twice", "key": "k" });
    assert_eq!(send(&domain, &member(BEN), &mended).await.code(), "OK");
}
