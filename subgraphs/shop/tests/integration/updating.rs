//! Changing orders: one write applies all of the requested changes or none.

use serde_json::{Value, json};

use crate::support::{ADA, BEN, ShopDomain, UPDATE_PRODUCT, field, member, service, usd};

const SEEN: &str = "{ shopOrder(id: 1) { product { id } quantity date total } }";

fn order(product: &str, quantity: i64, date: &str, unit_price: &str, total: &str) -> Value {
    json!({
        "product": { "id": format!("product_{product}") }, "quantity": quantity, "date": date,
        "unitPrice": usd(unit_price), "total": usd(total),
    })
}

#[tokio::test]
async fn the_available_quantity_changes_by_the_difference() {
    let shop = ShopDomain::with_mugs(10).await;
    let id = shop.placed(ADA, "1", 4).await;
    for (quantity, left) in [(7, 3), (2, 8), (2, 8), (10, 0), (1, 9)] {
        let changed = shop.update(&member(ADA), &id, &json!({ "quantity": quantity })).await;
        assert_eq!(changed.at("updateShopOrder.quantity"), quantity);
        assert_eq!(shop.available("1").await, left, "{quantity}");
    }
}

#[tokio::test]
async fn an_omitted_member_stays() {
    let shop = ShopDomain::with_mugs(10).await;
    shop.add("Bowl", "3", 5).await;
    let id = shop.placed(ADA, "1", 4).await;
    for (input, wanted) in [
        (
            json!({ "date": "2026-02-28" }),
            order("1", 4, "2026-02-28", "12.50", "50.00"),
        ),
        (json!({ "quantity": 2 }), order("1", 2, "2026-02-28", "12.50", "25.00")),
        (json!({ "product": 2 }), order("2", 2, "2026-02-28", "3.00", "6.00")),
        (
            json!({ "product": 1, "quantity": 1, "date": "2023-11-28" }),
            order("1", 1, "2023-11-28", "12.50", "12.50"),
        ),
    ] {
        let changed = shop.update(&member(ADA), &id, &input).await;
        assert_eq!(changed, json!({ "data": { "updateShopOrder": wanted } }), "{input}");
    }
    assert_eq!((shop.available("1").await, shop.available("2").await), (9, 5));
}

#[tokio::test]
async fn a_change_of_the_product_moves_the_quantity_between_both() {
    let shop = ShopDomain::with_mugs(10).await;
    shop.add("Bowl", "3", 5).await;
    let id = shop.placed(ADA, "1", 4).await;
    shop.update(&member(ADA), &id, &json!({ "product": 2, "quantity": 5 }))
        .await;
    assert_eq!((shop.available("1").await, shop.available("2").await), (10, 0));
}

#[tokio::test]
async fn an_impossible_update_changes_nothing() {
    let shop = ShopDomain::with_mugs(10).await;
    shop.add("Bowl", "3", 3).await;
    shop.add("Palace", "1000000000000", 3).await;
    let id = shop.placed(ADA, "1", 4).await;
    let before = shop.member(ADA).query(SEEN, json!({})).await;
    for (input, wanted) in [
        (json!({ "quantity": 11 }), "INSUFFICIENT_STOCK"),
        (json!({ "quantity": 11, "date": "2023-11-28" }), "INSUFFICIENT_STOCK"),
        (json!({ "product": 2 }), "INSUFFICIENT_STOCK"),
        (json!({ "product": 2, "quantity": 4 }), "INSUFFICIENT_STOCK"),
        (json!({ "product": 3, "quantity": 3 }), "INVALID_INPUT"),
        (json!({ "product": 9 }), "NOT_FOUND"),
        (json!({ "product": "x" }), "NOT_FOUND"),
        (json!({}), "INVALID_INPUT"),
        (json!({ "user": "1" }), "INVALID_INPUT"),
        (json!({ "quantity": null }), "INVALID_INPUT"),
        (json!({ "product": null, "quantity": 1 }), "INVALID_INPUT"),
        (json!({ "date": null, "quantity": 1 }), "INVALID_INPUT"),
        (json!({ "user": null, "quantity": 1 }), "INVALID_INPUT"),
        (json!({ "quantity": 0 }), "INVALID_INPUT"),
        (json!({ "product": 2, "quantity": -1 }), "INVALID_INPUT"),
        (json!({ "quantity": 1, "date": "2026-02-30" }), "INVALID_INPUT"),
        (json!({ "quantity": 1, "date": "+12026-02-03" }), "INVALID_INPUT"),
    ] {
        let refused = shop.update(&member(ADA), &id, &input).await;
        assert_eq!(refused.code(), wanted, "{input}: {refused}");
    }
    assert_eq!(shop.member(ADA).query(SEEN, json!({})).await, before);
    for (product, left) in [("1", 6), ("2", 3), ("3", 3)] {
        assert_eq!(shop.available(product).await, left, "{product}");
    }
}

#[tokio::test]
async fn the_owner_of_an_order_can_be_repeated_and_not_changed() {
    let shop = ShopDomain::with_mugs(10).await;
    let id = shop.placed(ADA, "1", 4).await;
    let repeated = shop
        .update(&service(), &id, &json!({ "user": "1", "quantity": 5 }))
        .await;
    assert_eq!(repeated.code(), "OK");
    for user in ["2", "x", "77"] {
        let refused = shop
            .update(&service(), &id, &json!({ "user": user, "quantity": 6 }))
            .await;
        assert_eq!(
            (refused.code(), field(&refused)),
            ("INVALID_INPUT", "input.user"),
            "{user}"
        );
    }
    assert_eq!(shop.ordered(ADA, "1").await, 5);
    // A stranger does not learn that the order exists.
    let stranger = shop
        .update(&member(BEN), &id, &json!({ "user": "2", "quantity": 6 }))
        .await;
    assert_eq!(stranger.code(), "NOT_FOUND");
}

#[tokio::test]
async fn an_order_keeps_its_unit_price() {
    let shop = ShopDomain::with_mugs(10).await;
    shop.add("Bowl", "3", 9).await;
    let id = shop.placed(ADA, "1", 2).await;
    for product in [1, 2] {
        let dearer = json!({ "id": product, "input": { "price": usd("20") } });
        assert_eq!(shop.admin().query(UPDATE_PRODUCT, dearer).await.code(), "OK");
    }
    for (input, wanted) in [
        (json!({ "quantity": 3 }), order("1", 3, "2026-01-31", "12.50", "37.50")),
        (json!({ "product": 1 }), order("1", 3, "2026-01-31", "12.50", "37.50")),
        // An order for another product is charged at that product's present price.
        (json!({ "product": 2 }), order("2", 3, "2026-01-31", "20.00", "60.00")),
        (json!({ "product": 1 }), order("1", 3, "2026-01-31", "20.00", "60.00")),
    ] {
        let changed = shop.update(&member(ADA), &id, &input).await;
        assert_eq!(changed, json!({ "data": { "updateShopOrder": wanted } }), "{input}");
    }
}

#[tokio::test]
async fn a_missing_order_is_not_changed() {
    let shop = ShopDomain::with_mugs(10).await;
    for id in ["1", "x", "01", "99999999999999999999"] {
        let answer = shop.update(&service(), id, &json!({ "quantity": 1 })).await;
        assert_eq!(answer.code(), "NOT_FOUND", "{id}");
        assert_eq!(answer.message(), "order not found");
    }
}
