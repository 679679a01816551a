//! Placing orders: an ordered quantity is not available to other orders.

use std::sync::Arc;

use contract::Viewer;
use futures_util::future::join_all;
use serde_json::{Value, json};

use testing::Answer;

use crate::support::{ADA, BEN, PLACE, ShopDomain, UPDATE_PRODUCT, admin, field, member, service, usd};

const PLACE_AND_READ: &str = r#"mutation {
    placeShopOrder(input: { product: 1, quantity: 3, date: "2023-11-28" }) {
        id user { id } product { id name available } quantity date unitPrice total placedAt
    }
}"#;

#[tokio::test]
async fn an_order_returns_its_product_quantity_and_total() {
    let shop = ShopDomain::with_mugs(10).await;
    let placed = shop.member(ADA).query(PLACE_AND_READ, json!({})).await;
    assert_eq!(
        placed,
        json!({ "data": { "placeShopOrder": {
            "id": "shop_order_1", "user": { "id": "user_1" }, "product": { "id": "product_1", "name": "Mug", "available": 7 }, "quantity": 3,
            "date": "2023-11-28", "unitPrice": usd("12.50"), "total": usd("37.50"), "placedAt": "2026-01-01T00:00:00+00:00",
        } } })
    );
}

#[tokio::test]
async fn the_last_item_is_ordered_and_one_more_is_not() {
    let shop = ShopDomain::with_mugs(3).await;
    shop.placed(ADA, "1", 3).await;
    let refused = shop.place(&member(BEN), "1", 1).await;
    assert_eq!(refused.code(), "INSUFFICIENT_STOCK");
    assert_eq!(refused.message(), "not enough of the product is available");
    assert_eq!((shop.available("1").await, shop.ordered(BEN, "1").await), (0, 0));
}

#[tokio::test]
async fn an_invalid_order_is_not_placed() {
    let shop = ShopDomain::with_mugs(3).await;
    for (input, named) in [
        (
            json!({ "product": 1, "quantity": 0, "date": "2026-01-31" }),
            "input.quantity",
        ),
        (
            json!({ "product": 1, "quantity": -1, "date": "2026-01-31" }),
            "input.quantity",
        ),
        (
            json!({ "product": 1, "quantity": 1, "date": "+10000-01-01" }),
            "input.date",
        ),
        (
            json!({ "product": 1, "quantity": 1, "date": "0000-12-31" }),
            "input.date",
        ),
        (
            json!({ "product": 1, "quantity": 1, "date": "2026-02-29" }),
            "input.date",
        ),
        (
            json!({ "product": 1, "quantity": 1, "date": "31.01.2026" }),
            "input.date",
        ),
        (
            json!({ "product": 1, "quantity": 1, "date": "2026-01-31T00:00:00Z" }),
            "input.date",
        ),
        (json!({ "product": 1, "quantity": 1, "date": 20260131 }), "NO FIELD"),
        (json!({ "product": 1, "quantity": 1 }), "NO FIELD"),
        (
            json!({ "product": 1, "quantity": 1.5, "date": "2026-01-31" }),
            "NO FIELD",
        ),
        (
            json!({ "product": 1, "quantity": 2_147_483_648_i64, "date": "2026-01-31" }),
            "NO FIELD",
        ),
    ] {
        let answer = shop.member(ADA).query(PLACE, json!({ "input": input })).await;
        assert_eq!((answer.code(), field(&answer)), ("INVALID_INPUT", named), "{input}");
    }
    for product in ["2", "0", "x", "01", "99999999999999999999"] {
        let answer = shop.place(&member(ADA), product, 1).await;
        assert_eq!(answer.code(), "NOT_FOUND", "{product}");
        assert_eq!(answer.message(), "product not found");
    }
    assert_eq!((shop.available("1").await, shop.ordered(ADA, "1").await), (3, 0));
}

#[tokio::test]
async fn any_day_of_the_calendar_can_be_written() {
    let shop = ShopDomain::with_mugs(9).await;
    for date in ["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"] {
        let input = json!({ "product": 1, "quantity": 1, "date": date });
        let placed = shop.member(ADA).query(PLACE, json!({ "input": input })).await;
        assert_eq!(placed.at("placeShopOrder.date"), date);
    }
}

#[tokio::test]
async fn an_order_above_the_money_limit_is_not_placed() {
    let shop = ShopDomain::new().await;
    shop.add("Palace", "1000000000000", 9).await;
    shop.add("Atom", "0.01", 2_147_483_647).await;
    shop.add("Yacht", "10000", 2_147_483_647).await;
    for (product, quantity) in [("1", 2), ("3", 2_147_483_647)] {
        let refused = shop.place(&member(ADA), product, quantity).await;
        assert_eq!((refused.code(), field(&refused)), ("INVALID_INPUT", "input.quantity"));
    }
    assert_eq!(shop.available("1").await, 9);
    shop.placed(ADA, "1", 1).await;
    shop.placed(ADA, "2", 2_147_483_647).await;
    let orders = shop.orders(ADA, json!({})).await;
    let totals = orders.all("_entities.0.shopOrders.nodes.*.total.amount");
    assert_eq!(totals, ["1000000000000.00", "21474836.47"]);
}

