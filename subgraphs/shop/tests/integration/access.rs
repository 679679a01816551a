//! Which callers may read and write what.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{ADA, ADD, BEN, ShopDomain, admin, member, service, usd};

const ORDER: &str = "query($id: ID!) { found: shopOrder(id: $id) { id } }";
const ORDER_ENTITY: &str = "query($of: [_Any!]!) { found: _entities(representations: $of) { __typename } }";

/// The callers: the owner, another person, an administrator, a program and an anonymous client.
const CALLER_NAMES: [&str; 5] = ["owner", "stranger", "admin", "service", "anonymous"];

fn viewers() -> [Viewer; 5] {
    [member(ADA), member(BEN), admin(), service(), Viewer::Anonymous]
}

#[tokio::test]
async fn each_caller_reaches_the_permitted_fields() {
    let fine = ["OK"; 5];
    let operators = ["FORBIDDEN", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"];
    let list = ["OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"];
    // Other people learn neither the owner of an order nor whether it exists.
    let order = ["OK", "NOT_FOUND", "OK", "OK", "UNAUTHENTICATED"];
    let table = [
        ("{ product(id: 1) { id } products { nodes { id } } }", fine),
        (
            r#"{ _entities(representations: [{ __typename: "User", id: "1" }]) {
                ... on User { shopOrders { nodes { id } } } } }"#,
            list,
        ),
        (
            r#"mutation { placeShopOrder(input: { user: 1, product: 1, quantity: 1, date: "2026-01-31" }) { id } }"#,
            list,
        ),
        (
            "mutation { updateShopOrder(id: 1, input: { quantity: 2 }) { id } }",
            order,
        ),
        (
            "mutation { updateProduct(id: 1, input: { available: 50 }) { id } }",
            operators,
        ),
    ];
    let shop = ShopDomain::with_mugs(50).await;
    shop.placed(ADA, "1", 1).await;
    for (document, wanted) in table {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let answer = shop.client(viewer).query(document, json!({})).await;
            assert_eq!(answer.code(), wanted, "{caller}: {document}: {answer}");
        }
    }
    for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(operators) {
        let input = json!({ "name": format!("of {caller}"), "price": usd("1"), "available": 1 });
        let added = shop.client(viewer).query(ADD, json!({ "input": input })).await;
        assert_eq!(added.code(), wanted, "{caller}");
    }
    for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(order) {
        let placed = shop.placed(ADA, "1", 1).await;
        assert_eq!(shop.delete(viewer, &placed).await.code(), wanted, "{caller}");
    }
}

#[tokio::test]
async fn an_order_is_visible_to_its_owner_and_operators_only() {
    let shop = ShopDomain::with_mugs(9).await;
    let order = shop.placed(ADA, "1", 1).await;
    let wanted = [true, false, true, true, false];
    for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
        let client = shop.client(viewer);
        let root = client.query(ORDER, json!({ "id": order })).await;
        assert_eq!(root["data"]["found"] != Value::Null, wanted, "{caller}");
        assert_eq!(root.code(), "OK", "{caller}");
        let of = json!([{ "__typename": "ShopOrder", "id": order }]);
        let entity = client.query(ORDER_ENTITY, json!({ "of": of })).await;
        assert_eq!(entity["data"]["found"][0] != Value::Null, wanted, "{caller}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_change_an_order() {
    let shop = ShopDomain::with_mugs(9).await;
    let order = shop.placed(ADA, "1", 4).await;
    for viewer in [member(BEN), Viewer::Anonymous] {
        shop.update(&viewer, &order, &json!({ "quantity": 9 })).await;
        shop.delete(&viewer, &order).await;
    }
    assert_eq!((shop.available("1").await, shop.ordered(ADA, "1").await), (5, 4));
}
