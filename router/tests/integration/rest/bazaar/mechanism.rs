//! The features of every mount, on this one: methods, media types, sizes, slashes, ports.

use agora::rest::service_router;
use agora::rest_access::AnonymousAccess;
use axum::body::Body;

use super::{nothing_happened, refused};
use crate::app::{RestApp, send};

const POSTS: [&str; 7] = [
    "POST /bazaar/orders",
    "POST /bazaar/catalog/update",
    "POST /bazaar/order/1/buy",
    "POST /bazaar/order/1/sell",
    "POST /bazaar/order/1/push",
    "POST /bazaar/order/1/sync",
    "POST /bazaar/order/1/leader-broadcast",
];

#[tokio::test]
async fn a_body_other_than_a_json_object_is_refused() {
    let app = RestApp::open().await;
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    for line in POSTS {
        for body in ["", "{", "[]", "7", "null", "\"x\"", "{} {}"] {
            let answered = app.json(line, body).await;
            assert_eq!(
                answered.line(),
                refused(400, "the body must be a JSON object"),
                "{line} {body:?}"
            );
        }
        for media in ["text/plain", "application/xml", "nonsense"] {
            let answered = app.send(line, &[("content-type", media)], "{}").await;
            assert_eq!(
                answered.line(),
                refused(415, "the body must be application/json"),
                "{line} {media}"
            );
        }
        let answered = app.json(line, &large).await;
        assert_eq!(
            answered.line(),
            refused(413, "a body has at most 1048576 bytes"),
            "{line}"
        );
        let none = app.send(line, &[], "{}").await;
        assert_eq!(none.status, 400, "{line}: a missing Content-Type is tolerated");
        assert!(none.text.contains("is required"), "{line}: {}", none.text);
    }
    let ignored = [("content-type", "text/plain")];
    let empty = app.send("POST /bazaar/invalidate/GameStart", &ignored, "{").await;
    assert_eq!(empty.status, 200, "a body that is documented as empty is ignored");
    nothing_happened(&app).await;
}

#[tokio::test]
async fn a_known_path_with_a_wrong_method_lists_its_methods() {
    let app = RestApp::open().await;
    for (line, allow) in [
        ("POST /bazaar/stocks/GameStart", "GET, HEAD"),
        ("GET /bazaar/orders", "POST"),
        ("DELETE /bazaar/orders/", "POST"),
        ("POST /bazaar/orders/0", "GET, HEAD"),
        ("GET /bazaar/invalidate/GameStart", "POST"),
        ("PUT /bazaar/catalog/lookup/GameStart", "GET, HEAD"),
        ("GET /bazaar/catalog/update", "POST"),
        ("GET /bazaar/order/1/buy", "POST"),
        ("GET /bazaar/order/1/sell", "POST"),
        ("PATCH /bazaar/order/1/orders/0", "GET, HEAD"),
        ("POST /bazaar/order/1/lookup-order/0", "GET, HEAD"),
        ("GET /bazaar/order/1/push", "POST"),
        ("GET /bazaar/order/1/sync", "POST"),
        ("POST /bazaar/order/1/ping", "GET, HEAD"),
        ("HEAD /bazaar/order/1/leader-broadcast", "POST"),
    ] {
        let answered = app.call(line).await;
        assert_eq!((answered.status, answered.header("allow")), (405, allow), "{line}");
        if !line.starts_with("HEAD") {
            assert_eq!(
                answered.line(),
                refused(405, &format!("this path answers {allow}")),
                "{line}"
            );
        }
    }
    for line in [
        "GET /bazaar",
        "GET /bazaar/",
        "GET /bazaar/stocks",
        "GET /bazaar/stocks/",
        "GET /bazaar/stocks/GameStart/price",
        "GET /bazaar/catalog",
        "GET /bazaar/catalog/stocks/GameStart",
        "GET /bazaar/lookup/GameStart",
        "POST /bazaar/buy",
    ] {
        assert_eq!(
            app.call(line).await.line(),
            refused(404, "there is no such path"),
            "{line}"
        );
    }
    assert_eq!(
        app.call("GET /bazaar/stocks/%ff").await.line(),
        refused(400, "stockName must be percent-encoded UTF-8")
    );
}

#[tokio::test]
async fn a_trailing_slash_is_ignored_and_head_is_get_without_body() {
    let app = RestApp::open().await;
    let buy = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;
    assert_eq!(app.json("POST /bazaar/orders/", buy).await.status, 200);
    for path in [
        "/bazaar/stocks/GameStart",
        "/bazaar/stocks/Unlisted",
        "/bazaar/orders/0",
        "/bazaar/orders/9",
        "/bazaar/catalog/lookup/GameStart",
        "/bazaar/order/1/orders/0",
        "/bazaar/order/1/lookup-order/0",
        "/bazaar/order/1/ping",
        "/bazaar/openapi.json",
    ] {
        let get = app.call(&format!("GET {path}")).await;
        let slash = app.call(&format!("GET {path}/")).await;
        assert_eq!(get.line(), slash.line(), "{path}");
        let head = app.call(&format!("HEAD {path}")).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-length"), get.text.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn each_service_answers_at_the_root_of_its_own_port() {
    let app = RestApp::open().await;
    let alone = |service| service_router(&app.gateway, AnonymousAccess::Anyone, "bazaar", service).unwrap();
    let buy = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;
    let here: [(Option<&str>, &str, &str); 8] = [
        (Some("front"), "GET /stocks/GameStart", ""),
        (Some("front"), "POST /orders", buy),
        (Some("catalog"), "GET /lookup/GameStart", ""),
        (Some("catalog"), "POST /update", buy),
        (Some("order"), "POST /buy", buy),
        (Some("order"), "GET /lookup-order/0", ""),
        (Some("order"), "GET /ping", ""),
        (None, "GET /order/1/ping", ""),
    ];
    for (service, line, body) in here {
        let answered = send(&alone(service), line, &[], body).await;
        assert_eq!(answered.status, 200, "{service:?} {line}: {}", answered.text);
    }
    let elsewhere = [
        (Some("front"), "GET /lookup/GameStart"),
        (Some("front"), "GET /order/1/ping"),
        (Some("front"), "GET /ping"),
        (Some("catalog"), "GET /stocks/GameStart"),
        (Some("catalog"), "GET /catalog/lookup/GameStart"),
        (Some("order"), "GET /stocks/GameStart"),
        (Some("order"), "GET /order/1/ping"),
        (None, "GET /bazaar/stocks/GameStart"),
    ];
    for (service, line) in elsewhere {
        let answered = send(&alone(service), line, &[], Body::empty()).await;
        assert_eq!(
            answered.line(),
            refused(404, "there is no such path"),
            "{service:?} {line}"
        );
    }
    // Two services have `/orders/{orderNum}`, and wrap the order differently.
    let front = send(&alone(Some("front")), "GET /orders/0", &[], Body::empty()).await;
    let replica = send(&alone(Some("order")), "GET /orders/0", &[], Body::empty()).await;
    assert_eq!(front.json()["data"], replica.json());
    assert!(service_router(&app.gateway, AnonymousAccess::Anyone, "bazaar", Some("order-2")).is_none());
}
