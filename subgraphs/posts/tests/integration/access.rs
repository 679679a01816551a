//! Every caller may read posts; users may post and delete under their own name only.

use contract::Viewer;
use serde_json::Value;

use crate::support::{ADA, CLEO, DAN, PostsDomain, admin, code, create, member, service};

/// The callers: the author, another person, an administrator, a program and an anonymous client.
const CALLER_NAMES: [&str; 5] = ["author", "stranger", "admin", "service", "anonymous"];

fn viewers() -> [Viewer; 5] {
    [member(CLEO), member(DAN), admin(), service(), Viewer::Anonymous]
}

#[tokio::test]
async fn every_caller_reads_everything() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    for (viewer, caller) in viewers().iter().zip(CALLER_NAMES) {
        for read in [
            "{ post(id: 1) { title text } }",
            "{ recentPosts { nodes { title } } }",
            r#"{ community(name: "books") { posts { nodes { title } } } }"#,
            "{ communities { nodes { posts { nodes { title } } } } }",
            r#"{ _entities(representations: [{ __typename: "User", id: "3" }]) { ... on User { posts { nodes { title } } } } }"#,
            r#"{ _entities(representations: [{ __typename: "Post", id: "1" }]) { ... on Post { title } } }"#,
        ] {
            let answer = domain.ask(viewer, read).await;
            assert_eq!(code(&answer), "OK", "{caller}: {read}");
            assert!(answer.to_string().contains("\"one\""), "{caller}: {read}: {answer}");
        }
    }
}

#[tokio::test]
async fn users_post_under_their_own_name_and_operators_under_any() {
    let hello = r#"title: "a", text: "b", community: "c""#;
    let date = r#"at: "2026-01-02T03:04:05Z""#;
    for (more, wanted) in [
        ("", ["OK", "OK", "UNAUTHENTICATED", "INVALID_INPUT", "UNAUTHENTICATED"]),
        (
            r#"username: "CLEO""#,
            ["OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"],
        ),
        (
            r#"username: "unknown""#,
            ["FORBIDDEN", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"],
        ),
        (
            date,
            [
                "FORBIDDEN",
                "FORBIDDEN",
                "UNAUTHENTICATED",
                "INVALID_INPUT",
                "UNAUTHENTICATED",
            ],
        ),
    ] {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let domain = PostsDomain::new().await;
            let answer = create(&domain, viewer, &format!("{hello}, {more}")).await;
            // The administrator has no account here and therefore cannot post under their own name.
            assert_eq!(code(&answer), wanted, "{caller}: {more}");
            assert_eq!(
                domain.titles("recentPosts").await.len(),
                usize::from(wanted == "OK"),
                "{caller}: {more}"
            );
        }
    }
}

#[tokio::test]
async fn an_administrator_posts_as_themselves_too() {
    let domain = PostsDomain::new().await;
    let ada = Viewer::User {
        id: ADA,
        role: contract::Role::Investor,
        admin: true,
    };
    let made = create(&domain, &ada, r#"title: "a", text: "b", community: "c""#).await;
    assert_eq!(made["data"]["createPost"]["username"], "Ada");
    assert_eq!(made["data"]["createPost"]["author"]["id"], "1");
}

#[tokio::test]
async fn a_deactivated_account_cannot_post() {
    let domain = PostsDomain::new().await;
    domain.post(DAN, "Books", "before").await;
    domain.deactivate(DAN).await;
    // The token is older than the deactivation.
    let late = create(&domain, &member(DAN), r#"title: "a", text: "b", community: "c""#).await;
    assert_eq!(code(&late), "UNAUTHENTICATED");
    assert_eq!(domain.titles("recentPosts").await, ["before"], "what was posted stays");
}

#[tokio::test]
async fn a_post_is_deleted_by_its_author_and_by_operators_once() {
    let table = [
        (1, ["OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"]),
        // A post without an author.
        (2, ["FORBIDDEN", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"]),
        (
            3,
            ["NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "UNAUTHENTICATED"],
        ),
    ];
    for (id, wanted) in table {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let domain = PostsDomain::new().await;
            domain.post(CLEO, "Books", "one").await;
            let input = r#"title: "two", text: "b", community: "Books", username: "unknown""#;
            assert_eq!(code(&create(&domain, &service(), input).await), "OK");
            let delete = format!("mutation {{ deletePost(id: {id}) }}");
            assert_eq!(code(&domain.ask(viewer, &delete).await), wanted, "{caller}: {id}");
            let left = domain.titles("recentPosts").await;
            assert_eq!(left.len(), 2 - usize::from(wanted == "OK"), "{caller}: {id}");
            if wanted == "OK" {
                assert_eq!(
                    code(&domain.ask(viewer, &delete).await),
                    "NOT_FOUND",
                    "{caller}: {id} again"
                );
                let gone = domain.ask(viewer, &format!("{{ post(id: {id}) {{ id }} }}")).await;
                assert_eq!(gone["data"]["post"], Value::Null);
            }
        }
    }
}

#[tokio::test]
async fn an_invalid_id_finds_no_post() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    for id in ["x", "01", "+1", "1.0", "", "9223372036854775808"] {
        let read = domain
            .ask(&admin(), &format!(r#"{{ post(id: "{id}") {{ id }} }}"#))
            .await;
        assert_eq!(read, serde_json::json!({ "data": { "post": null } }), "{id}");
        let delete = domain
            .ask(&admin(), &format!(r#"mutation {{ deletePost(id: "{id}") }}"#))
            .await;
        assert_eq!(code(&delete), "NOT_FOUND", "{id}");
    }
}

#[tokio::test]
async fn an_id_is_never_used_again() {
    let domain = PostsDomain::new().await;
    assert_eq!(domain.post(CLEO, "Books", "one").await, "1");
    domain.delete("1").await;
    assert_eq!(domain.post(CLEO, "Books", "two").await, "2");
}
