//! The root fields of a mutation run, and are answered, one after the other.

use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn a_root_field_shows_the_state_before_the_next_one() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let answer = ada
        .query(
            r#"mutation {
                a: updateProfile(input: { displayName: "One" }) { displayName wallets { owner { displayName } } }
                b: updateProfile(input: { displayName: "Two" }) { displayName }
            }"#,
            json!({}),
        )
        .await;
    let data = answer.at("");
    assert_eq!(data["a"]["displayName"], "One");
    assert_eq!(data["a"]["wallets"][0]["owner"]["displayName"], "One", "{data}");
    assert_eq!(data["b"]["displayName"], "Two");
}

#[tokio::test]
async fn a_root_field_shows_other_domains_before_the_next_one() {
    let app = TestApp::new().await;
    let (cleo, dan) = (app.signed_in("cleo").await, app.signed_in("dan").await);
    let create = r#"mutation { createPost(input: { title: "New", text: "Text", community: "Books" }) { id } }"#;
    let post = cleo.query(create, json!({})).await.at("createPost.id").clone();
    let answer = dan
        .query(
            "mutation($post: ID!) {
                a: upvote(postId: $post) { score author { karma } }
                b: clearVote(postId: $post) { score author { karma } }
                ...Again
            }
            fragment Again on Mutation { c: upvote(postId: $post) { score author { karma } } }",
            json!({ "post": post }),
        )
        .await;
    let data = answer.at("");
    assert_eq!(
        [&data["a"]["score"], &data["b"]["score"], &data["c"]["score"]],
        [1, 0, 1],
        "{data}"
    );
    let karma = |key: &str| data[key]["author"]["karma"].as_i64().unwrap();
    assert_eq!([karma("b"), karma("c")], [karma("a") - 1, karma("a")], "{data}");
}

#[tokio::test]
async fn a_root_field_shows_objects_that_a_later_one_deletes() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    for _ in 0..20 {
        let create = r#"mutation { createPost(input: { title: "New", text: "Text", community: "Books" }) { id } }"#;
        let post = cleo.query(create, json!({})).await.at("createPost.id").clone();
        let answer = cleo
            .query(
                "mutation($post: ID!) { a: upvote(postId: $post) { score title } b: deletePost(id: $post) }",
                json!({ "post": post }),
            )
            .await;
        assert_eq!(
            *answer.at(""),
            json!({ "a": { "score": 1, "title": "New" }, "b": true })
        );
    }
}
