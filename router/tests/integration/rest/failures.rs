//! Errors that the caller does not cause.

use std::sync::Arc;

use agora::http;
use agora::limits::Limits;
use agora::rest::{self, RestError};
use agora::rest_access::AnonymousAccess;
use agora::subgraph::{Subgraph, SubgraphRequest, SubgraphResponse};
use async_graphql::{Response, ServerError};
use contract::ErrorCode;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::app::{RestApp, TestResponse, graph_without_subgraphs, send};
use crate::bazaar::refused;

/// A domain that fails every request with one code.
struct FailingSubgraph(&'static str);

impl Subgraph for FailingSubgraph {
    fn fetch(&self, _: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        let mut error = ServerError::new("SELECT secret FROM wherever", None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", self.0);
        extensions.set("retryAfter", 7);
        async move { SubgraphResponse::Tree(Response::from_errors(vec![error])) }.boxed()
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        stream::empty().boxed()
    }
}

async fn over(graph: Arc<dyn Subgraph>, line: &str, body: &str) -> TestResponse {
    let app = RestApp::open().await;
    let gateway = app.gateway.with_graph(graph);
    send(
        &rest::router(&gateway, AnonymousAccess::Anyone),
        line,
        &[],
        body.to_owned(),
    )
    .await
}

#[tokio::test]
async fn an_unavailable_domain_is_503_in_the_mounts_envelope() {
    let graph = Arc::new(graph_without_subgraphs());
    for line in [
        "GET /bookstore/info/1",
        "POST /bookstore/purchase/1",
        "GET /bookstore/catalog/books",
    ] {
        let answered = over(Arc::clone(&graph) as Arc<dyn Subgraph>, line, "").await;
        assert_eq!(
            (answered.status, answered.header("retry-after")),
            (503, "1"),
            "{line}: {}",
            answered.text
        );
        assert_eq!(answered.json()["success"], false, "{line}");
    }
    let health = over(graph, "GET /bookstore/health", "").await;
    assert_eq!(health.status, 200);
}

#[tokio::test]
async fn an_unavailable_order_service_is_named() {
    let graph = Arc::new(graph_without_subgraphs());
    let trade = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;
    for (line, body) in [
        ("POST /bazaar/orders", trade),
        ("GET /bazaar/orders/0", ""),
        ("POST /bazaar/order/1/buy", trade),
        ("POST /bazaar/order/1/sell", trade),
        ("GET /bazaar/order/1/orders/0", ""),
        ("POST /bazaar/order/1/sync", r#"{"lastID":-1}"#),
        ("GET /bazaar/order/1/ping", ""),
        ("POST /bazaar/order/1/leader-broadcast", r#"{"leader-id":1}"#),
    ] {
        let answered = over(Arc::clone(&graph) as Arc<dyn Subgraph>, line, body).await;
        assert_eq!(
            (answered.line(), answered.header("retry-after")),
            (refused(503, "order service unavailable"), "1"),
            "{line}"
        );
    }
    let catalog = over(graph, "GET /bazaar/catalog/lookup/GameStart", "").await;
    assert_eq!(catalog.line(), refused(503, "this service does not answer"));
}

#[tokio::test]
async fn an_internal_error_reveals_no_details() {
    let ours =
        r#"{"error":"something went wrong on our side","message":"something went wrong on our side","success":false}"#;
    for code in [
        "INTERNAL",
        "GRAPHQL_VALIDATION_FAILED",
        "BAD_REQUEST",
        "QUERY_TOO_COMPLEX",
        "NEVER_HEARD_OF",
        "",
    ] {
        let answered = over(Arc::new(FailingSubgraph(code)), "GET /bookstore/info/1", "").await;
        assert_eq!(answered.line(), format!("500 {ours}"), "{code}");
    }
}

#[tokio::test]
async fn every_code_has_its_status_and_retry_after() {
    for (code, status, retry_after) in [
        ("INVALID_INPUT", 400, ""),
        ("UNAUTHENTICATED", 401, ""),
        ("FORBIDDEN", 403, ""),
        ("NOT_FOUND", 404, ""),
        ("CONFLICT", 409, ""),
        ("INSUFFICIENT_FUNDS", 409, ""),
        ("IDEMPOTENCY_MISMATCH", 422, ""),
        ("RATE_LIMITED", 429, "7"),
        ("UNAVAILABLE", 503, "7"),
        ("TIMEOUT", 503, "7"),
    ] {
        let answered = over(Arc::new(FailingSubgraph(code)), "POST /bookstore/purchase/1", "").await;
        assert_eq!(
            (answered.status, answered.header("retry-after")),
            (status, retry_after),
            "{code}"
        );
        assert_eq!(
            answered.header("www-authenticate"),
            if status == 401 { "Bearer" } else { "" }
        );
    }
}

/// A domain that panics on every request.
struct PanickingSubgraph;

impl Subgraph for PanickingSubgraph {
    fn fetch(&self, _: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        panic!("a resolver has a mistake")
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        stream::empty().boxed()
    }
}

/// For each mount, a route that reads and a route that may change data.
const ONE_OF_EACH: &[(&str, &str, &str)] = &[
    ("bazaar", "GET /stocks/GameStart", ""),
    (
        "bazaar",
        "POST /orders",
        r#"{"name":"GameStart","quantity":1,"type":"buy"}"#,
    ),
    ("bookstore", "GET /info/1", ""),
    ("bookstore", "POST /purchase/1", ""),
    ("brokerage", "GET /stocks", ""),
    (
        "brokerage",
        "POST /users/login",
        r#"{"email":"a@b","password":"12345678"}"#,
    ),
    ("community", "GET /posts/1", ""),
    ("community", "POST /votes/1/upvotes", ""),
    ("shop", "GET /api/user/1", ""),
    ("shop", "DELETE /api/order/1", ""),
];

/// Asserts that each route returns that error in its mount's format, under the prefix and at a port of its own.
async fn all_are_answered(app: &RestApp, gateway: &agora::gateway::Gateway, failure: &RestError) {
    let all = http::with_middleware(
        gateway,
        rest::envelope_at,
        rest::router(gateway, AnonymousAccess::Anyone),
    );
    for (name, line, body) in ONE_OF_EACH {
        let mount = rest::mounts().iter().find(|mount| mount.name == *name).unwrap();
        let expected = (mount.envelope.body)(failure);
        let alone = rest::service_router(gateway, AnonymousAccess::Anyone, name, None).unwrap();
        let alone = http::with_mount_middleware(gateway, &mount.envelope, alone);
        let (method, path) = line.split_once(' ').unwrap();
        let prefixed = format!("{method} {}{path}", mount.prefix);
        for (router, line) in [(&all, prefixed.as_str()), (&alone, *line)] {
            let answered = send(router, line, &[], body.to_string()).await;
            assert_eq!(answered.status, failure.status().as_u16(), "{line}: {}", answered.text);
            assert_eq!(answered.json(), expected, "{line}");
            assert_eq!(answered.header("content-type"), "application/json", "{line}");
            let wait = if answered.status == 503 { "1" } else { "" };
            assert_eq!(answered.header("retry-after"), wait, "{line}");
            assert!(!answered.header("x-request-id").is_empty(), "{line}");
        }
    }
    assert_eq!(app.sales().await, 0);
}

#[tokio::test]
async fn a_panic_is_500_in_the_mounts_envelope() {
    let app = RestApp::open().await;
    let gateway = app.gateway.with_graph(Arc::new(PanickingSubgraph));
    all_are_answered(&app, &gateway, &RestError::internal()).await;
}

#[tokio::test]
async fn a_request_above_the_limit_is_503_in_the_mounts_envelope() {
    let limits = Limits {
        requests_max: 0,
        ..Limits::default()
    };
    let app = RestApp::with(AnonymousAccess::Anyone, limits).await;
    let full = RestError::new(ErrorCode::Unavailable, "too many requests at once, try again");
    all_are_answered(&app, &app.gateway, &full).await;
}

#[tokio::test]
async fn a_timeout_of_the_graph_is_503_in_the_mounts_envelope() {
    let app = RestApp::open().await;
    let gateway = app.gateway.with_graph(Arc::new(FailingSubgraph("TIMEOUT")));
    for (name, line, body) in ONE_OF_EACH {
        let mount = rest::mounts().iter().find(|mount| mount.name == *name).unwrap();
        let (method, path) = line.split_once(' ').unwrap();
        let router = rest::router(&gateway, AnonymousAccess::Anyone);
        let line = format!("{method} {}{path}", mount.prefix);
        let answered = send(&router, &line, &[], body.to_string()).await;
        assert_eq!(
            (answered.status, answered.header("retry-after")),
            (503, "7"),
            "{line}: {}",
            answered.text
        );
    }
}
