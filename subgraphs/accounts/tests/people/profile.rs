//! Changing and closing an account: profile, email, password, karma, deactivation, erasure.

use contract::{Audience, Clock, Event};
use serde_json::{Value, json};
use testing::heard;

use crate::support::{Answer, App, PASSWORD, Person, Who};

#[tokio::test]
async fn what_is_left_out_stays_and_null_clears() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let shown = "{ displayName name surname phone address { text } }";
    let all = json!({"displayName": " The Countess ", "name": "Ada", "surname": "Winter", "phone": "1", "address": {"text": "At the harbour"}});
    let answer = update(&app, &ada, shown, all).await;
    let kept = json!({"displayName": "The Countess", "name": "Ada", "surname": "Winter", "phone": "1", "address": {"text": "At the harbour"}});
    assert_eq!(answer.at("/updateProfile"), &kept);
    let answer = update(
        &app,
        &ada,
        shown,
        json!({"displayName": null, "phone": null, "address": null}),
    )
    .await;
    let kept = json!({"displayName": "Ada Winter", "name": "Ada", "surname": "Winter", "phone": null, "address": null});
    assert_eq!(answer.at("/updateProfile"), &kept);
}

#[tokio::test]
async fn a_profile_change_that_breaks_a_rule_changes_nothing() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    update(&app, &ada, "{ id }", json!({"name": "Ada"})).await.at("");
    let mut events = app.events();
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
        let answer = update(&app, &ada, "{ id }", input.clone()).await;
        assert_eq!((answer.code(), answer.field()), ("INVALID_INPUT", field), "{input}");
    }
    assert_eq!(me(&app, &ada, "name").await, "Ada");
    assert_eq!(heard(&mut events), []);
}

#[tokio::test]
async fn a_broker_changes_the_fee_but_keeps_one() {
    let app = App::new().await;
    let input = json!({"username": "ben", "password": PASSWORD, "role": "BROKER", "brokerageFeePercent": 1});
    let ben = app.register(input).await.person(&app, "register");
    let answer = update(
        &app,
        &ben,
        "{ brokerageFeePercent }",
        json!({"brokerageFeePercent": 2.5}),
    )
    .await;
    assert_eq!(answer.at("/updateProfile/brokerageFeePercent"), 2.5);
    for fee in [json!(0.5), Value::Null, json!(2.555)] {
        let answer = update(&app, &ben, "{ id }", json!({"brokerageFeePercent": fee})).await;
        assert_eq!(answer.field(), "input.brokerageFeePercent");
    }
}

#[tokio::test]
async fn every_change_is_told_with_a_rising_version_to_whom_it_shows() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let mut events = app.events();
    update(&app, &ada, "{ id }", json!({"phone": "1"})).await.at("");
    update(&app, &ada, "{ id }", json!({"phone": "2", "name": "Ada"}))
        .await
        .at("");
    karma(&app, "incrementKarma", ada.id).await.at("");
    let news = |version: i64, audience: Audience| Event::Invalidated {
        typename: "User",
        key: ada.id.to_string(),
        version,
        audience,
    };
    let expected = [
        news(2, Audience::Users(vec![ada.id])),
        news(3, Audience::Everyone),
        news(4, Audience::Everyone),
    ];
    assert_eq!(heard(&mut events), expected);
}

#[tokio::test]
async fn an_email_moves_only_to_where_nobody_is_and_frees_the_old_one() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let ben = app.join("ben").await;
    let gone = app.join("gone").await;
    app.ask(&gone.who, "mutation { deactivateAccount { id } }", json!({}))
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
        assert_eq!(update_email(&app, &ada, email).await.code(), code, "{email}");
    }
    assert_eq!(me(&app, &ada, "email").await, "ada@example.org");
    assert_eq!(update_email(&app, &ben, "ada@example.com").await.code(), "OK");
}

