//! The order service: each of its errors, and that a failed request changes nothing.

use serde_json::json;

use super::app::{BASKETS, MUGS, NOTEBOOKS, ShopApp, invalid, named, order, said};

/// The available quantities, which a failed request must not change.
const UNTOUCHED: [i64; 3] = [MUGS, NOTEBOOKS, BASKETS];

#[tokio::test]
async fn an_order_that_violates_its_model_is_not_placed() {
    let shop = ShopApp::open().await;
    let whole = |member: &str, value: &str| {
        let mut body: serde_json::Value = serde_json::from_str(&order(4, 1, 2)).unwrap();
        body[member] = serde_json::from_str(value).unwrap();
        body.to_string()
    };
    for (member, values) in [
        (
            "user_id",
            vec!["null", "\"4\"", "4.5", "true", "[4]", "9223372036854775808"],
        ),
        ("product_id", vec!["null", "\"1\"", "1.5", "false", "{}"]),
        (
            "quantity",
            vec!["null", "0", "-1", "\"2\"", "2.0", "2e0", "true", "2147483648"],
        ),
        (
            "date",
            vec![
                "null",
                "\"\"",
                "\"2023-2-28\"",
                "\"2023-02-29\"",
                "\"0000-01-01\"",
                "\"+12023-11-28\"",
                "\"2023-11-28T00:00:00Z\"",
                "\"28.11.2023\"",
                "20231128",
            ],
        ),
    ] {
        for value in values {
            let answered = shop.call("POST /api/orders", &whole(member, value)).await;
            assert_eq!(named(&answered), [member], "{value}");
            let patch = format!(r#"{{"{member}":{value}}}"#);
            let answered = shop.call("PUT /api/order/1", &patch).await;
            assert_eq!(named(&answered), [member], "{value}");
        }
    }
    let nothing = shop.call("POST /api/orders", "{}").await;
    let required = ["user_id", "product_id", "quantity", "date"].map(|member| (member, "is required"));
    assert_eq!(nothing.line(), invalid(&required));
    assert_eq!(shop.left().await, UNTOUCHED);
}

#[tokio::test]
async fn a_body_other_than_a_json_object_is_refused_in_the_envelope() {
    let shop = ShopApp::open().await;
    for line in [
        "POST /api/users",
        "POST /api/login",
        "PUT /api/user/1",
        "POST /api/orders",
        "PUT /api/order/1",
    ] {
        for body in ["", "{", "[]", "7", "null", r#"{"quantity":}"#] {
            let answered = shop.call(line, body).await;
            let expected = invalid(&[("request", "the body must be a JSON object")]);
            assert_eq!(answered.line(), expected, "{line} {body}");
        }
        let text = shop.called_by(&[("content-type", "text/plain")], line, "{}").await;
        assert_eq!(text.line(), said(415, "the body must be application/json"), "{line}");
        let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(2_000_000));
        let large = shop.call(line, &large).await;
        assert_eq!(large.status, 413, "{line}");
        assert!(large.json()["response"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn an_order_with_an_unknown_user_or_product_is_not_placed() {
    let shop = ShopApp::open().await;
    for user in [77, 0, -1, i64::MAX] {
        let answered = shop.call("POST /api/orders", &order(user, 1, 2)).await;
        assert_eq!(answered.line(), said(404, "User not found."), "{user}");
    }
    for product in [77, 0, -1, i64::MIN] {
        let answered = shop.call("POST /api/orders", &order(4, product, 2)).await;
        assert_eq!(answered.line(), said(404, "Product not found."), "{product}");
    }
    let neither = shop.call("POST /api/orders", &order(77, 77, 2)).await;
    assert_eq!(neither.line(), said(404, "User not found."));
    let dear = shop.call("POST /api/orders", &order(4, 1, i64::from(i32::MAX))).await;
    assert_eq!(dear.line(), said(409, "Not enough items available."));
    assert_eq!(shop.left().await, UNTOUCHED);
}

#[tokio::test]
async fn an_order_above_the_available_quantity_is_not_placed() {
    let shop = ShopApp::open().await;
    let body = order(4, 1, MUGS + 1);
    let answered = shop.call("POST /api/orders", &body).await;
    assert_eq!(answered.line(), said(409, "Not enough items available."));
    assert_eq!(shop.left().await, UNTOUCHED);
    assert_eq!(shop.orders_of(4).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let shop = ShopApp::open().await;
    let before = shop.call("GET /api/order/1", "").await.line();
    for (body, expected) in [
        (
            "{}",
            invalid(&[(
                "request",
                "the body must have at least one of product_id, quantity, date",
            )]),
        ),
        (
            r#"{"x":1}"#,
            invalid(&[(
                "request",
                "the body must have at least one of product_id, quantity, date",
            )]),
        ),
        (
            r#"{"user_id":3}"#,
            invalid(&[(
                "request",
                "the body must have at least one of product_id, quantity, date",
            )]),
        ),
        (
            r#"{"user_id":4,"quantity":3}"#,
            invalid(&[("user_id", "cannot be changed")]),
        ),
        (r#"{"quantity":51}"#, said(409, "Not enough items available.")),
        (
            r#"{"quantity":51,"date":"2024-01-01"}"#,
            said(409, "Not enough items available."),
        ),
        (
            r#"{"product_id":2,"quantity":50}"#,
            said(409, "Not enough items available."),
        ),
        (r#"{"product_id":77}"#, said(404, "Product not found.")),
        (r#"{"product_id":-1,"quantity":1}"#, said(404, "Product not found.")),
    ] {
        let answered = shop.call("PUT /api/order/1", body).await;
        assert_eq!(answered.line(), expected, "{body}");
    }
    assert_eq!(shop.call("GET /api/order/1", "").await.line(), before);
    assert_eq!(shop.left().await, UNTOUCHED);
}

#[tokio::test]
async fn a_missing_order_is_not_found() {
    let shop = ShopApp::open().await;
    for id in ["77", "0", "-1", "x", "1.0", "01", "9223372036854775808", "%20"] {
        for (line, body) in [
            ("GET /api/order/", ""),
            ("PUT /api/order/", r#"{"quantity":1}"#),
            ("DELETE /api/order/", ""),
        ] {
            let answered = shop.call(&format!("{line}{id}"), body).await;
            assert_eq!(answered.line(), said(404, "Order not found."), "{line}{id}");
        }
    }
}

#[tokio::test]
async fn an_order_above_the_money_limit_names_its_quantity() {
    let shop = ShopApp::open().await;
    let palace = r#"mutation { addProduct(input: { name: "Palace", available: 9, price: { amount: "1000000000000" } }) { id } }"#;
    let service = shop.app.graph(contract::Viewer::service("tests"));
    let added = service.query(palace, json!({})).await;
    assert_eq!(added.id("addProduct.id"), 4);
    let expected = invalid(&[("quantity", "would make the order cost more than 1,000,000,000,000.00")]);
    let placed = shop.call("POST /api/orders", &order(4, 4, 2)).await;
    assert_eq!(placed.line(), expected);
    let changed = shop.call("PUT /api/order/1", r#"{"product_id":4}"#).await;
    assert_eq!(changed.line(), expected);
}
