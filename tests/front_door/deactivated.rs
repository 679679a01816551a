//! A deactivated person: other callers see none of the person's names on any path that leads to the account.

use serde_json::Value;
use tests::{TestApp, TestClient};

const NAMES: &str = "id username displayName name surname email active";

/// Gives the person names that no other part of a response contains.
async fn name(person: &TestClient, name: &str) {
    let input = format!(r#"{{ displayName: "{name} Display", name: "{name} Given", surname: "{name} Family" }}"#);
    let named = person
        .graphql(&format!("mutation {{ updateProfile(input: {input}) {{ id }} }}"))
        .await;
    named.data("/updateProfile/id");
}

/// Returns a query for every path that leads to a person.
fn paths() -> Vec<String> {
    let of_person = |path: &str| path.replace("NAMES", NAMES);
    [
        "{ recentPosts(first: 50) { nodes { id author { NAMES } } } }",
        "{ post(id: 3) { author { NAMES posts { nodes { author { NAMES } } } } } }",
        "{ community(name: \"Outdoors\") { posts { nodes { author { NAMES } } } } }",
        "{ topVoted { nodes { id author { NAMES } } } }",
        "{ user(id: 3) { NAMES } }",
        "{ users(first: 100) { nodes { NAMES } } }",
        "{ me { inbox { nodes { from { NAMES } to { NAMES } } } sent { nodes { from { NAMES } to { NAMES } } } } }",
        "{ me { authorizations { nodes { broker { NAMES } investor { NAMES } } } } }",
        "{ me { brokerageOrders { nodes { broker { NAMES } investor { NAMES } } } } }",
    ]
    .map(of_person)
    .to_vec()
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
    let answers = async |caller: &TestClient| {
        let mut all = Vec::new();
        for path in paths() {
            let answer = caller.graphql(&path).await;
            all.push((path, answer.body));
        }
        all
    };
    let shows = |body: &Value, name: &str| body.to_string().contains(&format!("{name} Display"));
    let before = answers(&ada).await;
    let seen = |name: &str| before.iter().filter(|(_, body)| shows(body, name)).count();
    assert!(seen("Cleopatra") >= 6 && seen("Benjamin") >= 3, "{before:#?}");

    for (person, how) in [
        (&cleo, "deactivateAccount { username displayName }"),
        (&ben, "deactivateAccount { username displayName }"),
    ] {
        let left = person.graphql(&format!("mutation {{ {how} }}")).await;
        assert!(
            shows(&left.body, "Cleopatra") || shows(&left.body, "Benjamin"),
            "to themselves: {}",
            left.body
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
        .graphql("{ post(id: 3) { author { id username displayName active } } }")
        .await;
    let author = post.data("/post/author");
    assert_eq!(author["username"], "deactivated-3");
    assert_eq!(
        (&author["displayName"], &author["active"]),
        (&Value::Null, &Value::Bool(false))
    );
    let operator = app.signed_in("admin").await;
    let post = operator
        .graphql("{ post(id: 3) { author { username displayName } } }")
        .await;
    assert_eq!(post.data("/post/author/username"), "cleo");

    // The community's REST routes show posts and messages unchanged.
    assert_eq!(anonymous.get("/community/posts/3").await.body["username"], "cleo");
    let messages = anonymous.get("/community/messages?userTo=ada").await.body;
    assert!(
        messages.to_string().contains("cleo") || messages.to_string().contains("ben"),
        "{messages}"
    );
    // A new account must not look like a deactivated one.
    let register = r#"mutation { register(input: { username: "Deactivated-3", password: "a password" }) { token } }"#;
    assert_eq!(anonymous.graphql(register).await.code(), Some("INVALID_INPUT"));
}
