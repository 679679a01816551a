//! Which callers may read and write what.

use contract::Viewer;
use serde_json::Value;

use crate::support::{BookstoreDomain, admin, code, member, service};

/// The callers: the buyer, another person, an administrator, a program and an anonymous client.
const CALLER_NAMES: [&str; 5] = ["buyer", "stranger", "admin", "service", "anonymous"];

fn viewers() -> [Viewer; 5] {
    [member(7), member(8), admin(), service(), Viewer::Anonymous]
}

#[tokio::test]
async fn each_caller_reaches_the_permitted_fields() {
    let fine = ["OK"; 5];
    let operators = ["FORBIDDEN", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"];
    let owner = ["OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"];
    let people = ["OK", "OK", "OK", "OK", "UNAUTHENTICATED"];
    let new = r#"{ title: "a", topic: "t", quantity: 1, price: { amount: "1", currency: "USD" } }"#;
    let table = [
        ("{ book(id: 1) { id } books { nodes { id } } topics }".to_owned(), fine),
        ("{ bookPurchases { nodes { id } } }".to_owned(), operators),
        (
            r#"{ _entities(representations: [{ __typename: "User", id: "7" }]) {
                ... on User { bookPurchases { nodes { id } } } } }"#
                .to_owned(),
            owner,
        ),
        ("mutation { purchaseBook(id: 1) { id } }".to_owned(), people),
        (format!("mutation {{ addBook(input: {new}) {{ id }} }}"), operators),
        (
            "mutation { updateBook(id: 1, input: { quantity: 9 }) { id } }".to_owned(),
            operators,
        ),
        // Both operators delete the same book, so the second one gets `NOT_FOUND`.
        (
            "mutation { deleteBook(id: 2) }".to_owned(),
            ["FORBIDDEN", "FORBIDDEN", "OK", "NOT_FOUND", "UNAUTHENTICATED"],
        ),
    ];
    let store = BookstoreDomain::with_copies(9).await;
    store.add("Emma", "novels", 1).await;
    store.ask(&member(7), "mutation { purchaseBook(id: 1) { id } }").await;
    for (document, wanted) in table {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let answer = store.ask(viewer, &document).await;
            assert_eq!(code(&answer), wanted, "{caller}: {document}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_purchase_is_visible_to_its_buyer_and_operators_only() {
    let store = BookstoreDomain::with_copies(9).await;
    store.ask(&member(7), "mutation { purchaseBook(id: 1) { id } }").await;
    store.ask(&service(), "mutation { purchaseBook(id: 1) { id } }").await;
    let entity = |id: u8| {
        format!(
            r#"{{ found: _entities(representations: [{{ __typename: "BookPurchase", id: "{id}" }}]) {{ __typename }} }}"#
        )
    };
    for (id, wanted) in [
        (1, [true, false, true, true, false]),
        (2, [false, false, true, true, false]),
    ] {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let root = store
                .ask(viewer, &format!("{{ found: bookPurchase(id: {id}) {{ id }} }}"))
                .await;
            assert_eq!(root["data"]["found"] != Value::Null, wanted, "{caller}: {id}");
            assert_eq!(code(&root), "OK", "{caller}: {id}");
            let entity = store.ask(viewer, &entity(id)).await;
            assert_eq!(entity["data"]["found"][0] != Value::Null, wanted, "{caller}: {id}");
        }
    }
}
