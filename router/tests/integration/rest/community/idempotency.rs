//! `Idempotency-Key`: the same key with the same request has one effect and one response.

use super::app::{CommunityApp, NEW_MESSAGE, NEW_POST, NEW_USER, assert_names, said};

const KEY: &[(&str, &str)] = &[("idempotency-key", "k1")];

/// Each route that creates something: two valid requests, and one that fails.
const MAKERS: [(&str, &str, &str, &str); 5] = [
    (
        "/posts",
        NEW_POST,
        r#"{"title":"b","text":"b","community":"B","username":"b"}"#,
        "{}",
    ),
    ("/votes/6/upvotes", "", "", ""),
    ("/votes/6/downvotes", "", "", ""),
    (
        "/users",
        NEW_USER,
        r#"{"username":"zoe","email":"zoe@example.com"}"#,
        r#"{"username":"dan","email":"zoe@example.com"}"#,
    ),
    (
        "/messages",
        NEW_MESSAGE,
        r#"{"userFrom":"dan","userTo":"ben","contents":"Found it."}"#,
        r#"{"userFrom":"dan","userTo":"unknown","contents":"Found it."}"#,
    ),
];

#[tokio::test]
async fn one_key_has_one_effect_and_one_answer() {
    for (path, body, other, refused) in MAKERS {
        let community = CommunityApp::open().await;
        let line = format!("POST {path}");
        if !refused.is_empty() {
            // A request that fails leaves its key free.
            let answered = community.called_by(KEY, &line, refused).await;
            assert!(matches!(answered.status, 400 | 409), "{line}: {}", answered.text);
        }
        let first = community.called_by(KEY, &line, body).await;
        assert_eq!(first.status, 201, "{line}: {}", first.text);
        let after = community.everything().await;
        let again = community.called_by(KEY, &line, body).await;
        assert_eq!(
            (again.line(), again.header("location")),
            (first.line(), first.header("location")),
            "{line}"
        );
        let mismatch = said(422, "this idempotency key was used for another request");
        if !other.is_empty() {
            assert_eq!(community.called_by(KEY, &line, other).await.line(), mismatch, "{line}");
        }
        // A request with another path is a different request.
        let elsewhere = community.called_by(KEY, "POST /votes/1/upvotes", "").await;
        assert_eq!(elsewhere.line(), mismatch, "{line}");
        assert_eq!(community.everything().await, after, "{line}");
    }
}

#[tokio::test]
async fn a_key_under_either_prefix_is_the_same_key() {
    let community = CommunityApp::open().await;
    for line in ["POST /votes/6/upvotes", "POST /api/v1.0/votes/6/upvotes"] {
        let voted = community.called_by(KEY, line, "").await;
        assert_eq!(voted.json()["upvotes"], 1, "{line}");
    }
}

#[tokio::test]
async fn an_invalid_key_is_refused_by_name() {
    let community = CommunityApp::open().await;
    let before = community.everything().await;
    for (path, body, ..) in MAKERS {
        for bad in ["", " ", &"x".repeat(256)] {
            let answered = community
                .called_by(&[("idempotency-key", bad)], &format!("POST {path}"), body)
                .await;
            assert_names(&answered, "Idempotency-Key ", path);
        }
    }
    assert_eq!(community.everything().await, before);
}
