//! The plan and the fetches of a request in `extensions`, for a client that asks for them.

use std::sync::Arc;

use agora::app::App;
use agora::config::Settings;
use agora::rest_access::AnonymousAccess;
use axum::Router;
use contract::SystemClock;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::test_server::request;

async fn open(expose_traces: bool) -> (App, Router, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.server.data = folder.path().join("data");
    settings.telemetry.expose_traces = expose_traces;
    let app = App::open(&settings, Arc::new(SystemClock)).await.unwrap();
    let router = app.router(&settings, AnonymousAccess::Loopback, false);
    (app, router, folder)
}

async fn ask(router: &Router, query: &str, headers: &[(&str, &str)]) -> Value {
    let mut headers = headers.to_vec();
    headers.extend([("host", "localhost"), ("content-type", "application/json")]);
    let body = json!({ "query": query }).to_string();
    let asked = request("POST", "/graphql", &headers, body);
    let response = router.clone().oneshot(asked).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

const STOCKS: &str = "{ stocks(first: 1) { nodes { name } } }";
const ASKING: [(&str, &str); 1] = [("agora-expose-trace", "true")];

#[tokio::test]
async fn a_client_that_asks_sees_the_plan_and_the_times_of_the_fetches() {
    let (app, router, _folder) = open(true).await;
    let plain = ask(&router, STOCKS, &[]).await;
    assert_eq!(plain, json!({ "data": { "stocks": { "nodes": [] } } }));
    assert_eq!(ask(&router, STOCKS, &[("agora-expose-trace", "false")]).await, plain);
    // The second plan comes from the cache.
    for _ in 0..2 {
        let traced = ask(&router, STOCKS, &ASKING).await;
        assert_eq!(traced["data"], plain["data"]);
        let trace = &traced["extensions"]["agoraTrace"];
        assert!(trace["plan"].as_str().unwrap().contains("Fetch exchange"), "{trace}");
        let fetches = trace["fetches"].as_array().unwrap();
        assert_eq!(fetches.len(), 1, "{trace}");
        assert_eq!(
            (&fetches[0]["subgraph"], &fetches[0]["codes"]),
            (&json!("exchange"), &json!([]))
        );
        assert!(fetches[0]["tookUs"].as_u64() <= trace["tookUs"].as_u64(), "{trace}");
    }
    let refused = ask(&router, "{ nope }", &ASKING).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(refused["extensions"]["agoraTrace"]["plan"], Value::Null);
    app.close().await.unwrap();
}

#[tokio::test]
async fn an_answer_has_no_plan_by_default() {
    let (app, router, _folder) = open(Settings::default().telemetry.expose_traces).await;
    assert!(ask(&router, STOCKS, &ASKING).await["extensions"].is_null());
    app.close().await.unwrap();
}