async fn place_for(shop: &ShopDomain, viewer: &Viewer, user: Option<&str>) -> Answer {
    let mut input = json!({ "product": 1, "quantity": 1, "date": "2026-01-31" });
    if let Some(user) = user {
        input["user"] = json!(user);
    }
    shop.client(viewer).query(PLACE, json!({ "input": input })).await
}

#[tokio::test]
async fn operators_order_for_any_user_and_users_for_themselves() {
    let shop = ShopDomain::with_mugs(9).await;
    for (viewer, user, wanted) in [
        (member(ADA), None, "user_1"),
        (member(ADA), Some("1"), "user_1"),
        (admin(), Some("user_2"), "user_2"),
        (service(), Some("2"), "user_2"),
    ] {
        let placed = place_for(&shop, &viewer, user).await;
        assert_eq!(placed.at("placeShopOrder.user.id"), wanted, "{viewer:?}");
    }
    for (viewer, user, wanted) in [
        (member(ADA), Some("2"), "FORBIDDEN"),
        (member(ADA), Some("x"), "FORBIDDEN"),
        (service(), Some("77"), "NOT_FOUND"),
        (service(), Some("x"), "NOT_FOUND"),
        (service(), None, "INVALID_INPUT"),
        (Viewer::Anonymous, Some("1"), "UNAUTHENTICATED"),
        (Viewer::Anonymous, None, "UNAUTHENTICATED"),
    ] {
        let refused = place_for(&shop, &viewer, user).await;
        assert_eq!(refused.code(), wanted, "{viewer:?} {user:?}");
    }
    assert_eq!(shop.available("1").await, 5);
}

#[tokio::test]
async fn a_deactivated_account_has_no_new_orders() {
    let shop = ShopDomain::with_mugs(9).await;
    shop.deactivate(ADA).await;
    let named = place_for(&shop, &service(), Some("1")).await;
    assert_eq!(named.code(), "NOT_FOUND");
    assert_eq!(named.message(), "user not found");
    // A token may be older than the deactivation.
    assert_eq!(place_for(&shop, &member(ADA), None).await.code(), "UNAUTHENTICATED");
    assert_eq!(shop.available("1").await, 9);
}

/// The arguments of an order with a key.
fn with_key(quantity: i64) -> Value {
    let input = json!({ "product": 1, "quantity": quantity, "date": "2026-01-31" });
    json!({ "input": input, "key": "k" })
}

#[tokio::test]
async fn the_same_key_orders_once_and_repeats_its_response() {
    let shop = ShopDomain::with_mugs(9).await;
    let first = shop.member(ADA).query(PLACE, with_key(2)).await;
    assert_eq!(shop.member(ADA).query(PLACE, with_key(2)).await, first);
    assert_eq!(shop.available("1").await, 7);
    // A key belongs to one person: another person's equal key is a different one.
    assert_ne!(shop.member(BEN).query(PLACE, with_key(2)).await, first);
    let other = shop.member(ADA).query(PLACE, with_key(3)).await;
    assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH");
    // Replaying the request does not restore the deleted order.
    shop.delete(&member(ADA), "1").await;
    assert_eq!(shop.member(ADA).query(PLACE, with_key(2)).await, first);
    assert_eq!((shop.available("1").await, shop.ordered(ADA, "1").await), (7, 0));
}

#[tokio::test]
async fn a_refused_order_leaves_its_key_unused() {
    let shop = ShopDomain::with_mugs(1).await;
    assert_eq!(
        shop.member(ADA).query(PLACE, with_key(2)).await.code(),
        "INSUFFICIENT_STOCK"
    );
    let restock = json!({ "id": 1, "input": { "available": 5 } });
    shop.admin().query(UPDATE_PRODUCT, restock).await;
    assert_eq!(shop.member(ADA).query(PLACE, with_key(2)).await.code(), "OK");
    assert_eq!(shop.available("1").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_with_one_key_order_once() {
    let shop = Arc::new(ShopDomain::with_mugs(100).await);
    let answers = join_all((0..50).map(|_| {
        let shop = shop.clone();
        tokio::spawn(async move { shop.member(ADA).query(PLACE, with_key(2)).await })
    }))
    .await;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(
            (answer.text("placeShopOrder.id"), answer.at("placeShopOrder.quantity")),
            ("shop_order_1", &json!(2))
        );
    }
    assert_eq!(shop.available("1").await, 98);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_orders_of_the_last_item_succeed_once() {
    let shop = Arc::new(ShopDomain::with_mugs(1).await);
    let answers = join_all((0..50).map(|turn| {
        let shop = shop.clone();
        tokio::spawn(async move { shop.place(&member(1 + turn % 4), "1", 1).await.code().to_owned() })
    }))
    .await;
    let codes: Vec<String> = answers.into_iter().map(Result::unwrap).collect();
    let count = |wanted: &str| codes.iter().filter(|code| *code == wanted).count();
    assert_eq!((count("OK"), count("INSUFFICIENT_STOCK")), (1, 49));
    assert_eq!(shop.available("1").await, 0);
}
