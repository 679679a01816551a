//! Changing and closing an account: profile, email, password, karma, deactivation, erasure.

use contract::{Audience, Clock, Event};
use serde_json::{Value, json};
use testing::{Answer, received_events};

use crate::support::{AccountsDomain, CallerSession, DEACTIVATE, ERASE, PASSWORD, SignedIn, SignedInUser};

#[tokio::test]
async fn an_omitted_field_stays_and_null_clears_it() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let shown = "{ displayName name surname phone address { text } }";
    let all = json!({"displayName": " The Countess ", "name": "Ada", "surname": "Winter", "phone": "1", "address": {"text": "At the harbour"}});
    let answer = update(&domain, &ada, shown, all).await;
    let kept = json!({"displayName": "The Countess", "name": "Ada", "surname": "Winter", "phone": "1", "address": {"text": "At the harbour"}});
    assert_eq!(answer.at("updateProfile"), &kept);
    let answer = update(
        &domain,
        &ada,
        shown,
        json!({"displayName": null, "phone": null, "address": null}),
    )
    .await;
    let kept = json!({"displayName": "Ada Winter", "name": "Ada", "surname": "Winter", "phone": null, "address": null});
    assert_eq!(answer.at("updateProfile"), &kept);
}

#[tokio::test]
async fn an_invalid_profile_change_changes_nothing() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    update(&domain, &ada, "{ id }", json!({"name": "Ada"})).await.at("");
    let mut events = domain.events();
    for (input, field) in [
        (json!({}), "input"),
        (json!({"name": " "}), "input.name"),
        (json!({"surname": "x".repeat(65)}), "input.surname"),
        (json!({"displayName": "a\nb"}), "input.displayName"),
        (json!({"phone": "\u{1b}"}), "input.phone"),
        (json!({"name": "Eve", "address": {"street": "S"}}), "input.address"),
        (
            json!({"name": "Eve", "brokerageFeePercent": 2}),
            "input.brokerageFeePercent",
        ),
        (json!({"brokerageFeePercent": null}), "input.brokerageFeePercent"),
    ] {
        let answer = update(&domain, &ada, "{ id }", input.clone()).await;
        assert_eq!((answer.code(), answer.field()), ("INVALID_INPUT", field), "{input}");
    }
    assert_eq!(me(&domain, &ada, "name").await, "Ada");
    assert_eq!(received_events(&mut events), []);
}

#[tokio::test]
async fn a_broker_can_change_the_fee_and_not_remove_it() {
    let domain = AccountsDomain::new().await;
    let input = json!({"username": "ben", "password": PASSWORD, "role": "BROKER", "brokerageFeePercent": 1});
    let ben = domain.register(input).await.person(&domain, "register");
    let answer = update(
        &domain,
        &ben,
        "{ brokerageFeePercent }",
        json!({"brokerageFeePercent": 2.5}),
    )
    .await;
    assert_eq!(answer.at("updateProfile.brokerageFeePercent"), 2.5);
    for fee in [json!(0.5), Value::Null, json!(2.555)] {
        let answer = update(&domain, &ben, "{ id }", json!({"brokerageFeePercent": fee})).await;
        assert_eq!(answer.field(), "input.brokerageFeePercent");
    }
}

#[tokio::test]
async fn every_change_is_announced_with_a_rising_version() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let mut events = domain.events();
    update(&domain, &ada, "{ id }", json!({"phone": "1"})).await.at("");
    update(&domain, &ada, "{ id }", json!({"phone": "2", "name": "Ada"}))
        .await
        .at("");
    karma(&domain, INCREMENT, ada.id).await.at("");
    let invalidation = |version: i64, audience: Audience| Event::Invalidated {
        typename: "User",
        key: format!("user_{}", ada.id),
        version,
        audience,
    };
    let expected = [
        invalidation(2, Audience::Users(vec![ada.id])),
        invalidation(3, Audience::Everyone),
        invalidation(4, Audience::Everyone),
    ];
    assert_eq!(received_events(&mut events), expected);
}

#[tokio::test]
async fn an_email_changes_to_an_unused_one_and_frees_the_old_one() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let ben = domain.sign_up("ben").await;
    let gone = domain.sign_up("gone").await;
    domain
        .query(&gone.caller, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    for (email, code) in [
        ("BEN@example.com", "CONFLICT"),
        // A deactivated account keeps its email.
        ("gone@example.com", "CONFLICT"),
        ("no email", "INVALID_INPUT"),
        ("", "INVALID_INPUT"),
        ("Ada@Example.com", "OK"),
        ("ada@example.org", "OK"),
    ] {
        assert_eq!(update_email(&domain, &ada, email).await.code(), code, "{email}");
    }
    assert_eq!(me(&domain, &ada, "email").await, "ada@example.org");
    assert_eq!(update_email(&domain, &ben, "ada@example.com").await.code(), "OK");
}

