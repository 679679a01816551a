//! Every caller may read posts; users may post and delete under their own name only.

use contract::Viewer;
use serde_json::json;

use crate::support::{ADA, CLEO, DAN, DELETE, POST, PostsDomain, admin, create, member, service};

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
            let answer = domain.client(viewer).query(read, json!({})).await;
            assert_eq!(answer.code(), "OK", "{caller}: {read}");
            assert!(answer.to_string().contains("\"one\""), "{caller}: {read}: {answer}");
        }
    }
}

#[tokio::test]
async fn users_post_under_their_own_name_and_operators_under_any() {
    let hello = json!({ "title": "a", "text": "b", "community": "c" });
    for (more, value, wanted) in [
        (
            "title",
            "a",
            ["OK", "OK", "UNAUTHENTICATED", "INVALID_INPUT", "UNAUTHENTICATED"],
        ),
        ("username", "CLEO", ["OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"]),
        (
            "username",
            "nobody",
            ["FORBIDDEN", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"],
        ),
        (
            "at",
            "2026-01-02T03:04:05Z",
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
            let mut input = hello.clone();
            input[more] = json!(value);
            let answer = create(&domain, viewer, &input).await;
            // The administrator has no account here and therefore cannot post under their own name.
            assert_eq!(answer.code(), wanted, "{caller}: {input}");
            assert_eq!(
                domain.titles(json!({})).await.len(),
                usize::from(wanted == "OK"),
                "{caller}: {input}"
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
    let made = create(&domain, &ada, &json!({ "title": "a", "text": "b", "community": "c" })).await;
    assert_eq!(made.at("createPost.username"), "Ada");
    assert_eq!(made.at("createPost.author.id"), "user_1");
}

#[tokio::test]
async fn a_deactivated_account_cannot_post() {
    let domain = PostsDomain::new().await;
    domain.post(DAN, "Books", "before").await;
    domain.deactivate(DAN).await;
    // The token is older than the deactivation.
    let input = json!({ "title": "a", "text": "b", "community": "c" });
    let late = create(&domain, &member(DAN), &input).await;
    assert_eq!(late.code(), "UNAUTHENTICATED");
    assert_eq!(domain.titles(json!({})).await, ["before"], "what was posted stays");
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
            let input = json!({ "title": "two", "text": "b", "community": "Books", "username": "nobody" });
            assert_eq!(create(&domain, &service(), &input).await.code(), "OK");
            let client = domain.client(viewer);
            let deleted = client.query(DELETE, json!({ "id": id })).await;
            assert_eq!(deleted.code(), wanted, "{caller}: {id}");
            let left = domain.titles(json!({})).await;
            assert_eq!(left.len(), 2 - usize::from(wanted == "OK"), "{caller}: {id}");
            if wanted == "OK" {
                let again = client.query(DELETE, json!({ "id": id })).await;
                assert_eq!(again.code(), "NOT_FOUND", "{caller}: {id} again");
                let gone = client.query(POST, json!({ "id": id })).await;
                assert_eq!(gone, json!({ "data": { "post": null } }));
            }
        }
    }
}

#[tokio::test]
async fn an_invalid_id_finds_no_post() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    for id in ["x", "01", "+1", "1.0", "", "9223372036854775808"] {
        let read = domain.admin().query(POST, json!({ "id": id })).await;
        assert_eq!(read, json!({ "data": { "post": null } }), "{id}");
        let delete = domain.admin().query(DELETE, json!({ "id": id })).await;
        assert_eq!(delete.code(), "NOT_FOUND", "{id}");
    }
}

#[tokio::test]
async fn an_id_is_never_used_again() {
    let domain = PostsDomain::new().await;
    assert_eq!(domain.post(CLEO, "Books", "one").await, "post_1");
    domain.delete("1").await;
    assert_eq!(domain.post(CLEO, "Books", "two").await, "post_2");
}
