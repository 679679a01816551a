//! Accounts that operators create for other people, and operations that name a person by username.

use contract::{Audience, Event};
use serde_json::{Value, json};
use testing::{Answer, received_events};

use crate::support::{AccountsDomain, CallerSession, PASSWORD, SET_PASSWORD};

const CREATE: &str = "mutation($input: CreateUserInput!, $key: String) {
    createUser(input: $input, idempotencyKey: $key) { id username email karma role active joinedAt }
}";

async fn create(domain: &AccountsDomain, input: Value, key: Option<&str>) -> Answer {
    domain
        .service()
        .query(CREATE, json!({"input": input, "key": key}))
        .await
}

#[tokio::test]
async fn a_created_member_has_no_password_and_is_announced() {
    let domain = AccountsDomain::new().await;
    let mut events = domain.events();
    let input = json!({"username": " Eve ", "email": " Eve@example.com ", "karma": -3});
    let made = create(&domain, input, None).await;
    assert_eq!(
        made.at("createUser"),
        &json!({"id": "user_1", "username": "Eve", "email": "Eve@example.com", "karma": -3, "role": "MEMBER", "active": true,
            "joinedAt": "2027-01-15T08:00:00+00:00"})
    );
    let invalidation = Event::Invalidated {
        typename: "User",
        key: "user_1".to_owned(),
        version: 1,
        audience: Audience::Everyone,
    };
    assert_eq!(received_events(&mut events), [invalidation]);
    assert_eq!(domain.login("eve", "").await.code(), "UNAUTHENTICATED");
    assert_eq!(domain.login("eve", PASSWORD).await.code(), "UNAUTHENTICATED");
    let set = json!({"id": 1, "password": PASSWORD});
    domain.service().query(SET_PASSWORD, set).await.at("");
    assert_eq!(domain.login("eve@example.com", PASSWORD).await.code(), "OK");
}

#[tokio::test]
async fn karma_is_zero_by_default() {
    let domain = AccountsDomain::new().await;
    let made = create(&domain, json!({"username": "eve", "email": "eve@example.com"}), None).await;
    assert_eq!(made.at("createUser.karma"), 0);
}

#[tokio::test]
async fn an_invalid_or_taken_user_is_not_created() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    let gone = domain.sign_up("gone").await;
    domain
        .query(&gone.caller, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    let mut events = domain.events();
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
        let answer = create(&domain, input, Some("one key")).await;
        assert_eq!((answer.code(), answer.field()), expected, "{username} {email} {karma}");
    }
    assert_eq!(received_events(&mut events), []);
    let made = create(
        &domain,
        json!({"username": "eve", "email": "e@example.com"}),
        Some("one key"),
    )
    .await;
    assert_eq!(made.at("createUser.id"), "user_3", "what was refused left the key free");
}

#[tokio::test]
async fn the_same_key_creates_one_account_and_repeats_its_response() {
    let domain = AccountsDomain::new().await;
    let input = json!({"username": "eve", "email": "eve@example.com", "karma": 5});
    let first = create(&domain, input.clone(), Some("k")).await.at("createUser").clone();
    domain.advance_minutes(5);
    for change in [
        r#"mutation { incrementKarma(username: "eve") { id } }"#,
        r#"mutation { updateEmail(username: "eve", email: "else@example.com") { id } }"#,
        r#"mutation { deactivateAccount(username: "eve") { id } }"#,
        r#"mutation { eraseAccount(userId: 1) }"#,
    ] {
        domain.query(&CallerSession::service(), change, json!({})).await.at("");
    }
    let mut events = domain.events();
    assert_eq!(create(&domain, input, Some("k")).await.at("createUser"), &first);
    let other = json!({"username": "eve", "email": "eve@example.com", "karma": 6});
    assert_eq!(create(&domain, other, Some("k")).await.code(), "IDEMPOTENCY_MISMATCH");
    assert_eq!(received_events(&mut events), []);
}

#[tokio::test]
async fn concurrent_creations_with_one_name_create_one_account() {
    let domain = AccountsDomain::new().await;
    let makes = (0..20).map(|n| {
        let input = json!({"username": "eve", "email": format!("eve{n}@example.com")});
        create(&domain, input, None)
    });
    let mut makes: Vec<_> = makes.map(Box::pin).collect();
    let answers = futures_util::future::join_all(makes.drain(..)).await;
    let count = |code: &str| answers.iter().filter(|answer| answer.code() == code).count();
    assert_eq!((count("OK"), count("CONFLICT")), (1, 19));
}

const INCREMENT: &str =
    "mutation($username: String!) { it: incrementKarma(username: $username) { username email karma active } }";
const DECREMENT: &str =
    "mutation($username: String!) { it: decrementKarma(username: $username) { username email karma active } }";
const DEACTIVATE: &str =
    "mutation($username: String!) { it: deactivateAccount(username: $username) { username email karma active } }";
const UPDATE_EMAIL: &str = "mutation($username: String!, $email: String!) {
    it: updateEmail(username: $username, email: $email) { username email karma active }
}";

#[tokio::test]
async fn a_username_and_an_id_find_the_same_user() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    domain.sign_up("ben").await;
    let send = async |document: &str, variables: Value| domain.service().query(document, variables).await;
    let named = |username: &str| json!({"username": username});
    let moved_to = |username: &str, email: &str| json!({"username": username, "email": email});
    assert_eq!(send(INCREMENT, named(" ADA")).await.at("it.karma"), 1);
    assert_eq!(send(DECREMENT, named("ada")).await.at("it.karma"), 0);
    let moved = send(UPDATE_EMAIL, moved_to("Ada", "new@example.com")).await;
    assert_eq!(moved.at("it.email"), "new@example.com");
    let taken = send(UPDATE_EMAIL, moved_to("ada", "ben@example.com")).await;
    assert_eq!(taken.code(), "CONFLICT");
    // Only a username names a person: an email does not.
    assert_eq!(send(INCREMENT, named("new@example.com")).await.code(), "NOT_FOUND");
    assert_eq!(send(DEACTIVATE, named("ada")).await.at("it.active"), false);
    for (gone, variables) in [
        (INCREMENT, named("ada")),
        (UPDATE_EMAIL, moved_to("ada", "a@example.com")),
        (DEACTIVATE, named("ada")),
    ] {
        assert_eq!(send(gone, variables).await.code(), "NOT_FOUND", "{gone}");
    }
    let own = domain
        .query(
            &ada.caller,
            "mutation { deactivateAccount(username: \"ada\") { id } }",
            json!({}),
        )
        .await;
    assert_eq!(own.code(), "UNAUTHENTICATED", "the token is no longer valid");
}
