//! Several operations in one POST.

use agora::documents::DocumentSettings;
use agora::limits::Limits;
use serde_json::{Value, json};

use crate::test_server::{TestResponse, TestServer, request};

async fn server() -> TestServer {
    let settings = DocumentSettings {
        batch_operations_max: 4,
        ..DocumentSettings::default()
    };
    TestServer::with_documents(&settings).await
}

async fn send(server: &TestServer, accept: &str, body: &Value) -> TestResponse {
    let headers = [("content-type", "application/json"), ("accept", accept)];
    server
        .send(request("POST", "/graphql", &headers, body.to_string()))
        .await
}

#[tokio::test]
async fn the_answers_of_a_batch_have_its_order() {
    let server = server().await;
    let batch = json!([
        { "query": "query($n: Int) { hello(n: $n) }", "variables": { "n": 1 } },
        { "query": "{ nope }" },
        { "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "00" } } },
        { "query": "query A { hello(n: 2) } query B { hello(n: 3) }", "operationName": "B" },
    ]);
    for accept in ["application/json", "application/graphql-response+json"] {
        let answered = send(&server, accept, &batch).await;
        assert_eq!(answered.status, 200);
        assert_eq!(
            answered.header("content-type"),
            Some(&*format!("{accept}; charset=utf-8"))
        );
        let answers = answered.json();
        let code = |index: usize| answers[index]["errors"][0]["extensions"]["code"].clone();
        assert_eq!(answers.as_array().map(Vec::len), Some(4));
        assert_eq!(answers[0], json!({ "data": { "hello": "hello 1" } }));
        assert_eq!(code(1), "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(code(2), "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(answers[3], json!({ "data": { "hello": "hello 3" } }));
    }
}

#[tokio::test]
async fn a_subscription_is_refused_in_a_batch_beside_the_answers_of_the_others() {
    let server = server().await;
    let batch = json!([{ "query": "subscription { count(to: 1) }" }, { "query": "{ hello }" }]);
    let answers = send(&server, "application/json", &batch).await.json();
    assert_eq!(answers[0]["errors"][0]["extensions"]["code"], "INVALID_INPUT");
    assert_eq!(answers[1], json!({ "data": { "hello": "hello 0" } }));
}

#[tokio::test]
async fn a_batch_has_a_bound_and_is_no_stream() {
    let server = server().await;
    let hello = json!({ "query": "{ hello }" });
    for length in [0, 5] {
        let refused = send(&server, "application/json", &json!(vec![hello.clone(); length])).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_deref()),
            (400, Some("INVALID_INPUT"))
        );
        assert!(refused.text.contains("1 to 4 operations"), "{}", refused.text);
    }
    let refused = send(&server, "text/event-stream", &json!([hello])).await;
    assert_eq!(refused.code().as_deref(), Some("NOT_ACCEPTABLE"));
    let refused = send(&server, "application/json", &json!([hello, 1])).await;
    assert_eq!(refused.code().as_deref(), Some("INVALID_INPUT"));
}

#[tokio::test]
async fn a_batch_is_refused_where_there_are_none() {
    let server = TestServer::with_documents(&DocumentSettings::default()).await;
    let refused = send(&server, "application/json", &json!([{ "query": "{ hello }" }])).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_deref()),
        (400, Some("INVALID_INPUT"))
    );
    assert!(refused.text.contains("batches are not answered"), "{}", refused.text);
}

#[tokio::test]
async fn a_batch_counts_as_many_requests_as_it_has_operations() {
    let settings = DocumentSettings {
        batch_operations_max: 4,
        ..DocumentSettings::default()
    };
    let limits = Limits {
        requests_max: 2,
        ..Limits::default()
    };
    let server = TestServer::with_documents_within(limits, &settings).await;
    let batch = |length: usize| json!(vec![json!({ "query": "{ hello }" }); length]);
    assert_eq!(send(&server, "application/json", &batch(2)).await.status, 200);
    let refused = send(&server, "application/json", &batch(3)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_deref()),
        (503, Some("UNAVAILABLE"))
    );
    let all = server.gateway.permits.requests.available_permits();
    assert_eq!(all, 2, "every permit is back");
}
