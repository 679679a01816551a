//! The features of every mount, on this one: methods, bodies, slashes, ports.

use agora::rest::service_router;
use agora::rest_access::AnonymousAccess;
use axum::body::Body;

use super::app::{BrokerageApp, TestCaller, refused};
use crate::app::send;

#[tokio::test]
async fn a_known_path_with_a_wrong_method_lists_its_methods() {
    let brokerage = BrokerageApp::new().await;
    for (line, allow) in [
        ("GET /users/register", "POST"),
        ("PUT /users/login", "POST"),
        ("POST /users", "GET, HEAD"),
        ("DELETE /users/1", "GET, HEAD, PUT"),
        ("DELETE /authorizations", "GET, HEAD, POST"),
        ("PUT /authorizations/1", "GET, HEAD"),
        ("POST /authorizations/1/revoke", "PUT"),
        ("POST /balance", "GET, HEAD, PUT"),
        ("PUT /transactions", "GET, HEAD, POST"),
        ("DELETE /transactions/1", "GET, HEAD"),
        ("POST /stocks", "GET, HEAD"),
        ("POST /stocks/1", "GET, HEAD"),
        ("POST /stockholdings", "GET, HEAD"),
        ("PATCH /stockholdings/1", "GET, HEAD, PUT"),
        ("PUT /orders", "GET, HEAD, POST"),
        ("DELETE /orders/1", "GET, HEAD, PUT"),
        ("OPTIONS /stocks", "GET, HEAD"),
    ] {
        // The method is checked before the token.
        let answered = brokerage.call(&brokerage.anonymous(), line, "{").await;
        let message = format!("this path answers {allow}");
        assert_eq!(answered.line(), refused(405, "METHOD_NOT_ALLOWED", &message), "{line}");
        assert_eq!(answered.header("allow"), allow, "{line}");
    }
    for line in [
        "GET /",
        "GET /nowhere",
        "GET /users/1/2",
        "GET /stock/orders",
        "POST /user/login",
    ] {
        let answered = brokerage.call(&brokerage.anonymous(), line, "").await;
        assert_eq!(
            answered.line(),
            refused(404, "NOT_FOUND", "there is no such path"),
            "{line}"
        );
    }
    let slash = brokerage.get(&brokerage.anonymous(), "/stocks/4/").await;
    assert_eq!(
        slash.line(),
        brokerage.get(&brokerage.anonymous(), "/stocks/4").await.line()
    );
    let head = brokerage.call(&brokerage.ada(), "HEAD /users/1", "").await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn a_body_other_than_a_json_object_is_refused() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    for (caller, line) in [
        (brokerage.anonymous(), "POST /users/register"),
        (brokerage.anonymous(), "POST /users/login"),
        (ada.clone(), "PUT /users/1"),
        (ada.clone(), "POST /authorizations"),
        (brokerage.service(), "PUT /balance"),
        (ada.clone(), "POST /transactions"),
        (ada.clone(), "PUT /stockholdings/1"),
        (ada.clone(), "POST /orders"),
        (ada.clone(), "PUT /orders/1"),
    ] {
        for body in ["", "{", "[]", "7", "null", "\"x\"", "{} {}"] {
            let answered = brokerage.call(&caller, line, body).await;
            assert_eq!(
                answered.line(),
                refused(400, "INVALID_INPUT", "the body must be a JSON object"),
                "{line} {body:?}"
            );
        }
        for media in ["text/plain", "application/x-www-form-urlencoded", "nonsense"] {
            let mut headers = caller.0.clone();
            headers.push(("content-type".to_owned(), media.to_owned()));
            let answered = brokerage.call(&TestCaller(headers), line, "{}").await;
            assert_eq!(
                answered.line(),
                refused(415, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json"),
                "{line} {media}"
            );
        }
        let answered = brokerage.call(&caller, line, &large).await;
        assert_eq!(
            answered.line(),
            refused(413, "PAYLOAD_TOO_LARGE", "a body has at most 1048576 bytes"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn each_service_has_its_own_port_and_nothing_else_on_it() {
    let brokerage = BrokerageApp::new().await;
    let headers: Vec<(String, String)> = brokerage.ada().0;
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let port = |service: Option<&str>| {
        service_router(&brokerage.gateway, AnonymousAccess::Closed, "brokerage", service).unwrap()
    };
    let (user, wallet, stock, all) = (
        port(Some("user")),
        port(Some("wallet")),
        port(Some("stock")),
        port(None),
    );
    for (path, own) in [
        ("/users", &user),
        ("/users/1", &user),
        ("/authorizations", &user),
        ("/balance", &wallet),
        ("/transactions", &wallet),
        ("/stocks", &stock),
        ("/stockholdings", &stock),
        ("/orders", &stock),
    ] {
        for (router, status) in [(&user, 404), (&wallet, 404), (&stock, 404), (&all, 200)] {
            let expected = if std::ptr::eq(router, own) { 200 } else { status };
            let answered = send(router, &format!("GET {path}"), &headers, Body::empty()).await;
            assert_eq!(answered.status, expected, "{path}: {}", answered.text);
        }
    }
    let deposit = r#"{"type":"deposit","amount":100}"#;
    let deposited = send(&wallet, "POST /transactions", &headers, deposit).await;
    assert!(
        deposited.header("location").starts_with("/transactions/"),
        "{}",
        deposited.line()
    );
    let order = r#"{"type":"BUY","stockId":4,"stockAmount":1}"#;
    let placed = send(&stock, "POST /orders", &headers, order).await;
    assert_eq!((placed.status, placed.header("location")), (201, "/orders/1"));
    let authorization = r#"{"type":"CAPITAL","brokerId":2,"amount":5,"endDate":"2027-01-01"}"#;
    let granted = send(&user, "POST /authorizations", &headers, authorization).await;
    assert_eq!(granted.header("location"), "/authorizations/1");
    let followed = send(&user, "GET /authorizations/1", &headers, Body::empty()).await;
    assert_eq!(followed.text, granted.text);
    assert!(
        service_router(
            &brokerage.gateway,
            AnonymousAccess::Closed,
            "brokerage",
            Some("kitchen")
        )
        .is_none()
    );
}
