//! The subscription `bookChanged`.

use futures_util::FutureExt;
use futures_util::stream::StreamExt;
use serde_json::{Value, json};
use testing::Answer;

use crate::support::{BUY, BookstoreDomain, DELETE, UPDATE};

const ALL: &str = "subscription { bookChanged { id quantity } }";
const SOME: &str = "subscription($ids: [ID!]!) { bookChanged(ids: $ids) { id quantity } }";

fn changed(id: &str, quantity: i64) -> Value {
    let id = format!("book_{id}");
    json!({ "data": { "bookChanged": { "id": id, "quantity": quantity } } })
}

async fn buy(store: &BookstoreDomain, id: &str) {
    let sold = store.member(7).query(BUY, json!({ "id": id })).await;
    assert_eq!(sold.code(), "OK");
}

async fn set_quantity(store: &BookstoreDomain, id: &str, quantity: i64) {
    let update = json!({ "id": id, "input": { "quantity": quantity } });
    assert_eq!(store.admin().query(UPDATE, update).await.code(), "OK");
}

#[tokio::test]
async fn shows_a_book_after_each_sale_and_update() {
    let store = BookstoreDomain::with_copies(3).await;
    let mut changes = store.anonymous().subscribe(ALL, json!({})).await;
    buy(&store, "1").await;
    assert_eq!(changes.next().await.unwrap(), changed("1", 2));
    set_quantity(&store, "1", 9).await;
    assert_eq!(changes.next().await.unwrap(), changed("1", 9));
    store.add("Emma", "novels", 4).await;
    assert_eq!(changes.next().await.unwrap(), changed("2", 4));
}

#[tokio::test]
async fn shows_only_the_books_that_were_named() {
    let store = BookstoreDomain::with_copies(3).await;
    store.add("Emma", "novels", 4).await;
    let mut changes = store.member(7).subscribe(SOME, json!({ "ids": ["2", "x"] })).await;
    buy(&store, "1").await;
    buy(&store, "2").await;
    assert_eq!(changes.next().await.unwrap(), changed("2", 3));
}

#[tokio::test]
async fn a_deleted_book_yields_nothing_and_ends_nothing() {
    let store = BookstoreDomain::with_copies(3).await;
    store.add("Emma", "novels", 4).await;
    let mut changes = store.member(7).subscribe(ALL, json!({})).await;
    assert_eq!(store.admin().query(DELETE, json!({ "id": 1 })).await.code(), "OK");
    buy(&store, "2").await;
    assert_eq!(changes.next().await.unwrap(), changed("2", 3));
}

#[tokio::test]
async fn a_slow_subscriber_gets_the_latest_and_nothing_twice() {
    let store = BookstoreDomain::with_copies(9).await;
    let mut changes = store.member(7).subscribe(ALL, json!({})).await;
    for _ in 0..3 {
        buy(&store, "1").await;
    }
    assert_eq!(changes.next().await.unwrap(), changed("1", 6));
    // The two remaining events announce a version that the subscriber has already received.
    buy(&store, "1").await;
    assert_eq!(changes.next().await.unwrap(), changed("1", 5));
}

#[tokio::test]
async fn a_replayed_purchase_is_no_change() {
    let store = BookstoreDomain::with_copies(9).await;
    let mut changes = store.member(7).subscribe(ALL, json!({})).await;
    for _ in 0..2 {
        let bought = store.member(7).query(BUY, json!({ "id": 1, "key": "k" })).await;
        assert_eq!(bought.code(), "OK");
    }
    assert_eq!(changes.next().await.unwrap(), changed("1", 8));
    buy(&store, "1").await;
    assert_eq!(changes.next().await.unwrap(), changed("1", 7));
}

#[tokio::test]
async fn a_sale_is_announced_after_its_buyer_disconnected() {
    let store = BookstoreDomain::with_copies(3).await;
    let mut changes = store.member(7).subscribe(ALL, json!({})).await;
    let buyer = store.member(8);
    let buying = buyer.query(BUY, json!({ "id": 1 }));
    assert!(buying.now_or_never().is_none(), "it was sent off, not answered");
    assert_eq!(changes.next().await.unwrap(), changed("1", 2));
}

#[tokio::test]
async fn lost_events_hide_no_change_from_a_watcher_of_some_books() {
    let store = BookstoreDomain::with_bus(2).await;
    for title in ["a", "b", "c", "d"] {
        store.add(title, "t", 100).await;
    }
    let mut changes = store.member(7).subscribe(SOME, json!({ "ids": [1, 2, 3] })).await;
    buy(&store, "1").await;
    buy(&store, "3").await;
    for _ in 0..5 {
        buy(&store, "4").await;
    }
    let mut seen = vec![changes.next().await.unwrap(), changes.next().await.unwrap()];
    seen.sort_by_key(Answer::to_string);
    assert_eq!(seen, [changed("1", 99), changed("3", 99)]);
    buy(&store, "2").await;
    assert_eq!(changes.next().await.unwrap(), changed("2", 99));
}

#[tokio::test]
async fn lost_events_hide_no_change_from_a_watcher_of_all_books() {
    const BOOKS: usize = 250;
    let store = BookstoreDomain::with_bus(2).await;
    store.add("first", "t", 100).await;
    let mut changes = store.member(7).subscribe(ALL, json!({})).await;
    for number in 0..BOOKS {
        store.add(&format!("book {number}"), "t", 1).await;
    }
    set_quantity(&store, "7", 77).await;
    let mut seen = std::collections::BTreeMap::new();
    // Book 1 changed last before the subscription began, so it may be sent once more. The others must be sent.
    while seen.len() < BOOKS || !(2..=BOOKS + 1).all(|id| seen.contains_key(&format!("book_{id}"))) {
        let book = changes.next().await.unwrap().at("bookChanged").clone();
        let id = book["id"].as_str().unwrap().to_owned();
        assert_eq!(seen.insert(id, book["quantity"].clone()), None, "shown twice: {book}");
    }
    assert_eq!(seen["book_7"], 77);
    buy(&store, "1").await;
    assert_eq!(changes.next().await.unwrap(), changed("1", 99));
}

#[tokio::test]
async fn a_subscription_names_at_most_a_hundred_books() {
    let store = BookstoreDomain::new().await;
    let answers = store.member(7).subscribe(SOME, json!({ "ids": vec!["1"; 101] })).await;
    let answers: Vec<Answer> = answers.collect().await;
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].code(), "INVALID_INPUT");
}