#[tokio::test]
async fn of_two_who_want_one_email_at_once_one_gets_it() {
    let app = App::new().await;
    let mut people = Vec::new();
    for n in 0..10 {
        people.push(app.join(&format!("person{n}")).await);
    }
    let moves = people
        .iter()
        .map(|person| update_email(&app, person, "wanted@example.com"));
    let answers = futures_util::future::join_all(moves).await;
    let count = |code: &str| answers.iter().filter(|answer| answer.code() == code).count();
    assert_eq!((count("OK"), count("CONFLICT")), (1, 9));
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let other = app.login("ada", PASSWORD).await.person(&app, "login");
    let mut events = app.events();
    assert_eq!(change_password(&app, &ada, PASSWORD, "new password").await.code(), "OK");
    assert_eq!(
        heard(&mut events),
        [Event::SessionsEnded {
            user: ada.id,
            session: other.who.session,
            at_us: app.clock.now_us()
        }]
    );
    assert_eq!(app.refresh(&other.refresh_token).await.code(), "UNAUTHENTICATED");
    assert_eq!(app.refresh(&ada.refresh_token).await.code(), "OK");
    assert_eq!(app.login("ada", PASSWORD).await.code(), "UNAUTHENTICATED");
    assert_eq!(app.login("ada", "new password").await.code(), "OK");
}

#[tokio::test]
async fn a_password_is_not_changed_without_the_current_one_and_guesses_are_counted() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    for (current, new, field) in [
        ("wrong", "new password", "current"),
        (PASSWORD, "short", "new"),
        (PASSWORD, &"x".repeat(257), "new"),
    ] {
        let answer = change_password(&app, &ada, current, new).await;
        assert_eq!((answer.code(), answer.field()), ("INVALID_INPUT", field));
    }
    for _ in 0..9 {
        change_password(&app, &ada, "wrong", "new password").await;
    }
    assert_eq!(
        change_password(&app, &ada, "wrong", "new password").await.code(),
        "RATE_LIMITED"
    );
    assert_eq!(
        app.login("ada", PASSWORD).await.code(),
        "OK",
        "the owner is never locked out"
    );
    app.advance_minutes(15);
    assert_eq!(app.login("ada", PASSWORD).await.code(), "OK");
}

#[tokio::test]
async fn of_two_changes_of_one_password_at_once_one_counts() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let (one, two) = tokio::join!(
        change_password(&app, &ada, PASSWORD, "password one"),
        change_password(&app, &ada, PASSWORD, "password two"),
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
    assert_eq!(app.login("ada", new).await.code(), "OK");
}

#[tokio::test]
async fn no_point_of_karma_is_lost_when_many_are_given_at_once() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let up = (0..60).map(|_| karma(&app, "incrementKarma", ada.id));
    let down = (0..100).map(|_| karma(&app, "decrementKarma", ada.id));
    let (up, down) = tokio::join!(futures_util::future::join_all(up), futures_util::future::join_all(down));
    assert!(up.iter().chain(&down).all(|answer| answer.code() == "OK"));
    assert_eq!(me(&app, &ada, "karma").await, -40);
}

#[tokio::test]
async fn karma_stops_where_the_api_can_no_longer_show_it() {
    let app = App::new().await;
    for (name, bound, beyond, back, after_back) in [
        ("max", 2_147_483_647, "incrementKarma", "decrementKarma", 2_147_483_646),
        (
            "min",
            -2_147_483_648,
            "decrementKarma",
            "incrementKarma",
            -2_147_483_647,
        ),
    ] {
        let document = "mutation($input: CreateUserInput!) { createUser(input: $input) { id } }";
        let input = json!({ "username": name, "email": format!("{name}@example.com"), "karma": bound });
        let made = app.ask(&Who::service(), document, json!({ "input": input })).await;
        let id: i64 = made.at("/createUser/id").as_str().unwrap().parse().unwrap();
        let mut events = app.events();
        let refused = karma(&app, beyond, id).await;
        assert_eq!(refused.code(), "CONFLICT", "{name}");
        assert_eq!(heard(&mut events), [], "a refused change tells nothing");
        let shown = app
            .ask(
                &Who::service(),
                "{ users(first: 100) { nodes { username karma } } }",
                json!({}),
            )
            .await;
        let nodes = shown.at("/users/nodes").as_array().unwrap().clone();
        assert!(
            nodes.contains(&json!({ "username": name, "karma": bound })),
            "{nodes:?}"
        );
        assert_eq!(karma(&app, back, id).await.at(&format!("/{back}/karma")), after_back);
        assert_eq!(karma(&app, beyond, id).await.at(&format!("/{beyond}/karma")), bound);
    }
}

