//! The pages, and `/health`.

use agora::http::{DemoUsers, FrontConfig, MountLink, ServedSchema};
use agora::limits::Limits;
use agora::rest_access::AnonymousAccess;
use contract::{Clock, ErrorCode};
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
        "/console/",
        "/graphiql/",
        "/docs",
        "/docs/errors",
        "/schema.graphql",
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
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(server.send(get("/docs")).await.header("location"), Some("/#rest"));
}

#[tokio::test]
async fn the_page_of_error_codes_explains_each_code() {
    let server = TestServer::open().await;
    let page = server.send(get("/docs/errors")).await;
    assert_eq!(page.status.as_u16(), 200);
    for code in ErrorCode::ALL {
        assert_eq!(page.text.matches(&format!("<div id=\"{code}\">")).count(), 1, "{code}");
        assert!(page.text.contains(&code.http_status().to_string()), "{code}");
    }
    assert!(page.text.contains("the message has the limit"), "{}", page.text);
    assert!(page.text.contains("<code>Allow</code>"), "code in a sentence is marked");
    assert!(!page.text.contains('`') && !page.text.contains("{groups}"));
}

#[tokio::test]
async fn the_schema_is_a_file_with_an_entity_tag() {
    let front = FrontConfig {
        schema: Some(ServedSchema::new("type Query { book: String }")),
        ..FrontConfig::default()
    };
    let server = TestServer::with(Limits::default(), front).await;
    let file = server.send(get("/schema.graphql")).await;
    assert_eq!(file.text, "type Query { book: String }");
    assert_eq!(file.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(file.header("cache-control"), Some("no-cache"));
    let tag = file.header("etag").unwrap();
    let again = request("GET", "/schema.graphql", &[("if-none-match", tag)], "");
    let again = server.send(again).await;
    assert_eq!((again.status.as_u16(), &*again.text), (304, ""));
    let private = TestServer::open().await;
    assert_eq!(private.send(get("/schema.graphql")).await.status.as_u16(), 404);
}

#[tokio::test]
async fn pages_share_files_whose_names_are_digests() {
    let server = TestServer::open().await;
    let page = server.send(get("/")).await;
    let files: Vec<&str> = page
        .text
        .split('"')
        .filter(|text| text.starts_with("/assets/"))
        .collect();
    let mut bytes = page.text.len();
    for end in [".css", ".svg"] {
        let file = files.iter().find(|file| file.ends_with(end)).unwrap();
        let got = server.send(get(file)).await;
        assert_eq!(got.status.as_u16(), 200, "{file}");
        assert_eq!(got.header("cache-control"), Some("public, max-age=31536000, immutable"));
        let tag = got.header("etag").unwrap();
        let again = server.send(request("GET", file, &[("if-none-match", tag)], "")).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{file}");
        bytes += got.text.len();
    }
    assert!(bytes <= 30_000, "the start page has {bytes} bytes");
    assert_eq!(server.send(get("/assets/agora-0.css")).await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_browser_gets_a_page_where_a_program_gets_an_error() {
    const BROWSER: (&str, &str) = (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    );
    let server = TestServer::open().await;
    let unknown = "/no%22where/<b>";
    let page = server.send(request("GET", "/no%22where/%3Cb%3E", &[BROWSER], "")).await;
    assert_eq!(
        (page.status.as_u16(), page.header("content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
    assert!(page.text.contains("href=\"/console/\"") && !page.text.contains(unknown));
    let error = json!({ "errors": [{
        "message": "there is nothing at this address",
        "extensions": { "code": "NOT_FOUND" },
    }] });
    for headers in [
        &[][..],
        &[("accept", "*/*")],
        &[("accept", "application/json, text/html;q=0.9")],
    ] {
        let got = server.send(request("GET", "/nowhere", headers, "")).await;
        assert_eq!((got.status.as_u16(), got.json()), (404, error.clone()), "{headers:?}");
    }
    let got = server.send(request("POST", "/nowhere", &[BROWSER], "")).await;
    assert_eq!((got.status.as_u16(), got.json()), (404, error), "a form is not a visit");

    let visit = server.send(request("GET", "/graphql", &[BROWSER], "")).await;
    assert_eq!(
        (visit.status.as_u16(), visit.header("location")),
        (303, Some("/graphiql/"))
    );
    assert_eq!(server.send(get("/graphql")).await.status.as_u16(), 400);
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
async fn built_pages_are_served_from_the_binary_and_cacheable() {
    let server = TestServer::open().await;
    for path in ["/graphiql", "/console"] {
        a_built_page_is_served(&server, path).await;
    }
}

async fn a_built_page_is_served(server: &TestServer, path: &str) {
    let folder = format!("{path}/");
    assert_eq!(server.send(get(path)).await.header("location"), Some(&*folder));
    let page = server.send(get(&folder)).await;
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
        server
            .send(get(&format!("{folder}assets/nothing.js")))
            .await
            .status
            .as_u16(),
        404
    );
    assert_eq!(
        server
            .send(get(&format!("{folder}../../Cargo.toml")))
            .await
            .status
            .as_u16(),
        404
    );
}

#[tokio::test]
async fn only_a_demo_lists_its_sample_users() {
    let server = TestServer::open().await;
    assert_eq!(server.send(get("/graphiql/config.json")).await.json(), json!({}));
    assert_eq!(server.send(get("/console/config.json")).await.json(), json!({}));
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
    for page in ["/graphiql", "/console"] {
        let config = server.send(get(&format!("{page}/config.json"))).await;
        assert_eq!(
            config.json(),
            json!({ "demo": { "people": ["ada"], "password": "public" } })
        );
    }
    let start = server.send(get("/")).await;
    assert!(start.text.contains("<b>ada</b>") && start.text.contains("<code>public</code>"));
}
