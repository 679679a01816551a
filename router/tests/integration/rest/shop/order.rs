//! The order service: successful requests.

use serde_json::json;

use super::app::{BASKETS, MUGS, NOTEBOOKS, ShopApp, order, said};

#[tokio::test]
async fn the_documents_example_is_placed() {
    let shop = ShopApp::open().await;
    let body = r#"{"user_id":4,"product_id":1,"quantity":2,"date":"2023-11-28"}"#;
    let placed = shop.call("POST /api/orders", body).await;
    assert_eq!(placed.line(), said(200, "Order placed successfully"));
    assert_eq!(placed.header("location"), "/shop/api/order/4");
    let read = shop.call("GET /api/order/4", "").await;
    assert_eq!(
        read.line(),
        r#"200 {"id":4,"user_id":4,"product_id":1,"quantity":2,"date":"2023-11-28"}"#
    );
    assert_eq!(shop.left().await, [MUGS - 2, NOTEBOOKS, BASKETS]);
}

#[tokio::test]
async fn a_users_orders_are_listed_oldest_first() {
    let shop = ShopApp::open().await;
    assert_eq!(shop.orders_of(2).await, json!([]));
    shop.ordered(4, 3, 1).await;
    shop.ordered(1, 1, 1).await;
    assert_eq!(
        shop.orders_of(4).await,
        json!([
            { "id": 2, "user_id": 4, "product_id": 2, "quantity": 1, "date": "2023-11-28" },
            { "id": 4, "user_id": 4, "product_id": 3, "quantity": 1, "date": "2023-11-28" },
        ])
    );
}

#[tokio::test]
async fn all_orders_of_a_user_are_listed_for_any_count() {
    let shop = ShopApp::open().await;
    let more = r#"mutation { updateProduct(id: 1, input: { available: 1000 }) { id } }"#;
    shop.app
        .graph(contract::Viewer::service("tests"))
        .query(more, json!({}))
        .await
        .at("updateProduct.id");
    for _ in 0..130 {
        shop.ordered(2, 1, 1).await;
    }
    assert_eq!(shop.orders_of(2).await.as_array().unwrap().len(), 130);
}

#[tokio::test]
async fn a_changed_order_updates_the_available_quantity() {
    let shop = ShopApp::open().await;
    let address = shop.ordered(1, 1, 4).await;
    for (body, shown, left) in [
        (
            r#"{"quantity":6}"#,
            (1, 6, "2023-11-28"),
            [MUGS - 6, NOTEBOOKS, BASKETS],
        ),
        (
            r#"{"quantity":1}"#,
            (1, 1, "2023-11-28"),
            [MUGS - 1, NOTEBOOKS, BASKETS],
        ),
        (
            r#"{"date":"2024-02-29"}"#,
            (1, 1, "2024-02-29"),
            [MUGS - 1, NOTEBOOKS, BASKETS],
        ),
        (
            r#"{"product_id":2}"#,
            (2, 1, "2024-02-29"),
            [MUGS, NOTEBOOKS - 1, BASKETS],
        ),
        (
            r#"{"user_id":1,"product_id":3,"quantity":49,"date":"2026-01-31","id":9}"#,
            (3, 49, "2026-01-31"),
            [MUGS, NOTEBOOKS, 0],
        ),
    ] {
        let changed = shop.call(&format!("PUT {address}"), body).await;
        assert_eq!(changed.line(), said(200, "Order modified successfully"), "{body}");
        let (product, quantity, date) = shown;
        let shown = json!({ "id": 4, "user_id": 1, "product_id": product, "quantity": quantity, "date": date });
        assert_eq!(shop.call(&format!("GET {address}"), "").await.json(), shown);
        assert_eq!(shop.left().await, left, "{body}");
    }
}

#[tokio::test]
async fn a_deleted_order_returns_its_quantity_once() {
    let shop = ShopApp::open().await;
    let address = shop.ordered(1, 1, 4).await;
    assert_eq!(shop.left().await, [MUGS - 4, NOTEBOOKS, BASKETS]);
    let deleted = shop.call(&format!("DELETE {address}"), "").await;
    assert_eq!(deleted.line(), said(200, "Order deleted successfully"));
    for line in [format!("DELETE {address}"), format!("GET {address}")] {
        assert_eq!(
            shop.call(&line, "").await.line(),
            said(404, "Order not found."),
            "{line}"
        );
    }
    assert_eq!(shop.left().await, [MUGS, NOTEBOOKS, BASKETS]);
    // The number of a deleted order is not used again.
    assert_eq!(shop.ordered(1, 1, 1).await, "/api/order/5");
}

#[tokio::test]
async fn an_order_may_take_the_remaining_quantity_and_no_more() {
    let shop = ShopApp::open().await;
    shop.ordered(1, 3, BASKETS - 1).await;
    let none = shop.call("POST /api/orders", &order(2, 3, 2)).await;
    assert_eq!(none.line(), said(409, "Not enough items available."));
    shop.ordered(2, 3, 1).await;
    assert_eq!(shop.left().await, [MUGS, NOTEBOOKS, 0]);
}