#[tokio::test]
async fn the_same_key_gives_one_point_of_karma() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let ben = app.join("ben").await;
    let keyed = async |mutation: &str, id: i64| {
        let document = format!("mutation {{ it: {mutation}(userId: {id}, idempotencyKey: \"k\") {{ karma }} }}");
        app.ask(&Who::service(), &document, json!({})).await
    };
    assert_eq!(
        keyed("incrementKarma", 99).await.code(),
        "NOT_FOUND",
        "leaves the key free"
    );
    assert_eq!(keyed("incrementKarma", ada.id).await.at("/it/karma"), 1);
    karma(&app, "incrementKarma", ada.id).await.at("");
    let mut events = app.events();
    assert_eq!(keyed("incrementKarma", ada.id).await.at("/it/karma"), 1, "as at first");
    assert_eq!(keyed("incrementKarma", ben.id).await.code(), "IDEMPOTENCY_MISMATCH");
    assert_eq!(heard(&mut events), []);
    assert_eq!(me(&app, &ada, "karma").await, 2);
    let down = keyed("decrementKarma", ada.id).await;
    assert_eq!(down.at("/it/karma"), 1, "a key is of one mutation");
    assert_eq!(me(&app, &ben, "karma").await, 0);
}

#[tokio::test]
async fn a_deactivated_account_is_gone_for_everyone_but_its_name_stays_taken() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let mut events = app.events();
    let answer = app
        .ask(
            &ada.who,
            "mutation { deactivateAccount { active username } }",
            json!({}),
        )
        .await;
    assert_eq!(
        answer.at("/deactivateAccount"),
        &json!({"active": false, "username": "ada"})
    );
    assert_eq!(
        heard(&mut events),
        [
            Event::SessionsEnded {
                user: ada.id,
                session: None,
                at_us: app.clock.now_us()
            },
            Event::Invalidated {
                typename: "User",
                key: ada.id.to_string(),
                version: 2,
                audience: Audience::Everyone
            }
        ]
    );
    assert_eq!(app.refresh(&ada.refresh_token).await.code(), "UNAUTHENTICATED");
    assert_eq!(app.login("ada", PASSWORD).await.code(), "UNAUTHENTICATED");
    let by_name = r#"{ user(username: "ada") { active } }"#;
    assert_eq!(
        app.ask(&Who::nobody(), by_name, json!({})).await.at("/user"),
        &Value::Null
    );
    assert_eq!(
        app.ask(&Who::service(), by_name, json!({})).await.at("/user"),
        &json!({"active": false})
    );
    for input in [
        json!({"username": "ADA", "password": PASSWORD}),
        json!({"username": "eve", "email": "ada@example.com", "password": PASSWORD}),
    ] {
        assert_eq!(app.register(input).await.code(), "CONFLICT");
    }
    // A token that has not expired yet is void too.
    assert_eq!(
        app.ask(&ada.who, "{ me { id } }", json!({})).await.at("/me"),
        &Value::Null
    );
    assert_eq!(
        update(&app, &ada, "{ id }", json!({"name": "x"})).await.code(),
        "UNAUTHENTICATED"
    );
    assert_eq!(
        update_email(&app, &ada, "x@example.com").await.code(),
        "UNAUTHENTICATED"
    );
    assert_eq!(
        change_password(&app, &ada, PASSWORD, "new password").await.code(),
        "UNAUTHENTICATED"
    );
    for gone in ["deactivateAccount { id }", "eraseAccount"] {
        let answer = app.ask(&ada.who, &format!("mutation {{ {gone} }}"), json!({})).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{gone}");
    }
    let again = format!("mutation {{ deactivateAccount(userId: {}) {{ id }} }}", ada.id);
    assert_eq!(app.ask(&Who::service(), &again, json!({})).await.code(), "NOT_FOUND");
    assert_eq!(karma(&app, "incrementKarma", ada.id).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn an_erased_account_keeps_its_name_and_nothing_else() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let all = json!({"displayName": "D", "name": "N", "surname": "S", "phone": "1", "address": {"text": "A"}});
    update(&app, &ada, "{ id }", all).await.at("");
    let answer = app.ask(&ada.who, "mutation { eraseAccount }", json!({})).await;
    assert_eq!(answer.at("/eraseAccount"), &json!(true));
    let shown = format!(
        "{{ user(id: {}) {{ username email displayName name surname phone address {{ text }} active }} }}",
        ada.id
    );
    assert_eq!(
        app.ask(&Who::service(), &shown, json!({})).await.at("/user"),
        &json!({"username": "ada", "email": null, "displayName": null, "name": null, "surname": null, "phone": null, "address": null, "active": false})
    );
    assert_eq!(app.login("ada", PASSWORD).await.code(), "UNAUTHENTICATED");
    assert_eq!(app.refresh(&ada.refresh_token).await.code(), "UNAUTHENTICATED");
    let again = json!({"username": "Ada", "password": PASSWORD});
    assert_eq!(app.register(again).await.message(), "this username is taken");
    let email = json!({"username": "eve", "email": "ada@example.com", "password": PASSWORD});
    assert_eq!(
        app.register(email).await.code(),
        "OK",
        "the email was personal data and is gone"
    );
    let erase = format!("mutation {{ eraseAccount(userId: {}) }}", ada.id);
    assert_eq!(
        app.ask(&Who::service(), &erase, json!({})).await.code(),
        "NOT_FOUND",
        "once is enough"
    );
}

