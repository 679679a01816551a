//! A message is visible to its sender, its receiver and operators only.

use contract::Viewer;
use serde_json::Value;

use crate::support::{ADA, CLEO, DAN, MessagesDomain, admin, code, member, service};

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
    let entity = r#"{ found: _entities(representations: [{ __typename: "Message", id: "1" }]) { __typename } }"#;
    for ((viewer, caller), wanted) in viewers()
        .iter()
        .zip(CALLER_NAMES)
        .zip([true, true, false, true, true, false])
    {
        let root = domain.ask(viewer, "{ found: message(id: 1) { contents } }").await;
        assert_eq!(root["data"]["found"] != Value::Null, wanted, "{caller}");
        assert_eq!(code(&root), "OK", "{caller}");
        let entity = domain.ask(viewer, entity).await;
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
    for list in [
        "inbox { nodes { id } }",
        "sent { nodes { id } }",
        "unreadCount",
        "inbox(first: -1) { nodes { id } }",
    ] {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let (person, found) = domain.of_person(viewer, ADA, &format!("id {list}")).await;
            let wanted = match (wanted, list.contains("-1")) {
                ("OK", true) => "INVALID_INPUT",
                (wanted, _) => wanted,
            };
            assert_eq!(found, wanted, "{caller}: {list}");
            assert_eq!(
                person["id"],
                ADA.to_string(),
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
    for (arguments, wanted) in [
        (
            "(to: \"ada\")",
            ["FORBIDDEN", "OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"],
        ),
        ("(favorite: false)", operators),
        ("(to: \"unknown\")", operators),
        ("", [refused, refused, refused, refused, refused, "UNAUTHENTICATED"]),
    ] {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let answer = domain
                .ask(viewer, &format!("{{ messages{arguments} {{ nodes {{ contents }} }} }}"))
                .await;
            assert_eq!(code(&answer), wanted, "{caller}: messages{arguments}");
            let shown = wanted == "OK" && !arguments.contains("unknown");
            assert_eq!(
                answer.to_string().contains("secret"),
                shown,
                "{caller}: messages{arguments}"
            );
        }
    }
}

#[tokio::test]
async fn only_permitted_callers_change_a_message() {
    let table = [
        (
            "favoriteMessage(id: 1) { id }",
            ["FORBIDDEN", "OK", "NOT_FOUND", "OK", "OK", "UNAUTHENTICATED"],
        ),
        (
            "markRead(ids: [1])",
            ["OK", "OK", "OK", "OK", "UNAUTHENTICATED", "UNAUTHENTICATED"],
        ),
        (
            "deleteMessage(id: 1)",
            ["OK", "OK", "NOT_FOUND", "OK", "OK", "UNAUTHENTICATED"],
        ),
        (
            "favoriteMessage(id: 7) { id }",
            [
                "NOT_FOUND",
                "NOT_FOUND",
                "NOT_FOUND",
                "NOT_FOUND",
                "NOT_FOUND",
                "UNAUTHENTICATED",
            ],
        ),
        (
            r#"deleteMessage(id: "x")"#,
            [
                "NOT_FOUND",
                "NOT_FOUND",
                "NOT_FOUND",
                "NOT_FOUND",
                "NOT_FOUND",
                "UNAUTHENTICATED",
            ],
        ),
    ];
    for (change, wanted) in table {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let domain = MessagesDomain::new().await;
            domain.send(CLEO, "ada", "one").await;
            let answer = domain.ask(viewer, &format!("mutation {{ {change} }}")).await;
            assert_eq!(code(&answer), wanted, "{caller}: {change}");
            let read = domain.ask(&admin(), "{ message(id: 1) { read favorite } }").await;
            let untouched = serde_json::json!({ "read": false, "favorite": false });
            // Marking another user's message is no error and changes nothing.
            let changes = wanted == "OK" && (!change.starts_with("markRead") || caller == "receiver");
            assert_eq!(read["data"]["message"] != untouched, changes, "{caller}: {change}");
        }
    }
}
