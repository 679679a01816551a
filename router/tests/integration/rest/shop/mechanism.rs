//! The features of every mount, in the shop's error format.

use agora::rest::service_router;
use agora::rest_access::AnonymousAccess;
use axum::body::Body;

use super::app::{ShopApp, said};
use crate::app::{graph_without_subgraphs, send};

#[tokio::test]
async fn each_service_reports_its_health() {
    let shop = ShopApp::closed().await;
    let checked = shop.call("GET /api/check", "").await;
    assert_eq!(checked.line(), r#"200 {"status":"OK"}"#);
    for service in ["user", "order"] {
        let alone = service_router(&shop.app.gateway, AnonymousAccess::Closed, "shop", Some(service)).unwrap();
        let checked = send(&alone, "GET /api/check", &[], Body::empty()).await;
        assert_eq!(checked.line(), r#"200 {"status":"OK"}"#, "{service}");
    }
}

#[tokio::test]
async fn a_separate_service_has_only_its_own_routes() {
    let shop = ShopApp::open().await;
    let alone = |service| service_router(&shop.app.gateway, AnonymousAccess::Anyone, "shop", Some(service)).unwrap();
    let (user, order) = (alone("user"), alone("order"));
    let status = async |router, line: &str| send(router, line, &[], Body::empty()).await.status;
    assert_eq!(status(&user, "GET /api/user/1").await, 200);
    assert_eq!(status(&user, "GET /api/order/1").await, 404);
    assert_eq!(status(&order, "GET /api/order/1").await, 200);
    assert_eq!(status(&order, "GET /api/user/1").await, 404);
    let body = r#"{"user_id":4,"product_id":1,"quantity":2,"date":"2023-11-28"}"#;
    let placed = send(&order, "POST /api/orders", &[], body).await;
    assert_eq!(placed.header("location"), "/api/order/4");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_the_envelope() {
    let shop = ShopApp::open().await;
    for path in ["/api/nowhere", "/api/user", "/api/user/1/2", "", "/"] {
        let answered = shop.call(&format!("GET {path}"), "").await;
        assert_eq!(answered.line(), said(404, "there is no such path"), "{path}");
    }
    for (line, allow) in [
        ("PATCH /api/user/1", "GET, HEAD, PUT, DELETE"),
        ("POST /api/order/1", "GET, HEAD, PUT, DELETE"),
        ("GET /api/users", "POST"),
        ("GET /api/orders", "POST"),
        ("GET /api/login", "POST"),
        ("DELETE /api/userorders/1", "GET, HEAD"),
    ] {
        let answered = shop.call(line, "").await;
        assert_eq!((answered.status, answered.header("allow")), (405, allow), "{line}");
        assert_eq!(
            answered.line(),
            said(405, &format!("this path answers {allow}")),
            "{line}"
        );
    }
    let headed = shop.call("HEAD /api/order/1/", "").await;
    assert_eq!((headed.status, headed.text.as_str()), (200, ""));
}

#[tokio::test]
async fn an_unavailable_service_is_503() {
    let shop = ShopApp::open().await;
    let gateway = shop
        .app
        .gateway
        .with_graph(std::sync::Arc::new(graph_without_subgraphs()));
    let router = agora::rest::router(&gateway, AnonymousAccess::Anyone);
    let order = r#"{"user_id":4,"product_id":1,"quantity":2,"date":"2023-11-28"}"#;
    let user = r#"{"name":"newUser","password":"newPassword","address":"new address"}"#;
    for (line, body) in [
        ("POST /shop/api/users", user),
        ("POST /shop/api/login", user),
        ("GET /shop/api/user/1", ""),
        ("PUT /shop/api/user/1", user),
        ("DELETE /shop/api/user/1", ""),
        ("POST /shop/api/orders", order),
        ("GET /shop/api/order/1", ""),
        ("PUT /shop/api/order/1", order),
        ("DELETE /shop/api/order/1", ""),
        ("GET /shop/api/userorders/1", ""),
    ] {
        let answered = send(&router, line, &[], body).await;
        assert_eq!(answered.line(), said(503, "this service does not answer"), "{line}");
        assert_eq!(answered.header("retry-after"), "1", "{line}");
    }
    assert_eq!(
        send(&router, "GET /shop/api/check", &[], Body::empty()).await.status,
        200
    );
}
