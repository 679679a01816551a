//! Subscriptions over HTTP that their clients do not read.

use std::time::Duration;

use serde_json::json;
use tests::HttpClient;

use super::large_answers::write_posts;
use super::target::Target;
use super::wire::{address_of, post, sent, status};

const SUBSCRIPTIONS: usize = 60;
const POSTS: usize = 40;

/// Opens subscriptions to long texts, reads only the status of each, and creates long texts.
async fn subscriptions_are_not_kept(accept: &str) {
    let target = Target::start();
    let address = address_of(target.url());
    let cleo = HttpClient::new(target.url()).sign_in("cleo").await;
    let query = json!({ "query": "subscription { postCreated { text } }" }).to_string();
    let subscribe = post("/graphql", &format!("accept: {accept}\r\n"), &query);
    let attack = async {
        let mut open = Vec::new();
        for _ in 0..SUBSCRIPTIONS {
            let mut stream = sent(&address, &subscribe).await.expect("a connection");
            assert_eq!(status(&mut stream).await.expect("an answer"), 200);
            open.push(stream);
        }
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        for _ in 0..POSTS {
            ticks.tick().await;
            write_posts(&cleo, 1).await;
        }
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_event_streams_are_not_kept() {
    subscriptions_are_not_kept("text/event-stream").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_multipart_streams_are_not_kept() {
    subscriptions_are_not_kept("multipart/mixed;subscriptionSpec=1.0").await;
}
