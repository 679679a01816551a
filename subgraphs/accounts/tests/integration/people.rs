//! Finding people: by id, by name, all of them, from another subgraph, and when they change.

use async_graphql::Request;
use contract::{Role, Viewer};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};

use crate::support::{AccountsDomain, CallerSession, PASSWORD};

const FIND: &str = "query($id: ID, $username: String) { user(id: $id, username: $username) { username } }";
const USERS: &str = "query($role: Role, $first: Int, $last: Int, $after: String) {
    users(role: $role, first: $first, last: $last, after: $after) {
        nodes { username } pageInfo { hasNextPage endCursor }
    }
}";

#[tokio::test]
async fn me_is_the_signed_in_user_and_null_for_other_callers() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let me = async |caller: &CallerSession| {
        domain
            .query(caller, "{ me { username } }", json!({}))
            .await
            .at("me")
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
    let find = async |args: Value| domain.anonymous().query(FIND, args).await;
    for args in [
        json!({"id": ada.id}),
        json!({"id": ada.id.to_string()}),
        json!({"username": " aDA"}),
    ] {
        let found = find(args.clone()).await;
        assert_eq!(found.at("user"), &json!({"username": "Ada"}), "{args}");
    }
    for args in [
        json!({"id": 99}),
        json!({"id": "01"}),
        json!({"id": "ada"}),
        json!({"id": "99999999999999999999"}),
        json!({"id": "-1"}),
        json!({"username": ""}),
        json!({"username": "ben"}),
        // Only a username finds a person: an email is private.
        json!({"username": "ada@example.com"}),
    ] {
        assert_eq!(find(args.clone()).await.at("user"), &Value::Null, "{args}");
    }
    assert_eq!(find(json!({})).await.code(), "INVALID_INPUT");
    let both = find(json!({"id": 1, "username": "ada"})).await;
    assert_eq!(both.field(), "username");
}

#[tokio::test]
async fn users_are_listed_in_pages_without_deactivated_accounts() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let gone = domain.sign_up("gone").await;
    domain
        .query(&gone.caller, "mutation { deactivateAccount { id } }", json!({}))
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
    let list = async |args: Value| {
        let answer = domain.query(&ada.caller, USERS, args).await;
        let names = json!(answer.all("users.nodes.*.username"));
        (names, answer.at("users.pageInfo").clone())
    };
    for (args, names) in [
        (json!({}), json!(["ada", "ben", "cleo", "dan"])),
        (json!({"role": "BROKER"}), json!(["ben", "dan"])),
        (json!({"last": 2}), json!(["cleo", "dan"])),
    ] {
        assert_eq!(list(args.clone()).await.0, names, "{args}");
    }
    let (names, page) = list(json!({"first": 3})).await;
    assert_eq!(
        (names, &page["hasNextPage"]),
        (json!(["ada", "ben", "cleo"]), &json!(true))
    );
    let (names, page) = list(json!({"first": 3, "after": page["endCursor"]})).await;
    assert_eq!((names, &page["hasNextPage"]), (json!(["dan"]), &json!(false)));
    for (args, field) in [
        (json!({"first": -1}), "first"),
        (json!({"first": 101}), "first"),
        (json!({"after": "x"}), "after"),
    ] {
        let answer = domain.query(&ada.caller, USERS, args).await;
        assert_eq!((answer.code(), answer.field()), ("INVALID_INPUT", field));
    }
}

#[tokio::test]
async fn user_references_resolve_by_both_keys_or_to_null() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let gone = domain.sign_up("gone").await;
    domain
        .query(&gone.caller, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    let document = "query($of: [_Any!]!) { _entities(representations: $of) { ... on User { username active } } }";
    let of = json!([
        {"__typename": "User", "id": gone.id.to_string()},
        {"__typename": "User", "id": "user_404"},
        {"__typename": "User", "id": "x"},
        {"__typename": "User", "username": "ADA"},
        {"__typename": "User", "username": "unknown"},
        {"__typename": "User", "id": ada.id.to_string()},
        {"__typename": "User", "username": "ada"},
    ]);
    let ada = json!({"username": "ada", "active": true});
    assert_eq!(
        domain
            .query(&CallerSession::anonymous(), document, json!({"of": of}))
            .await
            .at("_entities"),
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
        .query(&CallerSession::anonymous(), document, json!({"of": of}))
        .await;
    assert_eq!(answer.at("_entities.1"), &json!({"username": "ada"}));
    assert_eq!(answer.at("_entities").as_array().unwrap().len(), 3_000);
}

#[tokio::test]
async fn an_email_change_is_announced_to_owner_and_admins_only() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let ben = domain.sign_up("ben").await;
    let watch = |caller: &CallerSession| {
        let document = r#"subscription { cacheInvalidated(typenames: ["User"]) { typename key version } }"#;
        let viewer = caller.viewer.clone();
        domain
            .schema
            .subscribe(move || Request::new(document).data(viewer.clone()))
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
    domain.query(&ada.caller, change, json!({})).await.at("");
    let mut told = Vec::new();
    for stream in &mut streams {
        let next = tokio::task::unconstrained(stream.next()).now_or_never().flatten();
        told.push(next.map(|answer| answer.data.into_json().unwrap()["cacheInvalidated"].clone()));
    }
    let invalidation = Some(json!({"typename": "User", "key": format!("user_{}", ada.id), "version": 2}));
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
