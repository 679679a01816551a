//! Which callers may read and write what.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{ADD, BUY, BookstoreDomain, DELETE, UPDATE, admin, member, new_book, service, usd};

const LISTS: &str = "{ book(id: 1) { id } books { nodes { id } } topics }";
const ALL_PURCHASES: &str = "{ bookPurchases { nodes { id } } }";
const PURCHASES_OF_THE_BUYER: &str = r#"{ _entities(representations: [{ __typename: "User", id: "7" }]) {
    ... on User { bookPurchases { nodes { id } } }
} }"#;
const PURCHASE: &str = "query($id: ID!) { found: bookPurchase(id: $id) { id } }";
const PURCHASE_ENTITY: &str = "query($of: [_Any!]!) { found: _entities(representations: $of) { __typename } }";

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
    let new = new_book("a", "t", usd("1"), 1);
    let table = [
        (LISTS, json!({}), fine),
        (ALL_PURCHASES, json!({}), operators),
        (PURCHASES_OF_THE_BUYER, json!({}), owner),
        (BUY, json!({ "id": 1 }), people),
        (ADD, json!({ "input": new }), operators),
        (UPDATE, json!({ "id": 1, "input": { "quantity": 9 } }), operators),
        // Both operators delete the same book, so the second one gets `NOT_FOUND`.
        (
            DELETE,
            json!({ "id": 2 }),
            ["FORBIDDEN", "FORBIDDEN", "OK", "NOT_FOUND", "UNAUTHENTICATED"],
        ),
    ];
    let store = BookstoreDomain::with_copies(9).await;
    store.add("Emma", "novels", 1).await;
    store.member(7).query(BUY, json!({ "id": 1 })).await;
    for (document, variables, wanted) in table {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let answer = store.client(viewer).query(document, variables.clone()).await;
            assert_eq!(answer.code(), wanted, "{caller}: {document}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_purchase_is_visible_to_its_buyer_and_operators_only() {
    let store = BookstoreDomain::with_copies(9).await;
    store.member(7).query(BUY, json!({ "id": 1 })).await;
    store.service().query(BUY, json!({ "id": 1 })).await;
    for (id, wanted) in [
        (1, [true, false, true, true, false]),
        (2, [false, false, true, true, false]),
    ] {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let client = store.client(viewer);
            let root = client.query(PURCHASE, json!({ "id": id })).await;
            assert_eq!(root["data"]["found"] != Value::Null, wanted, "{caller}: {id}");
            assert_eq!(root.code(), "OK", "{caller}: {id}");
            let of = json!([{ "__typename": "BookPurchase", "id": id.to_string() }]);
            let entity = client.query(PURCHASE_ENTITY, json!({ "of": of })).await;
            assert_eq!(entity["data"]["found"][0] != Value::Null, wanted, "{caller}: {id}");
        }
    }
}
