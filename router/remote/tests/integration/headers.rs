//! The requests that a subgraph receives.

use std::sync::Arc;

use async_graphql::{ServerError, Value, Variables};
use engine::subgraph::{Caller, SubgraphRequest};
use http::{HeaderMap, HeaderValue};
use remote::{NoHeaders, RemoteError, RemoteSettings, RemoteSubgraph, RequestHeaders};

use super::client::{request, send, subgraph_of};
use super::server::TestServer;

const ANSWER: &str = r#"{"data":{"a":1}}"#;

/// The caller's name as a token; callers without a name are refused.
struct Token;

impl RequestHeaders for Token {
    fn headers(&self, request: &SubgraphRequest) -> Result<HeaderMap, ServerError> {
        let name: &String = request
            .caller
            .identity()
            .ok_or_else(|| ServerError::new("sign in first", None))?;
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(name).unwrap());
        headers.insert("host", HeaderValue::from_static("elsewhere"));
        headers.insert("content-length", HeaderValue::from_static("1"));
        Ok(headers)
    }
}

#[tokio::test]
async fn a_request_carries_the_caller_the_document_and_the_variables() {
    let server = TestServer::answering(200, "application/json", ANSWER).await;
    let subgraph = subgraph_of(&server.url, RemoteSettings::default(), Arc::new(Token));
    let mut request = request("query($x: Int) { a(x: $x) }");
    request.caller = Caller::new("ada".to_owned(), true);
    request.variables = Variables::from_json(serde_json::json!({ "x": 1 }));
    let response = send(&subgraph, request).await;
    assert_eq!(response.errors, []);

    let [received] = &*server.received() else {
        panic!("one request is expected");
    };
    assert_eq!(received.path, "/graphql");
    let body: serde_json::Value = serde_json::from_str(&received.body).unwrap();
    let expected = serde_json::json!({ "query": "query($x: Int) { a(x: $x) }", "variables": { "x": 1 } });
    assert_eq!(body, expected);
    let header = |name: &str| received.headers[name].to_str().unwrap();
    assert_eq!(header("authorization"), "ada");
    assert_eq!(header("x-request-id"), "request-1");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("accept"), "application/graphql-response+json, application/json");
    assert!(server.url.contains(header("host")));
    assert_eq!(header("content-length"), received.body.len().to_string());
}

#[tokio::test]
async fn a_caller_whom_the_program_refuses_sends_nothing() {
    let server = TestServer::answering(200, "application/json", ANSWER).await;
    let subgraph = subgraph_of(&server.url, RemoteSettings::default(), Arc::new(Token));
    let response = send(&subgraph, request("{ a }")).await;
    assert_eq!(response.data, Value::Null);
    assert_eq!(response.errors[0].message, "sign in first");
    assert!(server.received().is_empty());
}

#[test]
fn an_address_that_is_none_of_http_is_refused() {
    for url in [
        "ftp://example.com/",
        "/graphql",
        "localhost:4001",
        "http://name@example.com/",
    ] {
        let settings = Arc::new(RemoteSettings::default());
        let made = RemoteSubgraph::new("reviews", url.parse().unwrap(), settings, Arc::new(NoHeaders));
        assert!(matches!(made, Err(RemoteError::Url { .. })), "{url}");
    }
}
