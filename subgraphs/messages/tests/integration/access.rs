//! A message is visible to its sender, its receiver and operators only.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{
    ADA, CLEO, DAN, DELETE, FAVORITE, INBOX, MARK_READ, MessagesDomain, SENT, UNREAD, admin, member, service,
};

const CONTENTS: &str = "{ found: message(id: 1) { contents } }";
const ENTITY: &str = r#"{ found: _entities(representations: [{ __typename: "Message", id: "1" }]) { __typename } }"#;
const ALL: &str = "query($to: String, $favorite: Boolean) {
    messages(to: $to, favorite: $favorite) { nodes { contents } }
}";
const MARKS: &str = "{ message(id: 1) { read favorite } }";

/// The callers: the sender, the receiver, another person, an administrator, a program and an anonymous client.
const CALLER_NAMES: [&str; 6] = ["sender", "receiver", "stranger", "admin", "service", "anonymous"];

fn viewers() -> [Viewer; 6] {
    [
        member(CLEO),
        member(ADA),
        member(DAN),
        admin(),
        service(),
        Viewer::Anonymous,
    ]
}

#[tokio::test]
async fn a_message_is_read_by_its_parties_and_operators_only() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "secret").await;
    for ((viewer, caller), wanted) in viewers()
        .iter()
        .zip(CALLER_NAMES)
        .zip([true, true, false, true, true, false])
    {
        let root = domain.client(viewer).query(CONTENTS, json!({})).await;
        assert_eq!(root["data"]["found"] != Value::Null, wanted, "{caller}");
        assert_eq!(root.code(), "OK", "{caller}");
        let entity = domain.client(viewer).query(ENTITY, json!({})).await;
        assert_eq!(entity["data"]["found"][0] != Value::Null, wanted, "{caller}");
        assert_eq!(root.to_string().contains("secret"), wanted, "{caller}");
    }
}

#[tokio::test]
async fn a_users_lists_are_visible_to_the_user_and_operators_only() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "secret").await;
    // The lists belong to ada, the receiver.
    let wanted = ["FORBIDDEN", "OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"];
    for (list, args, operators) in [
        (INBOX, json!({}), "OK"),
        (SENT, json!({}), "OK"),
        (UNREAD, json!({}), "OK"),
        (INBOX, json!({ "first": -1 }), "INVALID_INPUT"),
    ] {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let found = domain.of_person(viewer, ADA, list, args.clone()).await;
            let wanted = if wanted == "OK" { operators } else { wanted };
            assert_eq!(found.code(), wanted, "{caller}: {list} {args}");
            assert_eq!(
                found.partial("_entities.0.id"),
                &format!("user_{ADA}"),
                "{caller}: {list}: the person is still there"
            );
        }
    }
}

#[tokio::test]
async fn all_messages_are_for_operators_and_own_ones_for_users() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "secret").await;
    let operators = ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"];
    let refused = "INVALID_INPUT";
    for (args, wanted) in [
        (
            json!({ "to": "ada" }),
            ["FORBIDDEN", "OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"],
        ),
        (json!({ "favorite": false }), operators),
        (json!({ "to": "nobody" }), operators),
        (
            json!({}),
            [refused, refused, refused, refused, refused, "UNAUTHENTICATED"],
        ),
    ] {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let answer = domain.client(viewer).query(ALL, args.clone()).await;
            assert_eq!(answer.code(), wanted, "{caller}: {args}");
            let shown = wanted == "OK" && args["to"] != "nobody";
            assert_eq!(answer.to_string().contains("secret"), shown, "{caller}: {args}");
        }
    }
}

#[tokio::test]
async fn only_permitted_callers_change_a_message() {
    let missing = [
        "NOT_FOUND",
        "NOT_FOUND",
        "NOT_FOUND",
        "NOT_FOUND",
        "NOT_FOUND",
        "UNAUTHENTICATED",
    ];
    let table = [
        (
            FAVORITE,
            json!({ "id": 1 }),
            ["FORBIDDEN", "OK", "NOT_FOUND", "OK", "OK", "UNAUTHENTICATED"],
        ),
        (
            MARK_READ,
            json!({ "ids": [1] }),
            ["OK", "OK", "OK", "OK", "UNAUTHENTICATED", "UNAUTHENTICATED"],
        ),
        (
            DELETE,
            json!({ "id": 1 }),
            ["OK", "OK", "NOT_FOUND", "OK", "OK", "UNAUTHENTICATED"],
        ),
        (FAVORITE, json!({ "id": 7 }), missing),
        (DELETE, json!({ "id": "x" }), missing),
    ];
    for (change, args, wanted) in table {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let domain = MessagesDomain::new().await;
            domain.send(CLEO, "ada", "one").await;
            let answer = domain.client(viewer).query(change, args.clone()).await;
            assert_eq!(answer.code(), wanted, "{caller}: {change}");
            let read = domain.admin().query(MARKS, json!({})).await;
            let untouched = json!({ "read": false, "favorite": false });
            // Marking another user's message is no error and changes nothing.
            let changes = wanted == "OK" && (change != MARK_READ || caller == "receiver");
            assert_eq!(read["data"]["message"] != untouched, changes, "{caller}: {change}");
        }
    }
}
