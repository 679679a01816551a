//! What is not the caller's fault.

use std::sync::Arc;

use agora::rest;
use agora::subgraph::{Subgraph, SubgraphData, SubgraphRequest};
use async_graphql::{Response, ServerError};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::app::{Answered, Store, deserted, send};
use crate::bazaar::refused;

/// A domain that fails with one code, whatever it is asked.
struct Failing(&'static str);

impl Subgraph for Failing {
    fn fetch(&self, _: SubgraphRequest) -> BoxFuture<'_, SubgraphData> {
        let mut error = ServerError::new("SELECT secret FROM wherever", None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", self.0);
        extensions.set("retryAfter", 7);
        async move { SubgraphData::Tree(Response::from_errors(vec![error])) }.boxed()
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphData> {
        stream::empty().boxed()
    }
}

async fn over(graph: Arc<dyn Subgraph>, line: &str, body: &str) -> Answered {
    let store = Store::open().await;
    let gateway = store.gateway.before(graph);
    send(
        &rest::router(&gateway, rest::Openness::Anyone),
        line,
        &[],
        body.to_owned(),
    )
    .await
}

#[tokio::test]
async fn a_domain_that_does_not_answer_is_503_in_the_mounts_envelope() {
    let graph = Arc::new(deserted());
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
async fn an_order_service_that_does_not_answer_is_told_by_its_name() {
    let graph = Arc::new(deserted());
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
async fn a_failure_of_ours_tells_nothing_about_us() {
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
        let answered = over(Arc::new(Failing(code)), "GET /bookstore/info/1", "").await;
        assert_eq!(answered.line(), format!("500 {ours}"), "{code}");
    }
}

#[tokio::test]
async fn every_code_has_its_status_and_says_when_to_come_back() {
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
        let answered = over(Arc::new(Failing(code)), "POST /bookstore/purchase/1", "").await;
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
