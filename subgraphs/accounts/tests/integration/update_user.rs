//! `updateUser` changes an account atomically: all requested fields or none.

use contract::{Audience, Clock, Event};
use serde_json::{Value, json};
use testing::{Answer, received_events};

use crate::support::{AccountsDomain, CallerSession, PASSWORD, SignedIn, SignedInUser};

#[tokio::test]
async fn all_fields_of_a_user_change_in_one_write() {
    let domain = AccountsDomain::new().await;
    let ben = broker(&domain).await;
    let mut events = domain.events();
    let input = json!({
        "name": "Ben", "surname": "Okafor", "email": "Ben@Example.org", "phone": "2", "brokerageFeePercent": 2.5,
        "password": "another password", "address": {"street": "Quay", "number": "3", "zipCode": "20457"}
    });
    let answer = update(&domain, &ben.caller, ben.id, input).await;
    let expected = json!({
        "name": "Ben", "surname": "Okafor", "email": "Ben@Example.org", "phone": "2", "brokerageFeePercent": 2.5,
        "address": {"street": "Quay", "number": "3", "zipCode": "20457"}
    });
    assert_eq!(answer.at("updateUser"), &expected);
    let invalidation = Event::Invalidated {
        typename: "User",
        key: format!("user_{}", ben.id),
        version: 2,
        audience: Audience::Everyone,
    };
    assert_eq!(received_events(&mut events), [invalidation]);
    assert_eq!(domain.login("ben@example.org", "another password").await.code(), "OK");
    assert_eq!(domain.login("ben", PASSWORD).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn an_omitted_field_stays_and_null_clears_an_optional_one() {
    let domain = AccountsDomain::new().await;
    let ben = broker(&domain).await;
    let input = json!({"name": "Ben", "phone": "2", "address": {"text": "At the harbour"}});
    update(&domain, &ben.caller, ben.id, input).await.at("");
    let answer = update(&domain, &ben.caller, ben.id, json!({"phone": null, "address": null})).await;
    let expected = json!({
        "name": "Ben", "surname": null, "email": "ben@example.com", "phone": null, "brokerageFeePercent": 1.0, "address": null
    });
    assert_eq!(answer.at("updateUser"), &expected);
    assert_eq!(domain.login("ben", PASSWORD).await.code(), "OK");
}

#[tokio::test]
async fn one_invalid_member_prevents_the_whole_update() {
    let domain = AccountsDomain::new().await;
    let ben = broker(&domain).await;
    let ada = domain.sign_up("ada").await;
    let before = [row(&domain, ben.id).await, row(&domain, ada.id).await];
    let mut events = domain.events();
    for (input, code, field) in [
        (json!({}), "INVALID_INPUT", "input"),
        (json!({"phone": "2", "name": " "}), "INVALID_INPUT", "input.name"),
        (json!({"phone": "2", "email": "none"}), "INVALID_INPUT", "input.email"),
        (json!({"phone": "2", "email": null}), "INVALID_INPUT", "input.email"),
        (
            json!({"phone": "2", "password": "short"}),
            "INVALID_INPUT",
            "input.password",
        ),
        (
            json!({"phone": "2", "password": null}),
            "INVALID_INPUT",
            "input.password",
        ),
        (
            json!({"phone": "2", "address": {"street": "Quay"}}),
            "INVALID_INPUT",
            "input.address",
        ),
        (
            json!({"phone": "2", "brokerageFeePercent": 0.5}),
            "INVALID_INPUT",
            "input.brokerageFeePercent",
        ),
        (
            json!({"phone": "2", "brokerageFeePercent": null}),
            "INVALID_INPUT",
            "input.brokerageFeePercent",
        ),
        (
            json!({"phone": "2", "password": "another password", "email": "ADA@example.com"}),
            "CONFLICT",
            "",
        ),
    ] {
        let answer = update(&domain, &ben.caller, ben.id, input.clone()).await;
        assert_eq!((answer.code(), answer.field()), (code, field), "{input}");
    }
    let fee = json!({"phone": "2", "password": "another password", "brokerageFeePercent": 2});
    let answer = update(&domain, &ada.caller, ada.id, fee).await;
    assert_eq!(
        (answer.code(), answer.field()),
        ("INVALID_INPUT", "input.brokerageFeePercent")
    );
    assert_eq!([row(&domain, ben.id).await, row(&domain, ada.id).await], before);
    assert_eq!(received_events(&mut events), []);
    assert_eq!(
        domain.refresh(&ben.refresh_token).await.code(),
        "OK",
        "and no session ended"
    );
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let domain = AccountsDomain::new().await;
    let ben = broker(&domain).await;
    let other = domain.login("ben", PASSWORD).await.person(&domain, "login");
    let mut events = domain.events();
    update(&domain, &ben.caller, ben.id, json!({"password": "another password"}))
        .await
        .at("");
    let ended = Event::SessionsEnded {
        user: ben.id,
        session: other.caller.session,
        at_us: domain.clock.now_us(),
    };
    assert_eq!(received_events(&mut events)[0], ended);
    assert_eq!(domain.refresh(&other.refresh_token).await.code(), "UNAUTHENTICATED");
    let ben = domain.refresh(&ben.refresh_token).await.person(&domain, "refresh");

    // A program acts in no session of the person.
    let mut program = CallerSession::service();
    program.session = ben.caller.session;
    update(&domain, &program, ben.id, json!({"password": "a third password"}))
        .await
        .at("");
    assert_eq!(domain.refresh(&ben.refresh_token).await.code(), "UNAUTHENTICATED");
    assert_eq!(domain.login("ben", "a third password").await.code(), "OK");
}

#[tokio::test]
async fn a_foreign_account_is_forbidden_and_a_missing_one_not_found() {
    let domain = AccountsDomain::new().await;
    let ben = broker(&domain).await;
    let cleo = domain.sign_up("cleo").await;
    let name = || json!({"name": "Other"});
    let password = || json!({"password": "another password"});
    // Administrators have explicit mutations for a password and an email: `setPassword`, `updateEmail`.
    for caller in [&cleo.caller, &CallerSession::admin(99), &CallerSession::admin(cleo.id)] {
        for input in [name(), password()] {
            assert_eq!(update(&domain, caller, ben.id, input.clone()).await.code(), "FORBIDDEN");
            assert_eq!(update(&domain, caller, 77, input).await.code(), "NOT_FOUND");
        }
    }
    assert_eq!(
        update(&domain, &CallerSession::admin(cleo.id), cleo.id, name())
            .await
            .code(),
        "OK"
    );
    assert_eq!(
        update(&domain, &CallerSession::service(), ben.id, password())
            .await
            .code(),
        "OK"
    );
    assert_eq!(
        update(&domain, &CallerSession::service(), 77, name()).await.code(),
        "NOT_FOUND"
    );
    assert_eq!(
        update(&domain, &CallerSession::anonymous(), 77, name()).await.code(),
        "UNAUTHENTICATED"
    );
}

#[tokio::test]
async fn a_deactivated_user_cannot_be_changed() {
    let domain = AccountsDomain::new().await;
    let ben = broker(&domain).await;
    domain
        .query(&ben.caller, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    for input in [json!({"name": "Ben"}), json!({"password": "another password"})] {
        assert_eq!(
            update(&domain, &CallerSession::admin(99), ben.id, input.clone())
                .await
                .code(),
            "NOT_FOUND"
        );
        assert_eq!(
            update(&domain, &ben.caller, ben.id, input).await.code(),
            "UNAUTHENTICATED"
        );
    }
}

async fn broker(domain: &AccountsDomain) -> SignedInUser {
    let input = json!({
        "username": "ben", "email": "ben@example.com", "password": PASSWORD, "role": "BROKER", "brokerageFeePercent": 1
    });
    domain.register(input).await.person(domain, "register")
}

async fn update(domain: &AccountsDomain, caller: &CallerSession, id: i64, input: Value) -> Answer {
    let document = "mutation($id: ID!, $input: UserPatch!) { updateUser(id: $id, input: $input) {
        name surname email phone brokerageFeePercent address { street number zipCode } } }";
    domain
        .query(caller, document, json!({"id": id.to_string(), "input": input}))
        .await
}

async fn row(domain: &AccountsDomain, id: i64) -> entities::user::Model {
    entities::user::by_id(domain.services.db.read(), id)
        .await
        .unwrap()
        .unwrap()
}