#[tokio::test]
async fn concurrent_changes_to_one_email_succeed_once() {
    let domain = AccountsDomain::new().await;
    let mut people = Vec::new();
    for n in 0..10 {
        people.push(domain.sign_up(&format!("person{n}")).await);
    }
    let moves = people
        .iter()
        .map(|person| update_email(&domain, person, "wanted@example.com"));
    let answers = futures_util::future::join_all(moves).await;
    let count = |code: &str| answers.iter().filter(|answer| answer.code() == code).count();
    assert_eq!((count("OK"), count("CONFLICT")), (1, 9));
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let other = domain.login("ada", PASSWORD).await.person(&domain, "login");
    let mut events = domain.events();
    assert_eq!(
        change_password(&domain, &ada, PASSWORD, "new password").await.code(),
        "OK"
    );
    assert_eq!(
        received_events(&mut events),
        [Event::SessionsEnded {
            user: ada.id,
            session: other.caller.session,
            at_us: domain.clock.now_us()
        }]
    );
    assert_eq!(domain.refresh(&other.refresh_token).await.code(), "UNAUTHENTICATED");
    assert_eq!(domain.refresh(&ada.refresh_token).await.code(), "OK");
    assert_eq!(domain.login("ada", PASSWORD).await.code(), "UNAUTHENTICATED");
    assert_eq!(domain.login("ada", "new password").await.code(), "OK");
}

#[tokio::test]
async fn a_password_change_needs_the_current_one_and_counts_guesses() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    for (current, new, field) in [
        ("wrong", "new password", "current"),
        (PASSWORD, "short", "new"),
        (PASSWORD, &"x".repeat(257), "new"),
    ] {
        let answer = change_password(&domain, &ada, current, new).await;
        assert_eq!((answer.code(), answer.field()), ("INVALID_INPUT", field));
    }
    for _ in 0..9 {
        change_password(&domain, &ada, "wrong", "new password").await;
    }
    assert_eq!(
        change_password(&domain, &ada, "wrong", "new password").await.code(),
        "RATE_LIMITED"
    );
    assert_eq!(
        domain.login("ada", PASSWORD).await.code(),
        "OK",
        "the owner is never locked out"
    );
    domain.advance_minutes(15);
    assert_eq!(domain.login("ada", PASSWORD).await.code(), "OK");
}

#[tokio::test]
async fn concurrent_changes_of_one_password_succeed_once() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let (one, two) = tokio::join!(
        change_password(&domain, &ada, PASSWORD, "password one"),
        change_password(&domain, &ada, PASSWORD, "password two"),
    );
    let mut codes = [one.code(), two.code()];
    codes.sort();
    assert!(
        codes == ["CONFLICT", "OK"] || codes == ["INVALID_INPUT", "OK"],
        "{codes:?}"
    );
    let new = if one.code() == "OK" {
        "password one"
    } else {
        "password two"
    };
    assert_eq!(domain.login("ada", new).await.code(), "OK");
}

#[tokio::test]
async fn concurrent_karma_changes_lose_no_point() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let up = (0..60).map(|_| karma(&domain, INCREMENT, ada.id));
    let down = (0..100).map(|_| karma(&domain, DECREMENT, ada.id));
    let (up, down) = tokio::join!(futures_util::future::join_all(up), futures_util::future::join_all(down));
    assert!(up.iter().chain(&down).all(|answer| answer.code() == "OK"));
    assert_eq!(me(&domain, &ada, "karma").await, -40);
}

#[tokio::test]
async fn karma_stops_at_the_bounds_of_the_api() {
    let domain = AccountsDomain::new().await;
    for (name, bound, beyond, back, after_back) in [
        ("max", 2_147_483_647, INCREMENT, DECREMENT, 2_147_483_646),
        ("min", -2_147_483_648, DECREMENT, INCREMENT, -2_147_483_647),
    ] {
        let document = "mutation($input: CreateUserInput!) { createUser(input: $input) { id } }";
        let input = json!({ "username": name, "email": format!("{name}@example.com"), "karma": bound });
        let made = domain
            .query(&CallerSession::service(), document, json!({ "input": input }))
            .await;
        let id: i64 = made.id("createUser.id");
        let mut events = domain.events();
        let refused = karma(&domain, beyond, id).await;
        assert_eq!(refused.code(), "CONFLICT", "{name}");
        assert_eq!(received_events(&mut events), [], "a refused change tells nothing");
        let shown = domain
            .query(
                &CallerSession::service(),
                "{ users(first: 100) { nodes { username karma } } }",
                json!({}),
            )
            .await;
        let nodes = shown.at("users.nodes").as_array().unwrap().clone();
        assert!(
            nodes.contains(&json!({ "username": name, "karma": bound })),
            "{nodes:?}"
        );
        assert_eq!(karma(&domain, back, id).await.at("it.karma"), after_back);
        assert_eq!(karma(&domain, beyond, id).await.at("it.karma"), bound);
    }
}

