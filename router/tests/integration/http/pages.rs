//! The pages, and `/health`.

use agora::http::{DemoUsers, FrontConfig, MountLink};
use agora::limits::Limits;
use agora::rest_access::AnonymousAccess;
use contract::Clock;
use serde_json::json;

use crate::test_server::{TestResponse, TestServer, request};

fn get(path: &str) -> axum::http::Request<axum::body::Body> {
    request("GET", path, &[], "")
}

#[tokio::test]
async fn the_index_page_links_the_mounts() {
    let mount = MountLink {
        name: "Books & more".into(),
        prefix: "/bookstore".into(),
        about: "Search, info, purchase.".into(),
    };
    let server = TestServer::with(
        Limits::default(),
        FrontConfig {
            mounts: vec![mount],
            ..FrontConfig::default()
        },
    )
    .await;
    let page = server.send(get("/")).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for link in [
        "/graphiql/",
        "/bookstore/docs",
        "/bookstore/openapi.json",
        "/health",
        "/cache",
        "/orders",
    ] {
        assert!(page.text.contains(&format!("href=\"{link}\"")), "{link}");
    }
    assert!(page.text.contains("Books &amp; more"));
    assert!(!page.text.contains("http"), "the page loads nothing from elsewhere");
}

#[tokio::test]
async fn the_replicas_page_reports_an_unavailable_status() {
    let server = TestServer::open().await;
    let page = server.send(get("/orders")).await;
    assert_eq!(page.status.as_u16(), 503);
    assert!(
        page.text.contains("The state of the replicas is not available"),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn health_is_ok_until_the_shutdown() {
    let server = TestServer::open().await;
    let got = server.send(get("/health")).await;
    assert_eq!((got.status.as_u16(), got.json()), (200, json!({ "status": "ok" })));
    server.gateway.shutdown.cancel();
    let got = server.send(get("/health")).await;
    assert_eq!(
        (got.status.as_u16(), got.json()),
        (503, json!({ "status": "stopping" }))
    );
}

#[tokio::test]
async fn the_cache_page_is_for_loopback_and_operators() {
    let from = |host: &str, headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([("host", host)]).collect();
        request("GET", "/cache", &headers, "")
    };
    let front = |anonymous_access| FrontConfig {
        anonymous_access,
        ..FrontConfig::default()
    };
    let here = TestServer::with(Limits::default(), front(AnonymousAccess::Loopback)).await;
    let got = here.send(from("localhost:4000", &[])).await;
    let nothing = json!({
        "enabled": false, "hits": 0, "misses": 0, "invalidations": 0, "droppedFills": 0, "entries": 0, "capacity": 0,
    });
    assert_eq!((got.status.as_u16(), got.json()), (200, nothing.clone()));
    assert_eq!(got.header("cache-control"), Some("no-store"));
    for (server, host) in [(&here, "agora.example"), (&TestServer::open().await, "localhost")] {
        let status = |got: TestResponse| got.status.as_u16();
        assert_eq!(status(server.send(from(host, &[])).await), 401);
        let person = server.bearer(1);
        assert_eq!(
            status(server.send(from(host, &[("authorization", &person)])).await),
            403
        );
        let (token, _) = server.keys.sign_service("watcher", server.clock.now_us(), 60);
        let operator = format!("Bearer {token}");
        let got = server.send(from(host, &[("authorization", &operator)])).await;
        assert_eq!((got.status.as_u16(), got.json()), (200, nothing.clone()));
    }
}

#[tokio::test]
async fn graphiql_is_served_from_the_binary_and_cacheable() {
    let server = TestServer::open().await;
    assert_eq!(
        server.send(get("/graphiql")).await.header("location"),
        Some("/graphiql/")
    );
    let page = server.send(get("/graphiql/")).await;
    assert_eq!(
        (page.status.as_u16(), page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );

    let script = page.text.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
    let file = server.send(get(script)).await;
    assert_eq!(
        (file.status.as_u16(), file.header("content-type")),
        (200, Some("text/javascript; charset=utf-8"))
    );
    assert_eq!(
        file.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    let tag = file.header("etag").unwrap();
    let again = server.send(request("GET", script, &[("if-none-match", tag)], "")).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    assert_eq!(
        server.send(get("/graphiql/assets/nothing.js")).await.status.as_u16(),
        404
    );
    assert_eq!(
        server.send(get("/graphiql/../../Cargo.toml")).await.status.as_u16(),
        404
    );
}

#[tokio::test]
async fn only_a_demo_lists_its_sample_users() {
    let server = TestServer::open().await;
    assert_eq!(server.send(get("/graphiql/config.json")).await.json(), json!({}));
    let demo = DemoUsers {
        people: vec!["ada".into()],
        password: "public".into(),
    };
    let server = TestServer::with(
        Limits::default(),
        FrontConfig {
            demo: Some(demo),
            ..FrontConfig::default()
        },
    )
    .await;
    let config = server.send(get("/graphiql/config.json")).await;
    assert_eq!(
        config.json(),
        json!({ "demo": { "people": ["ada"], "password": "public" } })
    );
}
