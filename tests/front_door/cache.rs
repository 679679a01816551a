//! The cache, observed through GraphQL and REST, switched on and off.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agora::config::Settings;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{HttpClient, TestApp};

const LOOK_UP: &str = "query($id: ID!) { book(id: $id) { title quantity } }";

async fn in_graphql(person: &HttpClient, book: &str) -> i64 {
    let reply = person.query(LOOK_UP, json!({ "id": book })).await;
    reply.at("book.quantity").as_i64().expect("a number")
}

async fn in_rest(person: &HttpClient, book: &str) -> i64 {
    let reply = person.get(&format!("/bookstore/info/{book}")).await;
    reply.body["quantity"].as_i64().unwrap_or_else(|| panic!("{reply:?}"))
}

async fn counts(person: &HttpClient) -> (i64, i64, i64) {
    let reply = person.get("/cache").await;
    let read = |name: &str| reply.body[name].as_i64().unwrap_or_else(|| panic!("{reply:?}"));
    (read("hits"), read("misses"), read("invalidations"))
}

async fn first_book(person: &HttpClient) -> String {
    let reply = person.query("{ books(first: 1) { nodes { id } } }", json!({})).await;
    reply.id("books.nodes.0.id").to_string()
}

fn settings(cache_enabled: bool) -> Settings {
    let mut settings = Settings::default();
    settings.limits.cache_enabled = cache_enabled;
    settings
}

#[tokio::test]
async fn look_ups_are_cached_until_a_purchase_through_either_api() {
    let app = TestApp::new().await;
    let (ada, anonymous) = (app.signed_in("ada").await, app.anonymous());
    let book = first_book(&ada).await;
    let (hits, misses, invalidations) = counts(&anonymous).await;
    let quantity = in_graphql(&ada, &book).await;
    assert_eq!(in_graphql(&anonymous, &book).await, quantity);
    assert_eq!(in_rest(&anonymous, &book).await, quantity);
    assert_eq!(in_rest(&ada, &book).await, quantity);
    assert_eq!(counts(&anonymous).await, (hits + 2, misses + 2, invalidations));
    anonymous.post(&format!("/bookstore/purchase/{book}"), json!({})).await;
    assert_eq!(in_graphql(&anonymous, &book).await, quantity - 1);
    let bought = "mutation($id: ID!) { purchaseBook(id: $id) { id } }";
    ada.query(bought, json!({ "id": book })).await.at("purchaseBook.id");
    assert_eq!(in_rest(&anonymous, &book).await, quantity - 2);
    assert_eq!(in_graphql(&anonymous, &book).await, quantity - 2);
    assert_eq!(counts(&anonymous).await, (hits + 2, misses + 5, invalidations + 2));
}

#[tokio::test]
async fn a_post_and_its_votes_are_cached_until_the_next_vote() {
    let app = TestApp::new().await;
    let (ada, anonymous) = (app.signed_in("ada").await, app.anonymous());
    let ben = app.signed_in("ben").await;
    let create = r#"mutation { createPost(input: { title: "a", text: "b", community: "c" }) { id } }"#;
    let post = ada.query(create, json!({})).await.at("createPost.id").clone();
    let ask = async |person: &HttpClient, query: &str| {
        let reply = person.query(query, json!({ "id": post })).await;
        reply["data"].clone()
    };
    let look_up = "query($id: ID!) { post(id: $id) { title score } }";
    let score = |score: i64| json!({ "post": { "title": "a", "score": score } });
    assert_eq!(ask(&anonymous, look_up).await, score(0));
    let (hits, misses, invalidations) = counts(&anonymous).await;
    assert_eq!(ask(&ada, look_up).await, score(0));
    assert_eq!(counts(&anonymous).await, (hits + 2, misses, invalidations));
    // The vote also changes the author's karma, so it invalidates the post and the person.
    ask(&ben, "mutation($id: ID!) { upvote(postId: $id) { id } }").await;
    assert_eq!(ask(&anonymous, look_up).await, score(1));
    let (_, _, later) = counts(&anonymous).await;
    assert_eq!(later, invalidations + 2);
    // A viewer's own vote is never cached.
    let own = "query($id: ID!) { post(id: $id) { myVote } }";
    for _ in 0..2 {
        assert_eq!(ask(&ben, own).await, json!({ "post": { "myVote": "UP" } }));
        assert_eq!(ask(&anonymous, own).await, json!({ "post": { "myVote": null } }));
    }
    ask(&ben, "mutation($id: ID!) { clearVote(postId: $id) { id } }").await;
    assert_eq!(ask(&anonymous, look_up).await, score(0));
    assert_eq!(ask(&ben, own).await, json!({ "post": { "myVote": null } }));
}

