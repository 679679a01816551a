//! The subscription `bookChanged`.

use futures_util::FutureExt;
use futures_util::stream::StreamExt;
use serde_json::{Value, json};

use crate::support::{BookstoreDomain, admin, code, member};

const ALL: &str = "subscription { bookChanged { id quantity } }";

fn changed(id: &str, quantity: i64) -> Value {
    json!({ "data": { "bookChanged": { "id": id, "quantity": quantity } } })
}

async fn buy(store: &BookstoreDomain, id: &str) {
    let sold = store
        .ask(&member(7), &format!("mutation {{ purchaseBook(id: {id}) {{ id }} }}"))
        .await;
    assert_eq!(code(&sold), "OK");
}

async fn set_quantity(store: &BookstoreDomain, id: &str, quantity: i64) {
    let document = format!("mutation {{ updateBook(id: {id}, input: {{ quantity: {quantity} }}) {{ id }} }}");
    assert_eq!(code(&store.ask(&admin(), &document).await), "OK");
}

#[tokio::test]
async fn shows_a_book_after_each_sale_and_update() {
    let store = BookstoreDomain::with_copies(3).await;
    let mut changes = store.watch(&contract::Viewer::Anonymous, ALL).await;
    buy(&store, "1").await;
    assert_eq!(changes.next().await, Some(changed("1", 2)));
    set_quantity(&store, "1", 9).await;
    assert_eq!(changes.next().await, Some(changed("1", 9)));
    store.add("Emma", "novels", 4).await;
    assert_eq!(changes.next().await, Some(changed("2", 4)));
}

#[tokio::test]
async fn shows_only_the_books_that_were_named() {
    let store = BookstoreDomain::with_copies(3).await;
    store.add("Emma", "novels", 4).await;
    let mut changes = store
        .watch(
            &member(7),
            r#"subscription { bookChanged(ids: ["2", "x"]) { id quantity } }"#,
        )
        .await;
    buy(&store, "1").await;
    buy(&store, "2").await;
    assert_eq!(changes.next().await, Some(changed("2", 3)));
}

#[tokio::test]
async fn a_deleted_book_yields_nothing_and_ends_nothing() {
    let store = BookstoreDomain::with_copies(3).await;
    store.add("Emma", "novels", 4).await;
    let mut changes = store.watch(&member(7), ALL).await;
    assert_eq!(code(&store.ask(&admin(), "mutation { deleteBook(id: 1) }").await), "OK");
    buy(&store, "2").await;
    assert_eq!(changes.next().await, Some(changed("2", 3)));
}

#[tokio::test]
async fn a_slow_subscriber_gets_the_latest_and_nothing_twice() {
    let store = BookstoreDomain::with_copies(9).await;
    let mut changes = store.watch(&member(7), ALL).await;
    for _ in 0..3 {
        buy(&store, "1").await;
    }
    assert_eq!(changes.next().await, Some(changed("1", 6)));
    // The two remaining events announce a version that the subscriber has already received.
    buy(&store, "1").await;
    assert_eq!(changes.next().await, Some(changed("1", 5)));
}

#[tokio::test]
async fn a_replayed_purchase_is_no_change() {
    let store = BookstoreDomain::with_copies(9).await;
    let mut changes = store.watch(&member(7), ALL).await;
    for _ in 0..2 {
        let bought = store
            .ask(
                &member(7),
                r#"mutation { purchaseBook(id: 1, idempotencyKey: "k") { id } }"#,
            )
            .await;
        assert_eq!(code(&bought), "OK");
    }
    assert_eq!(changes.next().await, Some(changed("1", 8)));
    buy(&store, "1").await;
    assert_eq!(changes.next().await, Some(changed("1", 7)));
}

#[tokio::test]
async fn a_sale_is_announced_after_its_buyer_disconnected() {
    let store = BookstoreDomain::with_copies(3).await;
    let mut changes = store.watch(&member(7), ALL).await;
    let buyer = member(8);
    let buying = store.ask(&buyer, "mutation { purchaseBook(id: 1) { id } }");
    assert!(buying.now_or_never().is_none(), "it was sent off, not answered");
    assert_eq!(changes.next().await, Some(changed("1", 2)));
}

#[tokio::test]
async fn lost_events_hide_no_change_from_a_watcher_of_some_books() {
    let store = BookstoreDomain::with_bus(2).await;
    for title in ["a", "b", "c", "d"] {
        store.add(title, "t", 100).await;
    }
    let mut changes = store
        .watch(
            &member(7),
            "subscription { bookChanged(ids: [1, 2, 3]) { id quantity } }",
        )
        .await;
    buy(&store, "1").await;
    buy(&store, "3").await;
    for _ in 0..5 {
        buy(&store, "4").await;
    }
    let mut seen = vec![changes.next().await.unwrap(), changes.next().await.unwrap()];
    seen.sort_by_key(Value::to_string);
    assert_eq!(seen, [changed("1", 99), changed("3", 99)]);
    buy(&store, "2").await;
    assert_eq!(changes.next().await, Some(changed("2", 99)));
}

#[tokio::test]
async fn lost_events_hide_no_change_from_a_watcher_of_all_books() {
    const BOOKS: usize = 250;
    let store = BookstoreDomain::with_bus(2).await;
    store.add("first", "t", 100).await;
    let mut changes = store.watch(&member(7), ALL).await;
    for number in 0..BOOKS {
        store.add(&format!("book {number}"), "t", 1).await;
    }
    set_quantity(&store, "7", 77).await;
    let mut seen = std::collections::BTreeMap::new();
    // Book 1 changed last before the subscription began, so it may be sent once more. The others must be sent.
    while seen.len() < BOOKS || !(2..=BOOKS + 1).all(|id| seen.contains_key(&id.to_string())) {
        let book = changes.next().await.unwrap()["data"]["bookChanged"].clone();
        let id = book["id"].as_str().unwrap().to_owned();
        assert_eq!(seen.insert(id, book["quantity"].clone()), None, "shown twice: {book}");
    }
    assert_eq!(seen["7"], 77);
    buy(&store, "1").await;
    assert_eq!(changes.next().await, Some(changed("1", 99)));
}

#[tokio::test]
async fn a_subscription_names_at_most_a_hundred_books() {
    let store = BookstoreDomain::new().await;
    let ids = vec!["1"; 101].join(", ");
    let document = format!("subscription {{ bookChanged(ids: [{ids}]) {{ id }} }}");
    let answers: Vec<Value> = store.subscribe(&member(7), &document).collect().await;
    assert_eq!(answers.len(), 1);
    assert_eq!(code(&answers[0]), "INVALID_INPUT");
}
