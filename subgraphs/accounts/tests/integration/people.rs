//! Finding people: by id, by name, all of them, from another subgraph, and when they change.

use async_graphql::{Executor, Request};
use contract::{Role, Viewer};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};

use crate::support::{AccountsDomain, CallerSession, PASSWORD};

#[tokio::test]
async fn me_is_the_signed_in_user_and_null_for_other_callers() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let me = async |caller: &CallerSession| {
        domain
            .ask(caller, "{ me { username } }", json!({}))
            .await
            .at("/me")
            .clone()
    };
    assert_eq!(me(&ada.caller).await, json!({"username": "ada"}));
    assert_eq!(me(&CallerSession::anonymous()).await, Value::Null);
    assert_eq!(me(&CallerSession::service()).await, Value::Null);
    assert_eq!(me(&CallerSession::admin(4_711)).await, Value::Null);
}

#[tokio::test]
async fn a_user_is_found_by_id_or_by_username_in_any_case() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("Ada").await;
    let find = async |arguments: &str| {
        let document = format!("{{ user{arguments} {{ username }} }}");
        domain.ask(&CallerSession::anonymous(), &document, json!({})).await
    };
    for arguments in [
        format!("(id: {})", ada.id),
        format!("(id: \"{}\")", ada.id),
        "(username: \" aDA\")".into(),
    ] {
        assert_eq!(
            find(&arguments).await.at("/user"),
            &json!({"username": "Ada"}),
            "{arguments}"
        );
    }
    for arguments in [
        "(id: 99)",
        "(id: \"01\")",
        "(id: \"ada\")",
        "(id: \"99999999999999999999\")",
        "(id: \"-1\")",
        "(username: \"\")",
        "(username: \"ben\")",
        // Only a username finds a person: an email is private.
        "(username: \"ada@example.com\")",
    ] {
        assert_eq!(find(arguments).await.at("/user"), &Value::Null, "{arguments}");
    }
    assert_eq!(find("").await.code(), "INVALID_INPUT");
    assert_eq!(find("(id: 1, username: \"ada\")").await.field(), "username");
}

#[tokio::test]
async fn users_are_listed_in_pages_without_deactivated_accounts() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let gone = domain.sign_up("gone").await;
    domain
        .ask(&gone.caller, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    for (name, role, fee) in [
        ("ben", "BROKER", json!(1)),
        ("cleo", "INVESTOR", Value::Null),
        ("dan", "BROKER", json!(2)),
    ] {
        let input = json!({"username": name, "password": PASSWORD, "role": role, "brokerageFeePercent": fee});
        domain.register(input).await.at("");
    }
    let list = async |arguments: &str| {
        let document =
            format!("{{ users{arguments} {{ nodes {{ username }} pageInfo {{ hasNextPage endCursor }} }} }}");
        let answer = domain.ask(&ada.caller, &document, json!({})).await;
        let names: Vec<Value> = answer
            .at("/users/nodes")
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["username"].clone())
            .collect();
        (json!(names), answer.at("/users/pageInfo").clone())
    };
    assert_eq!(list("").await.0, json!(["ada", "ben", "cleo", "dan"]));
    assert_eq!(list("(role: BROKER)").await.0, json!(["ben", "dan"]));
    assert_eq!(list("(last: 2)").await.0, json!(["cleo", "dan"]));
    let (names, page) = list("(first: 3)").await;
    assert_eq!(
        (names, &page["hasNextPage"]),
        (json!(["ada", "ben", "cleo"]), &json!(true))
    );
    let (names, page) = list(&format!("(first: 3, after: {})", page["endCursor"])).await;
    assert_eq!((names, &page["hasNextPage"]), (json!(["dan"]), &json!(false)));
    for (arguments, field) in [
        ("(first: -1)", "first"),
        ("(first: 101)", "first"),
        ("(after: \"x\")", "after"),
    ] {
        let document = format!("{{ users{arguments} {{ nodes {{ id }} }} }}");
        let answer = domain.ask(&ada.caller, &document, json!({})).await;
        assert_eq!((answer.code(), answer.field()), ("INVALID_INPUT", field));
    }
}

#[tokio::test]
async fn user_references_resolve_by_both_keys_or_to_null() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let gone = domain.sign_up("gone").await;
    domain
        .ask(&gone.caller, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    let document = "query($of: [_Any!]!) { _entities(representations: $of) { ... on User { username active } } }";
    let of = json!([
        {"__typename": "User", "id": gone.id.to_string()},
        {"__typename": "User", "id": "404"},
        {"__typename": "User", "id": "x"},
        {"__typename": "User", "username": "ADA"},
        {"__typename": "User", "username": "unknown"},
        {"__typename": "User", "id": ada.id.to_string()},
        {"__typename": "User", "username": "ada"},
    ]);
    let ada = json!({"username": "ada", "active": true});
    assert_eq!(
        domain
            .ask(&CallerSession::anonymous(), document, json!({"of": of}))
            .await
            .at("/_entities"),
        &json!([{"username": "deactivated-2", "active": false}, null, null, ada, null, ada, ada])
    );
}

#[tokio::test]
async fn references_are_read_in_few_statements() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    let of: Vec<Value> = (0..3_000)
        .map(|id| json!({"__typename": "User", "id": id.to_string()}))
        .collect();
    let document = "query($of: [_Any!]!) { _entities(representations: $of) { ... on User { username } } }";
    let answer = domain
        .ask(&CallerSession::anonymous(), document, json!({"of": of}))
        .await;
    assert_eq!(answer.at("/_entities/1"), &json!({"username": "ada"}));
    assert_eq!(answer.at("/_entities").as_array().unwrap().len(), 3_000);
}

#[tokio::test]
async fn an_email_change_is_announced_to_owner_and_admins_only() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let ben = domain.sign_up("ben").await;
    let watch = |caller: &CallerSession| {
        let document = r#"subscription { cacheInvalidated(typenames: ["User"]) { typename key version } }"#;
        domain
            .schema
            .execute_stream(Request::new(document).data(caller.viewer.clone()), None)
            .boxed()
    };
    let admin = Viewer::User {
        id: 99,
        role: Role::Member,
        admin: true,
    };
    let admin = CallerSession {
        viewer: admin,
        session: None,
    };
    let mut streams = [
        watch(&ada.caller),
        watch(&ben.caller),
        watch(&admin),
        watch(&CallerSession::anonymous()),
    ];
    for stream in &mut streams {
        assert!(stream.next().now_or_never().is_none(), "nothing has happened yet");
    }
    let change = r#"mutation { updateEmail(email: "new@example.com") { email } }"#;
    domain.ask(&ada.caller, change, json!({})).await.at("");
    let mut told = Vec::new();
    for stream in &mut streams {
        let next = stream.next().now_or_never().flatten();
        told.push(next.map(|answer| answer.data.into_json().unwrap()["cacheInvalidated"].clone()));
    }
    let invalidation = Some(json!({"typename": "User", "key": ada.id.to_string(), "version": 2}));
    assert_eq!(told, [invalidation.clone(), None, invalidation, None]);
}

#[tokio::test]
async fn person_with_an_unknown_role_is_an_error() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    domain.corrupt("UPDATE account SET role = 'OWNER'").await;
    let failure = domain.failure(&Viewer::Anonymous, "{ user(id: 1) { username } }").await;
    let reason = r#"Type Error: table account, id 1: column role has the unknown value "OWNER""#;
    assert_eq!(failure, ("INTERNAL", reason.to_owned()));
    assert_eq!(domain.login("ada", PASSWORD).await.code(), "INTERNAL");
}
