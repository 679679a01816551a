//! Access to the routes under both policies.

use super::app::{BASKETS, MUGS, NOTEBOOKS, ShopApp, order, said};

const NEW: &str = r#"{"name":"newUser","password":"newPassword","address":"new address"}"#;
const LOGIN: &str = r#"{"name":"ada","password":"agora-demo-2026"}"#;
const ADDRESS: &str = r#"{"address":"Quay 1"}"#;

/// Returns every route of a user's own data, with a valid body.
fn theirs() -> Vec<(&'static str, String)> {
    vec![
        ("GET /api/user/4", String::new()),
        ("PUT /api/user/4", ADDRESS.to_owned()),
        ("GET /api/userorders/4", String::new()),
        ("POST /api/orders", order(4, 1, 2)),
        ("GET /api/order/2", String::new()),
        ("PUT /api/order/2", r#"{"quantity":2}"#.to_owned()),
        ("DELETE /api/order/2", String::new()),
        ("DELETE /api/user/4", String::new()),
    ]
}

#[tokio::test]
async fn a_closed_mount_hides_personal_data_without_a_token() {
    let shop = ShopApp::closed().await;
    for (line, _) in theirs() {
        // The response to a caller without a token does not reveal the other errors of the request.
        let answered = shop.called_by(&[("content-type", "text/plain")], line, "{").await;
        assert_eq!(answered.line(), said(401, "sign in first"), "{line}");
        assert_eq!(answered.header("www-authenticate"), "Bearer", "{line}");
    }
    assert_eq!(shop.call("POST /api/users", NEW).await.status, 200);
    assert_eq!(shop.call("POST /api/login", LOGIN).await.status, 200);
    assert_eq!(shop.left().await, [MUGS, NOTEBOOKS, BASKETS]);
}

#[tokio::test]
async fn a_user_reaches_own_data_on_a_closed_mount() {
    let shop = ShopApp::closed().await;
    let dan = shop.app.person(4);
    for (line, body) in theirs() {
        let answered = shop.with_token(&dan, line, &body).await;
        assert_eq!(answered.status, 200, "{line}: {}", answered.text);
    }
    assert_eq!(shop.left().await, [MUGS - 2, NOTEBOOKS + 1, BASKETS]);
}

#[tokio::test]
async fn a_user_reaches_no_data_of_others_on_a_closed_mount() {
    let shop = ShopApp::closed().await;
    let cleo = shop.app.person(3);
    for (line, body) in theirs() {
        let answered = shop.with_token(&cleo, line, &body).await;
        let expected = match line {
            // The existence of a user is public, the address is not.
            "GET /api/user/4" => r#"200 {"id":4,"name":"dan","password":"********","address":null}"#.to_owned(),
            line if line.contains("/order/") => said(404, "Order not found."),
            _ => said(403, "this belongs to somebody else"),
        };
        assert_eq!(answered.line(), expected, "{line}");
    }
    assert_eq!(shop.left().await, [MUGS, NOTEBOOKS, BASKETS]);
}

#[tokio::test]
async fn a_service_reaches_everything_on_a_closed_mount() {
    let shop = ShopApp::closed().await;
    let service = shop.app.service();
    for (line, body) in theirs() {
        let answered = shop.with_token(&service, line, &body).await;
        assert_eq!(answered.status, 200, "{line}: {}", answered.text);
    }
    let gone = shop.with_token(&service, "GET /api/user/4", "").await;
    assert_eq!(gone.line(), said(404, "User not found."));
}

#[tokio::test]
async fn an_open_mount_refuses_an_invalid_token() {
    let shop = ShopApp::open().await;
    for (line, body) in theirs() {
        let answered = shop.with_token("nonsense", line, &body).await;
        assert_eq!(
            (answered.status, answered.header("www-authenticate")),
            (401, "Bearer"),
            "{line}"
        );
    }
    assert_eq!(shop.left().await, [MUGS, NOTEBOOKS, BASKETS]);
}

#[tokio::test]
async fn an_open_mount_lets_other_origins_read_only() {
    let shop = ShopApp::open().await;
    for (line, body) in theirs() {
        let answered = shop.called_by(&[("sec-fetch-site", "cross-site")], line, &body).await;
        let wanted = if line.starts_with("GET") { 200 } else { 403 };
        assert_eq!(answered.status, wanted, "{line}");
    }
    assert_eq!(shop.left().await, [MUGS, NOTEBOOKS, BASKETS]);
}
