//! The subscription `newMessage`.

use contract::Viewer;
use futures_util::FutureExt;
use futures_util::stream::StreamExt;
use serde_json::{Value, json};

use testing::Answer;

use crate::support::{ADA, BEN, CLEO, DELETE, MessagesDomain, SEND, service};

const NEW: &str = "subscription { newMessage { contents from { id } } }";

fn arrived(from: i64, contents: &str) -> Option<Answer> {
    let message = json!({ "contents": contents, "from": { "id": format!("user_{from}") } });
    Some(Answer::new(json!({ "data": { "newMessage": message } })))
}

#[tokio::test]
async fn new_messages_arrive_at_their_receiver() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "before").await;
    let mut hers = domain.member(ADA).subscribe(NEW, json!({})).await;
    let mut his = domain.member(BEN).subscribe(NEW, json!({})).await;
    domain.send(CLEO, "ada", "one").await;
    domain.send(CLEO, "ben", "two").await;
    domain.send(BEN, "ada", "three").await;
    assert_eq!(hers.next().await, arrived(CLEO, "one"));
    assert_eq!(hers.next().await, arrived(BEN, "three"));
    assert_eq!(his.next().await, arrived(CLEO, "two"));
    assert_eq!(his.next().now_or_never(), None, "what he sent is not his to receive");
}

#[tokio::test]
async fn only_a_person_has_an_inbox() {
    let domain = MessagesDomain::new().await;
    for viewer in [Viewer::Anonymous, service()] {
        let answers = domain.client(&viewer).subscribe(NEW, json!({})).await;
        let answers: Vec<Answer> = answers.collect().await;
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].code(), "UNAUTHENTICATED");
        assert_eq!(answers[0]["data"], Value::Null);
    }
}

#[tokio::test]
async fn lost_events_neither_lose_nor_repeat_a_message() {
    const MESSAGES: usize = 120;
    let domain = MessagesDomain::with_bus(2).await;
    let mut hers = domain.member(ADA).subscribe(NEW, json!({})).await;
    for number in 0..MESSAGES {
        domain.send(CLEO, "ada", &number.to_string()).await;
    }
    // More events about other people than the bus keeps.
    for _ in 0..3 {
        domain.send(CLEO, "ben", "not hers").await;
    }
    for number in 0..MESSAGES {
        assert_eq!(hers.next().await, arrived(CLEO, &number.to_string()));
    }
    domain.send(CLEO, "ada", "after").await;
    assert_eq!(hers.next().await, arrived(CLEO, "after"));
}

#[tokio::test]
async fn a_message_deleted_before_its_delivery_is_not_shown() {
    let domain = MessagesDomain::new().await;
    let mut hers = domain.member(ADA).subscribe(NEW, json!({})).await;
    domain.send(CLEO, "ada", "regretted").await;
    domain.member(CLEO).query(DELETE, json!({ "id": 1 })).await;
    domain.send(CLEO, "ada", "kept").await;
    assert_eq!(hers.next().await, arrived(CLEO, "kept"));
}

#[tokio::test]
async fn a_message_arrives_after_its_sender_disconnected() {
    let domain = MessagesDomain::new().await;
    let mut hers = domain.member(ADA).subscribe(NEW, json!({})).await;
    let sender = domain.member(CLEO);
    let sending = sender.query(SEND, json!({ "to": "ada", "contents": "bye" }));
    assert_eq!(sending.now_or_never(), None, "it was sent off, not answered");
    assert_eq!(hers.next().await, arrived(CLEO, "bye"));
}