#[tokio::test]
async fn a_username_that_was_an_email_is_erased_and_still_never_reused() {
    let app = App::new().await;
    let input = json!({"username": "Eve@example.com", "password": PASSWORD});
    let eve = app.register(input.clone()).await.person(&app, "register");
    // An administrator may erase an account that was deactivated before.
    app.ask(&eve.who, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    let erase = format!("mutation {{ eraseAccount(userId: {}) }}", eve.id);
    app.ask(&Who::service(), &erase, json!({})).await.at("");
    let shown = format!("{{ user(id: {}) {{ username }} }}", eve.id);
    let shown = app.ask(&Who::service(), &shown, json!({})).await;
    assert_eq!(shown.at("/user/username"), &json!(format!("erased-{}", eve.id)));
    assert_eq!(app.register(input).await.message(), "this username is taken");
    let other = json!({"username": "eve", "email": "eve@example.com", "password": PASSWORD});
    assert_eq!(app.register(other).await.code(), "OK");
}

#[tokio::test]
async fn a_username_that_was_made_up_stays_and_the_email_is_free_again() {
    let app = App::new().await;
    let input = json!({"email": "eve@example.com", "password": PASSWORD});
    let eve = app.register(input.clone()).await.person(&app, "register");
    app.ask(&eve.who, "mutation { eraseAccount }", json!({})).await.at("");
    let shown = format!("{{ user(id: {}) {{ username email }} }}", eve.id);
    let shown = app.ask(&Who::service(), &shown, json!({})).await;
    assert_eq!(shown.at("/user"), &json!({"username": "member-1", "email": null}));
    assert_eq!(app.register(input).await.at("/register/user/username"), "member-2");
}

#[tokio::test]
async fn an_erased_row_holds_nothing_personal() {
    let app = App::new().await;
    let input =
        json!({"username": "ada", "email": "x@very-private.example", "surname": "Unmistakable", "password": PASSWORD});
    let ada = app.register(input).await.person(&app, "register");
    app.ask(&ada.who, "mutation { eraseAccount }", json!({})).await.at("");
    let left = entities::user::by_id(app.services.db.read(), ada.id)
        .await
        .unwrap()
        .unwrap();
    let left = format!("{left:?}");
    assert!(
        !left.contains("very-private") && !left.contains("Unmistakable") && !left.contains("argon2"),
        "{left}"
    );
}

async fn update(app: &App, who: &Person, shown: &str, input: Value) -> Answer {
    let document = format!("mutation($input: ProfileInput!) {{ updateProfile(input: $input) {shown} }}");
    app.ask(&who.who, &document, json!({"input": input})).await
}

async fn update_email(app: &App, who: &Person, email: &str) -> Answer {
    let document = "mutation($email: String!) { updateEmail(email: $email) { email } }";
    app.ask(&who.who, document, json!({"email": email})).await
}

async fn change_password(app: &App, who: &Person, current: &str, new: &str) -> Answer {
    let document = "mutation($c: String!, $n: String!) { changePassword(current: $c, new: $n) }";
    app.ask(&who.who, document, json!({"c": current, "n": new})).await
}

async fn karma(app: &App, mutation: &str, id: i64) -> Answer {
    let document = format!("mutation {{ {mutation}(userId: {id}) {{ karma }} }}");
    app.ask(&Who::service(), &document, json!({})).await
}

async fn me(app: &App, who: &Person, field: &str) -> Value {
    let answer = app.ask(&who.who, &format!("{{ me {{ {field} }} }}"), json!({})).await;
    answer.at("/me")[field].clone()
}