#[tokio::test]
async fn the_same_key_gives_one_point_of_karma() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let ben = domain.sign_up("ben").await;
    let keyed = async |mutation: &str, id: i64| {
        let args = json!({"id": id, "key": "k"});
        domain.service().query(mutation, args).await
    };
    assert_eq!(keyed(INCREMENT, 99).await.code(), "NOT_FOUND", "leaves the key free");
    assert_eq!(keyed(INCREMENT, ada.id).await.at("it.karma"), 1);
    karma(&domain, INCREMENT, ada.id).await.at("");
    let mut events = domain.events();
    assert_eq!(keyed(INCREMENT, ada.id).await.at("it.karma"), 1, "as at first");
    assert_eq!(keyed(INCREMENT, ben.id).await.code(), "IDEMPOTENCY_MISMATCH");
    assert_eq!(received_events(&mut events), []);
    assert_eq!(me(&domain, &ada, "karma").await, 2);
    let down = keyed(DECREMENT, ada.id).await;
    assert_eq!(down.at("it.karma"), 1, "a key is of one mutation");
    assert_eq!(me(&domain, &ben, "karma").await, 0);
}

#[tokio::test]
async fn a_deactivated_account_is_gone_and_its_name_stays_taken() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let mut events = domain.events();
    let answer = domain
        .query(
            &ada.caller,
            "mutation { deactivateAccount { active username } }",
            json!({}),
        )
        .await;
    assert_eq!(
        answer.at("deactivateAccount"),
        &json!({"active": false, "username": "ada"})
    );
    assert_eq!(
        received_events(&mut events),
        [
            Event::SessionsEnded {
                user: ada.id,
                session: None,
                at_us: domain.clock.now_us()
            },
            Event::Invalidated {
                typename: "User",
                key: format!("user_{}", ada.id),
                version: 2,
                audience: Audience::Everyone
            }
        ]
    );
    assert_eq!(domain.refresh(&ada.refresh_token).await.code(), "UNAUTHENTICATED");
    assert_eq!(domain.login("ada", PASSWORD).await.code(), "UNAUTHENTICATED");
    let by_name = r#"{ user(username: "ada") { active } }"#;
    assert_eq!(
        domain
            .query(&CallerSession::anonymous(), by_name, json!({}))
            .await
            .at("user"),
        &Value::Null
    );
    assert_eq!(
        domain
            .query(&CallerSession::service(), by_name, json!({}))
            .await
            .at("user"),
        &json!({"active": false})
    );
    for input in [
        json!({"username": "ADA", "password": PASSWORD}),
        json!({"username": "eve", "email": "ada@example.com", "password": PASSWORD}),
    ] {
        assert_eq!(domain.register(input).await.code(), "CONFLICT");
    }
    // A token that has not expired yet is void too.
    assert_eq!(
        domain.query(&ada.caller, "{ me { id } }", json!({})).await.at("me"),
        &Value::Null
    );
    assert_eq!(
        update(&domain, &ada, "{ id }", json!({"name": "x"})).await.code(),
        "UNAUTHENTICATED"
    );
    assert_eq!(
        update_email(&domain, &ada, "x@example.com").await.code(),
        "UNAUTHENTICATED"
    );
    assert_eq!(
        change_password(&domain, &ada, PASSWORD, "new password").await.code(),
        "UNAUTHENTICATED"
    );
    for gone in ["mutation { deactivateAccount { id } }", "mutation { eraseAccount }"] {
        let answer = domain.query(&ada.caller, gone, json!({})).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{gone}");
    }
    let again = domain.service().query(DEACTIVATE, json!({"id": ada.id})).await;
    assert_eq!(again.code(), "NOT_FOUND");
    assert_eq!(karma(&domain, INCREMENT, ada.id).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn an_erased_account_keeps_only_its_name() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let all = json!({"displayName": "D", "name": "N", "surname": "S", "phone": "1", "address": {"text": "A"}});
    update(&domain, &ada, "{ id }", all).await.at("");
    let answer = domain.query(&ada.caller, "mutation { eraseAccount }", json!({})).await;
    assert_eq!(answer.at("eraseAccount"), &json!(true));
    let shown = domain.service().query(USER, json!({"id": ada.id})).await;
    assert_eq!(
        shown.at("user"),
        &json!({"username": "ada", "email": null, "displayName": null, "name": null, "surname": null, "phone": null, "address": null, "active": false})
    );
    assert_eq!(domain.login("ada", PASSWORD).await.code(), "UNAUTHENTICATED");
    assert_eq!(domain.refresh(&ada.refresh_token).await.code(), "UNAUTHENTICATED");
    let again = json!({"username": "Ada", "password": PASSWORD});
    assert_eq!(domain.register(again).await.message(), "this username is taken");
    let email = json!({"username": "eve", "email": "ada@example.com", "password": PASSWORD});
    assert_eq!(
        domain.register(email).await.code(),
        "OK",
        "the email was personal data and is gone"
    );
    let again = domain.service().query(ERASE, json!({"id": ada.id})).await;
    assert_eq!(again.code(), "NOT_FOUND", "once is enough");
}

