//! `Idempotency-Key`: the same key with the same request has one effect and one response.

use super::app::{BASKETS, MUGS, NOTEBOOKS, ShopApp, named, order, said};

const KEY: &[(&str, &str)] = &[("idempotency-key", "k1")];

#[tokio::test]
async fn one_key_places_one_order() {
    let shop = ShopApp::open().await;
    let body = order(4, 1, 2);
    let first = shop.called_by(KEY, "POST /api/orders", &body).await;
    let again = shop.called_by(KEY, "POST /api/orders", &body).await;
    assert_eq!(
        (again.line(), again.header("location")),
        (first.line(), first.header("location"))
    );
    assert_eq!(first.header("location"), "/shop/api/order/4");
    let other = shop.called_by(KEY, "POST /api/orders", &order(4, 1, 3)).await;
    assert_eq!(
        other.line(),
        said(422, "this idempotency key was used for another request")
    );
    assert_eq!(shop.left().await, [MUGS - 2, NOTEBOOKS, BASKETS]);
}

#[tokio::test]
async fn a_refused_order_leaves_its_key_unused() {
    let shop = ShopApp::open().await;
    for (body, status) in [
        (order(77, 1, 1), 404),
        (order(4, 1, MUGS + 1), 409),
        (order(4, 1, 0), 400),
        (order(4, 1, 1), 200),
    ] {
        let answered = shop.called_by(KEY, "POST /api/orders", &body).await;
        assert_eq!(answered.status, status, "{body}");
    }
    for bad in ["", " ", &"x".repeat(256)] {
        let headers = [("idempotency-key", bad)];
        let answered = shop.called_by(&headers, "POST /api/orders", &order(4, 1, 1)).await;
        assert_eq!(named(&answered), ["Idempotency-Key"], "{bad}");
    }
    assert_eq!(shop.left().await, [MUGS - 1, NOTEBOOKS, BASKETS]);
}

#[tokio::test]
async fn one_key_adds_one_user() {
    let shop = ShopApp::open().await;
    let user = |name: &str| format!(r#"{{"name":"{name}","password":"newPassword","address":"new address"}}"#);
    let first = shop.called_by(KEY, "POST /api/users", &user("newUser")).await;
    let again = shop.called_by(KEY, "POST /api/users", &user("newUser")).await;
    assert_eq!(
        (again.line(), again.header("location")),
        (first.line(), "/shop/api/user/6")
    );
    let other = shop.called_by(KEY, "POST /api/users", &user("another")).await;
    assert_eq!(other.status, 422);
    assert_eq!(shop.call("GET /api/user/7", "").await.status, 404);
}
