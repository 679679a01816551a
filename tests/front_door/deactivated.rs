//! A deactivated person: other callers see none of the person's names on any path that leads to the account.

use serde_json::{Value, json};
use testing::REGISTER;
use tests::{HttpClient, TestApp};

const RENAME: &str = "mutation($input: ProfileInput!) { updateProfile(input: $input) { id } }";
const DEACTIVATE: &str = "mutation { deactivateAccount { username displayName } }";

/// A query for every path that leads to a person.
const PATHS: [&str; 9] = [
    "{ recentPosts(first: 50) { nodes { id author { ...Names } } } }",
    "{ post(id: 3) { author { ...Names posts { nodes { author { ...Names } } } } } }",
    "{ community(name: \"Outdoors\") { posts { nodes { author { ...Names } } } } }",
    "{ topVoted { nodes { id author { ...Names } } } }",
    "{ user(id: 3) { ...Names } }",
    "{ users(first: 100) { nodes { ...Names } } }",
    "{ me { inbox { nodes { from { ...Names } to { ...Names } } } sent { nodes { from { ...Names } to { ...Names } } } } }",
    "{ me { authorizations { nodes { broker { ...Names } investor { ...Names } } } } }",
    "{ me { brokerageOrders { nodes { broker { ...Names } investor { ...Names } } } } }",
];
/// The fragment of these queries.
const NAMES: &str = "fragment Names on User { id username displayName name surname email active }";

/// Gives the person names that no other part of a response contains.
async fn name(person: &HttpClient, name: &str) {
    let input = json!({
        "displayName": format!("{name} Display"), "name": format!("{name} Given"), "surname": format!("{name} Family"),
    });
    person
        .query(RENAME, json!({ "input": input }))
        .await
        .at("updateProfile.id");
}

#[tokio::test]
async fn no_path_shows_the_names_of_a_deactivated_user_to_others() {
    let app = TestApp::new().await;
    let (ada, cleo, ben) = (
        app.signed_in("ada").await,
        app.signed_in("cleo").await,
        app.signed_in("ben").await,
    );
    let anonymous = app.anonymous();
    name(&cleo, "Cleopatra").await;
    name(&ben, "Benjamin").await;
    let answers = async |caller: &HttpClient| {
        let mut all = Vec::new();
        for path in PATHS {
            let answer = caller.query(&[path, NAMES].concat(), json!({})).await;
            all.push((path, answer));
        }
        all
    };
    let shows = |body: &Value, name: &str| body.to_string().contains(&format!("{name} Display"));
    let before = answers(&ada).await;
    let seen = |name: &str| before.iter().filter(|(_, body)| shows(body, name)).count();
    assert!(seen("Cleopatra") >= 6 && seen("Benjamin") >= 3, "{before:#?}");

    for person in [&cleo, &ben] {
        let left = person.query(DEACTIVATE, json!({})).await;
        assert!(
            shows(&left, "Cleopatra") || shows(&left, "Benjamin"),
            "to themselves: {left}"
        );
    }

    for caller in [&ada, &anonymous, &app.signed_in("dan").await] {
        for (path, body) in answers(caller).await {
            let text = body.to_string();
            for name in [
                "Cleopatra",
                "Benjamin",
                "\"cleo\"",
                "\"ben\"",
                "cleo@example.com",
                "ben@example.com",
            ] {
                assert!(!text.contains(name), "{path}: {text}");
            }
            assert!(!text.contains("INTERNAL"), "{path}: {text}");
        }
    }
    let post = anonymous
        .query(
            "{ post(id: 3) { author { id username displayName active } } }",
            json!({}),
        )
        .await;
    let author = post.at("post.author");
    assert_eq!(author["username"], "deactivated-3");
    assert_eq!(
        (&author["displayName"], &author["active"]),
        (&Value::Null, &Value::Bool(false))
    );
    let operator = app.signed_in("admin").await;
    let post = operator
        .query("{ post(id: 3) { author { username displayName } } }", json!({}))
        .await;
    assert_eq!(post.at("post.author.username"), "cleo");

    // The community's REST routes show posts and messages unchanged.
    assert_eq!(anonymous.get("/community/posts/3").await.body["username"], "cleo");
    let messages = anonymous.get("/community/messages?userTo=ada").await.body;
    assert!(
        messages.to_string().contains("cleo") || messages.to_string().contains("ben"),
        "{messages}"
    );
    // A new account must not look like a deactivated one.
    let input = json!({ "username": "Deactivated-3", "password": "a password" });
    let registered = anonymous.query(REGISTER, json!({ "input": input })).await;
    assert_eq!(registered.code(), "INVALID_INPUT");
}