#[tokio::test]
async fn a_username_that_was_an_email_is_erased_and_never_reused() {
    let domain = AccountsDomain::new().await;
    let input = json!({"username": "Eve@example.com", "password": PASSWORD});
    let eve = domain.register(input.clone()).await.person(&domain, "register");
    // An administrator may erase an account that was deactivated before.
    domain
        .query(&eve.caller, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    domain.service().query(ERASE, json!({"id": eve.id})).await.at("");
    let shown = domain.service().query(USER, json!({"id": eve.id})).await;
    assert_eq!(shown.at("user.username"), &json!(format!("erased-{}", eve.id)));
    assert_eq!(domain.register(input).await.message(), "this username is taken");
    let other = json!({"username": "eve", "email": "eve@example.com", "password": PASSWORD});
    assert_eq!(domain.register(other).await.code(), "OK");
}

#[tokio::test]
async fn an_erasure_keeps_a_generated_username_and_frees_the_email() {
    let domain = AccountsDomain::new().await;
    let input = json!({"email": "eve@example.com", "password": PASSWORD});
    let eve = domain.register(input.clone()).await.person(&domain, "register");
    domain
        .query(&eve.caller, "mutation { eraseAccount }", json!({}))
        .await
        .at("");
    let shown = domain.service().query(USER, json!({"id": eve.id})).await;
    assert_eq!(
        (shown.at("user.username"), shown.at("user.email")),
        (&json!("member-1"), &json!(null))
    );
    assert_eq!(domain.register(input).await.at("register.user.username"), "member-2");
}

#[tokio::test]
async fn an_erased_row_holds_nothing_personal() {
    let domain = AccountsDomain::new().await;
    let input =
        json!({"username": "ada", "email": "x@very-private.example", "surname": "Unmistakable", "password": PASSWORD});
    let ada = domain.register(input).await.person(&domain, "register");
    domain
        .query(&ada.caller, "mutation { eraseAccount }", json!({}))
        .await
        .at("");
    let left = entities::user::by_id(domain.services.db.read(), ada.id)
        .await
        .unwrap()
        .unwrap();
    let left = format!("{left:?}");
    assert!(
        !left.contains("very-private") && !left.contains("Unmistakable") && !left.contains("argon2"),
        "{left}"
    );
}

/// Adds a point of karma: `id`, and perhaps an idempotency key.
const INCREMENT: &str = "mutation($id: ID!, $key: String) {
    it: incrementKarma(userId: $id, idempotencyKey: $key) { karma }
}";

/// Takes a point of karma away, as [`INCREMENT`] adds one.
const DECREMENT: &str = "mutation($id: ID!, $key: String) {
    it: decrementKarma(userId: $id, idempotencyKey: $key) { karma }
}";

const USER: &str = "query($id: ID!) {
    user(id: $id) { username email displayName name surname phone address { text } active }
}";

async fn update(domain: &AccountsDomain, user: &SignedInUser, shown: &str, input: Value) -> Answer {
    let document = format!("mutation($input: ProfileInput!) {{ updateProfile(input: $input) {shown} }}");
    domain.query(&user.caller, &document, json!({"input": input})).await
}

async fn update_email(domain: &AccountsDomain, user: &SignedInUser, email: &str) -> Answer {
    let document = "mutation($email: String!) { updateEmail(email: $email) { email } }";
    domain.query(&user.caller, document, json!({"email": email})).await
}

async fn change_password(domain: &AccountsDomain, user: &SignedInUser, current: &str, new: &str) -> Answer {
    let document = "mutation($c: String!, $n: String!) { changePassword(current: $c, new: $n) }";
    domain
        .query(&user.caller, document, json!({"c": current, "n": new}))
        .await
}

async fn karma(domain: &AccountsDomain, mutation: &str, id: i64) -> Answer {
    domain.service().query(mutation, json!({"id": id})).await
}

async fn me(domain: &AccountsDomain, user: &SignedInUser, field: &str) -> Value {
    let answer = domain
        .query(&user.caller, "{ me { name email karma } }", json!({}))
        .await;
    answer.at(&format!("me.{field}")).clone()
}
