//! The OpenAPI document, and whether its examples match the sample data.

use agora::demo;
use agora::rest_access::AnonymousAccess;
use serde_json::Value;

use super::app::{BrokerageApp, TestCaller};

#[tokio::test]
async fn the_openapi_document_matches_the_checked_in_one() {
    let brokerage = BrokerageApp::new().await;
    let answered = brokerage.get(&brokerage.anonymous(), "/openapi.json").await;
    assert_eq!(
        (answered.status, answered.header("content-type")),
        (200, "application/json")
    );
    let mut document = answered.json();
    document["info"]["version"] = "[version]".into();
    insta::assert_json_snapshot!("brokerage_openapi", document);
}

/// Opens the brokerage with fresh sample data.
async fn sample() -> BrokerageApp {
    BrokerageApp::with(AnonymousAccess::Anyone, async |on| {
        demo::seed(&on.services).await.unwrap()
    })
    .await
}

#[tokio::test]
async fn every_documented_example_is_true_on_the_sample_data() {
    let brokerage = sample().await;
    let document = brokerage.done(&brokerage.anonymous(), "GET /openapi.json", "").await;
    let mut untrue = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            // Each request that changes data runs on fresh sample data.
            let brokerage = match verb.as_str() {
                "get" => &brokerage,
                _ => &sample().await,
            };
            let caller = documented_caller(brokerage, path, verb, operation);
            let body = match &operation["requestBody"]["content"]["application/json"]["example"] {
                Value::Null => String::new(),
                body => body.to_string(),
            };
            for line in lines(path, verb, operation) {
                let answered = brokerage.call(&caller, &line, &body).await;
                let response = &operation["responses"][answered.status.to_string()];
                let example = &response["content"]["application/json"]["example"];
                if !agree(answered.json(), example.clone()) {
                    untrue.push(format!("{line}: {}\n    not {example}", answered.line()));
                }
            }
        }
    }
    assert!(untrue.is_empty(), "{}", untrue.join("\n"));
}

/// Returns Ada, unless the route needs no token or a service's.
fn documented_caller(brokerage: &BrokerageApp, path: &str, verb: &str, operation: &Value) -> TestCaller {
    match (path, verb) {
        ("/balance", "put") => brokerage.service(),
        _ if operation["security"] == serde_json::json!([]) => brokerage.anonymous(),
        _ => brokerage.ada(),
    }
}

/// Returns the request lines: without the optional parameters, and with them.
fn lines(path: &str, verb: &str, operation: &Value) -> Vec<String> {
    let (mut line, mut query) = (format!("{} {path}", verb.to_uppercase()), Vec::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let Some(example) = parameter.get("example") else {
            continue;
        };
        let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        match parameter["in"].as_str() {
            Some("path") => line = line.replace(&format!("{{{name}}}"), &example),
            _ => query.push(format!("{name}={example}")),
        }
    }
    let filtered = (!query.is_empty()).then(|| format!("{line}?{}", query.join("&")));
    std::iter::once(line).chain(filtered).collect()
}

fn agree(mut shown: Value, mut example: Value) -> bool {
    // Tokens differ between requests.
    for value in [&mut shown, &mut example] {
        if let Some(token) = value.get_mut("token") {
            *token = Value::Null;
        }
    }
    match (&shown, &example) {
        // The example of a list shows one of its items.
        (Value::Array(all), Value::Array(examples)) => examples.iter().all(|one| all.contains(one)),
        _ => shown == example,
    }
}
