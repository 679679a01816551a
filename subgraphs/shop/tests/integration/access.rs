//! Which callers may read and write what.

use contract::Viewer;
use serde_json::Value;

use crate::support::{ADA, BEN, ShopDomain, admin, code, member, service};

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
            let answer = shop.ask(viewer, document).await;
            assert_eq!(code(&answer), wanted, "{caller}: {document}: {answer}");
        }
    }
    for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(operators) {
        let price = r#"{ amount: "1", currency: "USD" }"#;
        let add = format!(
            r#"mutation {{ addProduct(input: {{ name: "of {caller}", price: {price}, available: 1 }}) {{ id }} }}"#
        );
        assert_eq!(code(&shop.ask(viewer, &add).await), wanted, "{caller}");
    }
    for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(order) {
        let placed = shop.placed(ADA, "1", 1).await;
        assert_eq!(code(&shop.delete(viewer, &placed).await), wanted, "{caller}");
    }
}

#[tokio::test]
async fn an_order_is_visible_to_its_owner_and_operators_only() {
    let shop = ShopDomain::with_mugs(9).await;
    let order = shop.placed(ADA, "1", 1).await;
    let entity = format!(
        r#"{{ found: _entities(representations: [{{ __typename: "ShopOrder", id: "{order}" }}]) {{ __typename }} }}"#
    );
    let wanted = [true, false, true, true, false];
    for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
        let root = shop
            .ask(viewer, &format!("{{ found: shopOrder(id: {order}) {{ id }} }}"))
            .await;
        assert_eq!(root["data"]["found"] != Value::Null, wanted, "{caller}");
        assert_eq!(code(&root), "OK", "{caller}");
        let entity = shop.ask(viewer, &entity).await;
        assert_eq!(entity["data"]["found"][0] != Value::Null, wanted, "{caller}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_change_an_order() {
    let shop = ShopDomain::with_mugs(9).await;
    let order = shop.placed(ADA, "1", 4).await;
    for viewer in [member(BEN), Viewer::Anonymous] {
        shop.update(&viewer, &order, "quantity: 9").await;
        shop.delete(&viewer, &order).await;
    }
    assert_eq!((shop.available("1").await, shop.ordered(ADA, "1").await), (5, 4));
}
