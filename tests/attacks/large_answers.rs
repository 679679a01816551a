//! Short requests whose responses would fill the memory.

use std::collections::HashSet;

use serde_json::{Value, json};
use tests::HttpClient;
use tokio::task::JoinSet;

use super::target::Target;

/// Returns the longest text that a post may have, of characters that take four bytes each.
fn longest_text() -> String {
    "\u{1F600}".repeat(40_000)
}

/// Creates this many posts with the longest text.
pub async fn write_posts(author: &HttpClient, posts: usize) {
    let create =
        "mutation($text: String!) { createPost(input: { title: \"Long\", text: $text, community: \"Books\" }) { id } }";
    for _ in 0..posts {
        let reply = author.query(create, json!({ "text": longest_text() })).await;
        reply.at("createPost.id");
    }
}

/// Sends a query this many times at once and returns the codes of the first errors.
async fn codes(caller: &HttpClient, query: &str, times: usize) -> Vec<String> {
    let mut requests = JoinSet::new();
    for _ in 0..times {
        let (caller, query) = (caller.clone(), query.to_owned());
        requests.spawn(async move { caller.query(&query, json!({})).await.code().to_owned() });
    }
    requests.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn multiplied_texts_are_refused_and_a_page_of_long_texts_is_not() {
    let target = Target::start();
    let anonymous = HttpClient::new(target.url());
    let cleo = anonymous.sign_in("cleo").await;
    write_posts(&cleo, 100).await;
    let attack = async {
        let nested = "{ user(username: \"cleo\") { posts(first: 100) { nodes { author { posts(first: 100) { nodes { text } } } } } } }";
        let aliases: String = (0..50)
            .map(|n| format!("a{n}: recentPosts {{ nodes {{ text }} }} "))
            .collect();
        let fragments = "query($n: Int!) { ...P } fragment P on Query { a: recentPosts(first: $n) { nodes { ...T } } b: recentPosts(last: $n) { edges { node { ...T } } } } fragment T on Post { text again: text more: text and: text evermore: text }";
        for query in [nested, &format!("{{ {aliases} }}")] {
            for code in codes(&anonymous, query, 10).await {
                assert_eq!(code, "QUERY_TOO_COMPLEX");
            }
        }
        let reply = anonymous.query(fragments, json!({ "n": 100 })).await;
        assert_eq!(reply.code(), "QUERY_TOO_COMPLEX", "{reply}");
        // These responses could be small, but are large.
        let eight_times = "{ user(username: \"cleo\") { posts(first: 8) { nodes { author { posts(first: 100) { nodes { text } } } } } } }";
        let eight_aliases: String = (0..8)
            .map(|n| format!("a{n}: recentPosts(first: 100) {{ nodes {{ text }} }} "))
            .collect();
        for query in [eight_times, &format!("{{ {eight_aliases} }}")] {
            for code in codes(&anonymous, query, 6).await {
                assert!(matches!(&*code, "ANSWER_TOO_LARGE" | "UNAVAILABLE"), "{code:?}");
            }
        }
        let page = anonymous
            .query("{ recentPosts(first: 100) { nodes { text } } }", json!({}))
            .await;
        let nodes = page.at("recentPosts.nodes").as_array().unwrap();
        assert_eq!(nodes.len(), 100);
        assert!(nodes.iter().all(|node| node["text"] == longest_text()));
    };
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_list_of_long_texts_ends_early_with_a_next_link() {
    let target = Target::start();
    let anonymous = HttpClient::new(target.url());
    let (ben, dan) = (anonymous.sign_in("ben").await, anonymous.sign_in("dan").await);
    let send = "mutation($text: String!) { sendMessage(to: \"ben\", contents: $text) { id } }";
    for _ in 0..200 {
        let reply = dan.query(send, json!({ "text": longest_text() })).await;
        reply.at("sendMessage.id");
    }
    let attack = list_is_walked(&ben, "/community/messages?userTo=ben", 3, 200);
    target.attacked_by(attack).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_lists_of_long_posts_are_bounded_for_anonymous_callers() {
    let target = Target::start();
    let anonymous = HttpClient::new(target.url());
    write_posts(&anonymous.sign_in("cleo").await, 30).await;
    let attack = list_is_walked(&anonymous, "/community/posts", 12, 25);
    target.attacked_by(attack).await.assert_held();
}

/// Requests a list several times at once. Then follows its links to the end and checks that it has at least `rows`
/// rows.
async fn list_is_walked(caller: &HttpClient, list: &str, at_once: usize, rows: usize) {
    let mut requests = JoinSet::new();
    for _ in 0..at_once {
        let (caller, list) = (caller.clone(), list.to_owned());
        requests.spawn(async move { caller.get(&list).await.status });
    }
    for status in requests.join_all().await {
        assert!(matches!(status, 200 | 503), "{status}");
    }
    let mut ids = HashSet::new();
    let mut path = list.to_owned();
    loop {
        let answer = caller.request("GET", &path).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let link = answer
            .headers()
            .get("link")
            .map(|link| link.to_str().expect("text").to_owned());
        let body = answer.bytes().await.expect("a body");
        assert!(body.len() < 17 * 1024 * 1024, "{}", body.len());
        let list: Vec<Value> = serde_json::from_slice(&body).expect("a list");
        assert!(!list.is_empty());
        ids.extend(list.iter().map(|row| row["id"].to_string()));
        let Some(link) = link else { break };
        path = link
            .trim_start_matches('<')
            .split('>')
            .next()
            .expect("an address")
            .to_owned();
    }
    assert!(ids.len() >= rows, "{}", ids.len());
}