#[tokio::test]
async fn a_post_deleted_through_either_api_leaves_the_cache() {
    let app = TestApp::new().await;
    let (ada, anonymous) = (app.signed_in("ada").await, app.anonymous());
    let look_up = "query($id: ID!) { post(id: $id) { title } }";
    for in_graphql in [true, false] {
        let new = json!({ "title": "a", "text": "b", "community": "c", "username": "ada" });
        let made = anonymous.post("/community/posts", new).await;
        let id = &made.body["id"].to_string();
        let found = async || {
            let reply = anonymous.query(look_up, json!({ "id": id })).await;
            reply["data"]["post"]["title"] == "a"
        };
        let (hits, ..) = counts(&anonymous).await;
        assert!(found().await && found().await);
        assert_eq!(counts(&anonymous).await.0, hits + 1, "it is remembered");
        if in_graphql {
            let delete = "mutation($id: ID!) { deletePost(id: $id) }";
            ada.query(delete, json!({ "id": id })).await.at("deletePost");
        } else {
            assert_eq!(anonymous.delete(&format!("/community/posts/{id}")).await.status, 200)
        }
        assert!(!found().await);
        assert_eq!(anonymous.get(&format!("/community/posts/{id}")).await.status, 404);
    }
}

#[tokio::test]
async fn a_disabled_cache_stores_nothing() {
    let app = TestApp::with_settings(settings(false)).await;
    let anonymous = app.anonymous();
    let book = first_book(&anonymous).await;
    let quantity = in_graphql(&anonymous, &book).await;
    assert_eq!(in_rest(&anonymous, &book).await, quantity);
    anonymous.post(&format!("/bookstore/purchase/{book}"), json!({})).await;
    assert_eq!(in_graphql(&anonymous, &book).await, quantity - 1);
    assert_eq!(counts(&anonymous).await, (0, 0, 0));
    let reply = anonymous.get("/cache").await;
    assert_eq!(
        (&reply.body["enabled"], &reply.body["capacity"]),
        (&json!(false), &json!(0))
    );
}

/// Runs concurrent buyers and readers. No reader sees a copy whose sale was answered before the read began.
#[tokio::test(flavor = "multi_thread")]
async fn a_sold_copy_is_not_seen_again() {
    for cache_enabled in [true, false] {
        let app = TestApp::with_settings(settings(cache_enabled)).await;
        let admin = app.signed_in("admin").await;
        let input = json!({
            "title": "Sought after", "topic": "races", "quantity": 1_000, "price": { "amount": "1.00", "currency": "USD" },
        });
        let added = admin
            .query(
                "mutation($input: BookInput!) { addBook(input: $input) { id } }",
                json!({ "input": input }),
            )
            .await;
        let book: Arc<str> = added.id("addBook.id").to_string().into();
        // The lowest number of copies left that a buyer was told.
        let left = Arc::new(AtomicI64::new(1_000));
        let buyers = (0..4).map(|_| {
            let (buyer, book, left) = (admin.clone(), book.clone(), left.clone());
            tokio::spawn(async move {
                for _ in 0..40 {
                    let bought = "mutation($id: ID!) { purchaseBook(id: $id) { quantityAfter } }";
                    let reply = buyer.query(bought, json!({ "id": &*book })).await;
                    let after = reply.at("purchaseBook.quantityAfter").as_i64().expect("a number");
                    left.fetch_min(after, Ordering::SeqCst);
                }
            })
        });
        let readers = (0..4).map(|reader| {
            let (person, book, left) = (app.anonymous(), book.clone(), left.clone());
            tokio::spawn(async move {
                for _ in 0..120 {
                    let known = left.load(Ordering::SeqCst);
                    let seen = match reader % 2 {
                        0 => in_graphql(&person, &book).await,
                        _ => in_rest(&person, &book).await,
                    };
                    assert!(seen <= known, "{seen} copies were seen after {known} were left");
                }
            })
        });
        let all: Vec<_> = buyers.chain(readers.collect::<Vec<_>>()).collect();
        for done in join_all(all).await {
            done.expect("no reader saw a sold copy");
        }
        assert_eq!(in_rest(&app.anonymous(), &book).await, 840);
        let reply = app.anonymous().get("/cache").await;
        assert_eq!(reply.body["enabled"], Value::Bool(cache_enabled));
        assert_eq!(reply.body["hits"].as_i64() > Some(0), cache_enabled, "{reply:?}");
    }
}
