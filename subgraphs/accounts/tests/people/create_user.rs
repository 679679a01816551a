//! Accounts that operators create for other people, and operations that name a person by username.

use contract::{Audience, Event};
use serde_json::{Value, json};
use testing::heard;

use crate::support::{Answer, App, PASSWORD, Who};

const MADE: &str = "{ id username email karma role active joinedAt }";

async fn create(app: &App, input: Value, key: Option<&str>) -> Answer {
    let document = format!(
        "mutation($input: CreateUserInput!, $key: String) {{ createUser(input: $input, idempotencyKey: $key) {MADE} }}"
    );
    app.ask(&Who::service(), &document, json!({"input": input, "key": key}))
        .await
}

#[tokio::test]
async fn a_member_is_made_without_a_password_and_everyone_is_told() {
    let app = App::new().await;
    let mut events = app.events();
    let input = json!({"username": " Eve ", "email": " Eve@example.com ", "karma": -3});
    let made = create(&app, input, None).await;
    assert_eq!(
        made.at("/createUser"),
        &json!({"id": "1", "username": "Eve", "email": "Eve@example.com", "karma": -3, "role": "MEMBER", "active": true,
            "joinedAt": "2027-01-15T08:00:00+00:00"})
    );
    let news = Event::Invalidated {
        typename: "User",
        key: "1".to_owned(),
        version: 1,
        audience: Audience::Everyone,
    };
    assert_eq!(heard(&mut events), [news]);
    assert_eq!(app.login("eve", "").await.code(), "UNAUTHENTICATED");
    assert_eq!(app.login("eve", PASSWORD).await.code(), "UNAUTHENTICATED");
    let set = format!("mutation {{ setPassword(userId: 1, new: \"{PASSWORD}\") }}");
    app.ask(&Who::service(), &set, json!({})).await.at("");
    assert_eq!(app.login("eve@example.com", PASSWORD).await.code(), "OK");
}

#[tokio::test]
async fn karma_is_zero_where_nobody_says() {
    let app = App::new().await;
    let made = create(&app, json!({"username": "eve", "email": "eve@example.com"}), None).await;
    assert_eq!(made.at("/createUser/karma"), 0);
}

#[tokio::test]
async fn nobody_is_made_of_what_breaks_a_rule_or_is_taken() {
    let app = App::new().await;
    app.join("ada").await;
    let gone = app.join("gone").await;
    app.ask(&gone.who, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    let mut events = app.events();
    for (username, email, karma, expected) in [
        (" ", "e@example.com", 0, ("INVALID_INPUT", "input.username")),
        ("a\u{7}b", "e@example.com", 0, ("INVALID_INPUT", "input.username")),
        (&"x".repeat(65), "e@example.com", 0, ("INVALID_INPUT", "input.username")),
        ("eve", "no email", 0, ("INVALID_INPUT", "input.email")),
        ("eve", "e@example.com", 1_i64 << 31, ("INVALID_INPUT", "input.karma")),
        ("eve", "e@example.com", i64::MIN, ("INVALID_INPUT", "input.karma")),
        ("ADA", "e@example.com", 0, ("CONFLICT", "")),
        ("eve", "Ada@Example.com", 0, ("CONFLICT", "")),
        ("ada@example.com", "e@example.com", 0, ("CONFLICT", "")),
        ("Gone", "e@example.com", 0, ("CONFLICT", "")),
        ("eve", "gone@example.com", 0, ("CONFLICT", "")),
    ] {
        let input = json!({"username": username, "email": email, "karma": karma});
        let answer = create(&app, input, Some("one key")).await;
        assert_eq!((answer.code(), answer.field()), expected, "{username} {email} {karma}");
    }
    assert_eq!(heard(&mut events), []);
    let made = create(
        &app,
        json!({"username": "eve", "email": "e@example.com"}),
        Some("one key"),
    )
    .await;
    assert_eq!(made.at("/createUser/id"), "3", "what was refused left the key free");
}

#[tokio::test]
async fn the_same_key_makes_one_account_and_shows_it_as_at_first() {
    let app = App::new().await;
    let input = json!({"username": "eve", "email": "eve@example.com", "karma": 5});
    let first = create(&app, input.clone(), Some("k")).await.at("/createUser").clone();
    app.advance_minutes(5);
    for change in [
        "incrementKarma(username: \"eve\") { id }",
        "updateEmail(username: \"eve\", email: \"else@example.com\") { id }",
        "deactivateAccount(username: \"eve\") { id }",
        "eraseAccount(userId: 1)",
    ] {
        app.ask(&Who::service(), &format!("mutation {{ {change} }}"), json!({}))
            .await
            .at("");
    }
    let mut events = app.events();
    assert_eq!(create(&app, input, Some("k")).await.at("/createUser"), &first);
    let other = json!({"username": "eve", "email": "eve@example.com", "karma": 6});
    assert_eq!(create(&app, other, Some("k")).await.code(), "IDEMPOTENCY_MISMATCH");
    assert_eq!(heard(&mut events), []);
}

#[tokio::test]
async fn of_many_who_are_made_with_one_name_at_once_one_is() {
    let app = App::new().await;
    let makes = (0..20).map(|n| {
        let input = json!({"username": "eve", "email": format!("eve{n}@example.com")});
        create(&app, input, None)
    });
    let mut makes: Vec<_> = makes.map(Box::pin).collect();
    let answers = futures_util::future::join_all(makes.drain(..)).await;
    let count = |code: &str| answers.iter().filter(|answer| answer.code() == code).count();
    assert_eq!((count("OK"), count("CONFLICT")), (1, 19));
}

#[tokio::test]
async fn a_username_names_the_same_person_as_the_id() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    app.join("ben").await;
    let change = async |change: &str| {
        let document = format!("mutation {{ it: {change} {{ username email karma active }} }}");
        app.ask(&Who::service(), &document, json!({})).await
    };
    assert_eq!(change("incrementKarma(username: \" ADA\")").await.at("/it/karma"), 1);
    assert_eq!(change("decrementKarma(username: \"ada\")").await.at("/it/karma"), 0);
    let moved = change("updateEmail(username: \"Ada\", email: \"new@example.com\")").await;
    assert_eq!(moved.at("/it/email"), "new@example.com");
    let taken = change("updateEmail(username: \"ada\", email: \"ben@example.com\")").await;
    assert_eq!(taken.code(), "CONFLICT");
    // Only a username names a person: an email does not.
    assert_eq!(
        change("incrementKarma(username: \"new@example.com\")").await.code(),
        "NOT_FOUND"
    );
    assert_eq!(
        change("deactivateAccount(username: \"ada\")").await.at("/it/active"),
        false
    );
    for gone in [
        "incrementKarma(username: \"ada\")",
        "updateEmail(username: \"ada\", email: \"a@example.com\")",
        "deactivateAccount(username: \"ada\")",
    ] {
        assert_eq!(change(gone).await.code(), "NOT_FOUND", "{gone}");
    }
    let own = app
        .ask(
            &ada.who,
            "mutation { deactivateAccount(username: \"ada\") { id } }",
            json!({}),
        )
        .await;
    assert_eq!(own.code(), "UNAUTHENTICATED", "nobody is signed in with that any more");
}
