//! Access to the REST routes under both policies, on the bookstore.

use crate::app::{RestApp, TestResponse, send};
use axum::body::Body;
use contract::Viewer;
use serde_json::json;

const BOOK: &str = r#"{"title":"T","topic":"t","quantity":3,"price":1}"#;

#[tokio::test]
async fn an_open_mount_refuses_an_invalid_token() {
    let app = RestApp::open().await;
    for token in ["Bearer nonsense", "Bearer ", "Basic YTpi", "nonsense"] {
        for line in [
            "GET /bookstore/info/1",
            "POST /bookstore/purchase/1",
            "POST /bookstore/catalog/books",
        ] {
            let answered = app.send(line, &[("authorization", token)], "{").await;
            assert_eq!(
                (answered.status, answered.header("www-authenticate")),
                (401, "Bearer"),
                "{token} {line}"
            );
        }
        let health = app
            .send("GET /bookstore/health", &[("authorization", token)], Body::empty())
            .await;
        assert_eq!(health.status, 200);
    }
    assert_eq!(app.sales().await, 0);
}

#[tokio::test]
async fn a_purchase_on_an_open_mount_belongs_to_the_tokens_user() {
    let app = RestApp::open().await;
    assert_eq!(as_person(&app, 7, "POST /bookstore/purchase/1", "").await.status, 200);
    assert_eq!(app.call("POST /bookstore/purchase/1").await.status, 200);
    assert_eq!(buyers(&app).await, r#"[{"buyer":{"id":"user_7"}},{"buyer":null}]"#);
    // The other routes do not act as a user: a token changes nothing.
    assert_eq!(
        as_person(&app, 7, "POST /bookstore/catalog/books", BOOK).await.status,
        201
    );
    assert_eq!(as_person(&app, 7, "GET /bookstore/order/orders", "").await.status, 200);
}

#[tokio::test]
async fn an_open_mount_lets_other_origins_read_and_not_buy() {
    let app = RestApp::open().await;
    let cross = [("sec-fetch-site", "cross-site")];
    assert_eq!(
        app.send("POST /bookstore/purchase/1", &cross, Body::empty())
            .await
            .status,
        403
    );
    assert_eq!(
        app.send("GET /bookstore/info/1", &cross, Body::empty()).await.status,
        200
    );
    let neighbours: [&[(&str, &str)]; 3] = [
        &[("sec-fetch-site", "same-site")],
        &[("host", "localhost:4000"), ("origin", "http://localhost:3000")],
        &[("host", "localhost:4000"), ("origin", "null")],
    ];
    for headers in neighbours {
        let refused = app.send("POST /bookstore/purchase/1", headers, Body::empty()).await;
        assert_eq!(refused.status, 403, "{headers:?}");
    }
    let own = [
        ("sec-fetch-site", "same-origin"),
        ("host", "localhost:4000"),
        ("origin", "http://localhost:4000"),
    ];
    assert_eq!(
        app.send("POST /bookstore/purchase/1", &own, Body::empty()).await.status,
        200
    );
    assert_eq!(app.sales().await, 1);
}

#[tokio::test]
async fn a_closed_mount_answers_nothing_without_a_token() {
    let app = RestApp::closed().await;
    for line in [
        "GET /bookstore/search/new%20arrivals",
        "GET /bookstore/info/1",
        "GET /bookstore/info/abc",
        "POST /bookstore/purchase/1",
        "GET /bookstore/catalog/books",
        "POST /bookstore/catalog/books",
        "PUT /bookstore/catalog/books/1",
        "DELETE /bookstore/catalog/books/1",
        "GET /bookstore/order/orders",
        "GET /bookstore/order/orders/1",
    ] {
        let answered = app.send(line, &[("content-type", "text/plain")], "{").await;
        assert_eq!(
            (answered.status, answered.header("www-authenticate")),
            (401, "Bearer"),
            "{line}"
        );
    }
    assert_eq!(app.call("GET /bookstore/nowhere").await.status, 404);
    assert_eq!(app.call("GET /bookstore/purchase/1").await.status, 405);
    assert_eq!(app.call("GET /bookstore/health").await.status, 200);
}

#[tokio::test]
async fn a_user_reaches_only_own_data_on_a_closed_mount() {
    let app = RestApp::closed().await;
    assert_eq!(as_person(&app, 7, "GET /bookstore/info/1", "").await.status, 200);
    assert_eq!(as_person(&app, 7, "POST /bookstore/purchase/1", "").await.status, 200);
    assert_eq!(
        as_person(&app, 7, "GET /bookstore/order/orders/1", "").await.status,
        200
    );
    assert_eq!(
        as_person(&app, 8, "GET /bookstore/order/orders/1", "").await.status,
        404
    );
    for (line, body) in [
        ("GET /bookstore/order/orders", ""),
        ("POST /bookstore/catalog/books", BOOK),
        ("PUT /bookstore/catalog/books/1", r#"{"price":0}"#),
        ("DELETE /bookstore/catalog/books/1", ""),
    ] {
        assert_eq!(as_person(&app, 7, line, body).await.status, 403, "{line}");
    }
    assert_eq!(
        as_person(&app, 7, "POST /bookstore/catalog/books", "{").await.status,
        400,
        "the body comes first"
    );
    assert_eq!(buyers(&app).await, r#"[{"buyer":{"id":"user_7"}}]"#);
}

#[tokio::test]
async fn a_service_manages_the_store_on_a_closed_mount() {
    let app = RestApp::closed().await;
    for (line, body, status) in [
        ("POST /bookstore/catalog/books", BOOK, 201),
        ("PUT /bookstore/catalog/books/8", r#"{"price":0}"#, 200),
        ("POST /bookstore/purchase/8", "", 200),
        ("GET /bookstore/order/orders", "", 200),
        ("DELETE /bookstore/catalog/books/8", "", 200),
    ] {
        let token = format!("Bearer {}", app.service());
        let answered = app.send(line, &[("authorization", &token)], body).await;
        assert_eq!(answered.status, status, "{line}: {}", answered.text);
    }
}

#[tokio::test]
async fn the_keys_of_two_users_are_independent() {
    let app = RestApp::closed().await;
    for person in [7, 8, 7] {
        let token = format!("Bearer {}", app.person(person));
        let headers = [("authorization", token.as_str()), ("idempotency-key", "k")];
        assert_eq!(
            app.send("POST /bookstore/purchase/1", &headers, Body::empty())
                .await
                .status,
            200
        );
    }
    assert_eq!(
        buyers(&app).await,
        r#"[{"buyer":{"id":"user_7"}},{"buyer":{"id":"user_8"}}]"#
    );
}

#[tokio::test]
async fn loopback_access_requires_a_token_behind_a_proxy() {
    let app = RestApp::open().await;
    let router = agora::rest::router(&app.gateway, agora::rest_access::AnonymousAccess::Loopback);
    let bearer = format!("Bearer {}", app.person(7));
    for passed_on in [
        ("forwarded", "for=192.0.2.7"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "shop.example"),
        ("x-real-ip", "192.0.2.7"),
        ("via", "1.1 proxy"),
        ("x-forwarded-for", ""),
    ] {
        let mut headers = vec![("host", "127.0.0.1:4000"), passed_on];
        for line in ["POST /bookstore/purchase/1", "GET /bookstore/info/1"] {
            let answered = send(&router, line, &headers, Body::empty()).await;
            assert_eq!(answered.status, 401, "{line} {passed_on:?}");
        }
        headers.push(("authorization", &bearer));
        let answered = send(&router, "GET /bookstore/info/1", &headers, Body::empty()).await;
        assert_eq!(answered.status, 200, "{passed_on:?}");
    }
    assert_eq!(app.sales().await, 0);
}

#[tokio::test]
async fn a_credential_named_like_an_open_mount_has_its_own_keys() {
    let app = RestApp::open().await;
    let router = agora::rest::router(&app.gateway, agora::rest_access::AnonymousAccess::Loopback);
    let credential = format!("Bearer {}", app.service_named("bookstore"));
    let callers: [&[(&str, &str)]; 2] = [
        &[("host", "localhost"), ("idempotency-key", "k")],
        &[
            ("host", "books.example"),
            ("idempotency-key", "k"),
            ("authorization", &credential),
        ],
    ];
    for book in [1, 2] {
        // A caller's key is taken by the first book, but does not collide with the other caller's.
        let expected = if book == 1 { 200 } else { 422 };
        for headers in callers {
            let answered = send(
                &router,
                &format!("POST /bookstore/purchase/{book}"),
                headers,
                Body::empty(),
            )
            .await;
            assert_eq!(answered.status, expected, "{}", answered.text);
        }
    }
    assert_eq!(app.sales().await, 2);
}

async fn as_person(app: &RestApp, person: i64, line: &str, body: &str) -> TestResponse {
    let token = format!("Bearer {}", app.person(person));
    app.send(line, &[("authorization", &token)], body.to_owned()).await
}

/// Returns the buyers, as the graph shows them to a service.
async fn buyers(app: &RestApp) -> String {
    let service = app.graph(Viewer::service("test"));
    let purchases = "{ bookPurchases { nodes { buyer { id } } } }";
    service
        .query(purchases, json!({}))
        .await
        .at("bookPurchases.nodes")
        .to_string()
}

#[tokio::test]
async fn loopback_access_without_a_token_requires_a_loopback_host() {
    let app = RestApp::open().await;
    let router = agora::rest::router(&app.gateway, agora::rest_access::AnonymousAccess::Loopback);
    let status = async |host: &str| {
        let headers = [("host", host)];
        send(&router, "POST /bookstore/purchase/1", &headers, Body::empty())
            .await
            .status
    };
    let own = [
        "localhost",
        "LocalHost:4000",
        "shop.localhost:4000",
        "127.0.0.1:4000",
        "127.9.9.9",
        "[::1]:4000",
    ];
    for host in own {
        assert_eq!(status(host).await, 200, "{host}");
    }
    let foreign = [
        "rebound.example:4000",
        "localhost.example",
        "notlocalhost",
        "127.0.0.1.example",
        "192.168.0.7:4000",
        "[2001:db8::1]:4000",
        "",
    ];
    for host in foreign {
        assert_eq!(status(host).await, 401, "{host}");
    }
    // With a token, a proxy on this machine has access too.
    let bearer = format!("Bearer {}", app.person(7));
    let headers = [("host", "shop.example"), ("authorization", bearer.as_str())];
    assert_eq!(
        send(&router, "POST /bookstore/purchase/1", &headers, Body::empty())
            .await
            .status,
        200
    );
    assert_eq!(app.sales().await, own.len() + 1);
}
