//! The subscription `postCreated`.

use contract::Event;
use futures_util::FutureExt;
use futures_util::stream::StreamExt;
use serde_json::json;
use testing::Answer;

use crate::support::{CLEO, DAN, DELETE, PostsDomain, create, service};

const ALL: &str = "subscription { postCreated { title text } }";
const BOOKS: &str = r#"subscription { postCreated(community: "BOOKS") { title text } }"#;

fn arrived(title: &str) -> Option<Answer> {
    let post = json!({ "title": title, "text": format!("about {title}") });
    Some(Answer::new(json!({ "data": { "postCreated": post } })))
}

#[tokio::test]
async fn new_posts_arrive_at_subscribers_of_their_community() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Outdoors", "before").await;
    let mut all = domain.anonymous().subscribe(ALL, json!({})).await;
    // The community has no post yet.
    let mut books = domain.anonymous().subscribe(BOOKS, json!({})).await;
    domain.post(CLEO, "Books", "one").await;
    domain.post(DAN, "Outdoors", "two").await;
    domain.post(DAN, "books", "three").await;
    for title in ["one", "two", "three"] {
        assert_eq!(all.next().await, arrived(title));
    }
    for title in ["one", "three"] {
        assert_eq!(books.next().await, arrived(title));
    }
    assert_eq!(all.next().now_or_never(), None);
    assert_eq!(
        books.next().now_or_never(),
        None,
        "what is posted elsewhere is not shown"
    );
}

#[tokio::test]
async fn a_post_arrives_at_its_creation_with_any_date() {
    let domain = PostsDomain::new().await;
    let mut all = domain.anonymous().subscribe(ALL, json!({})).await;
    for (title, at) in [("future", "2030-01-01T00:00:00Z"), ("past", "1999-01-01T00:00:00Z")] {
        let text = format!("about {title}");
        let input = json!({ "title": title, "text": text, "community": "c", "username": "u", "at": at });
        create(&domain, &service(), &input).await;
    }
    assert_eq!(all.next().await, arrived("future"));
    assert_eq!(all.next().await, arrived("past"));
}

#[tokio::test]
async fn lost_events_neither_lose_nor_repeat_a_post() {
    const POSTS: usize = 120;
    for document in [ALL, BOOKS] {
        let domain = PostsDomain::with_bus(2).await;
        let mut posts = domain.anonymous().subscribe(document, json!({})).await;
        for number in 0..POSTS {
            domain.post(CLEO, "Books", &number.to_string()).await;
        }
        // More events about other things than the bus keeps.
        for number in 0..3 {
            let event = Event::MessageSent { id: number, to: 1 };
            domain.services.bus.publish(event);
        }
        for number in 0..POSTS {
            assert_eq!(posts.next().await, arrived(&number.to_string()));
        }
        domain.post(CLEO, "Books", "after").await;
        assert_eq!(posts.next().await, arrived("after"));
    }
}

#[tokio::test]
async fn a_post_deleted_before_its_delivery_does_not_arrive() {
    let domain = PostsDomain::new().await;
    let mut all = domain.anonymous().subscribe(ALL, json!({})).await;
    let id = domain.post(CLEO, "Books", "one").await;
    domain.delete(&id).await;
    domain.post(CLEO, "Books", "two").await;
    assert_eq!(all.next().await, arrived("two"));
}

#[tokio::test]
async fn a_late_event_shows_no_post_twice() {
    let domain = PostsDomain::new().await;
    let mut all = domain.anonymous().subscribe(ALL, json!({})).await;
    domain.post(CLEO, "Books", "one").await;
    assert_eq!(all.next().await, arrived("one"));
    let community = "books".to_owned();
    domain.services.bus.publish(Event::PostCreated { id: 1, community });
    domain.post(CLEO, "Books", "two").await;
    assert_eq!(all.next().await, arrived("two"));
}

#[tokio::test]
async fn a_post_is_read_once_for_all_its_subscribers() {
    let domain = PostsDomain::new().await;
    let mut subscribers = Vec::new();
    for _ in 0..5 {
        subscribers.push(domain.anonymous().subscribe(ALL, json!({})).await);
    }
    domain.post(CLEO, "Books", "one").await;
    let before = domain.services.db.stats().reads;
    for arriving in &mut subscribers {
        assert_eq!(arriving.next().await, arrived("one"));
    }
    assert_eq!(domain.services.db.stats().reads - before, 1);
}

#[tokio::test]
async fn a_post_that_was_deleted_meanwhile_does_not_arrive() {
    let domain = PostsDomain::new().await;
    let mut first = domain.anonymous().subscribe(ALL, json!({})).await;
    let mut second = domain.anonymous().subscribe(ALL, json!({})).await;
    let id = domain.post_at_once(CLEO, "Books", "one").await;
    assert_eq!(first.next().await, arrived("one"));
    let deleted = domain.member(CLEO).query(DELETE, json!({ "id": id })).await;
    assert_eq!(deleted.code(), "OK");
    assert_eq!(second.next().now_or_never(), None);
}
