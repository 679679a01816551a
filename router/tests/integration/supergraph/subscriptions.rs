//! Subscriptions over several subgraphs.

use agora::limits::Limits;
use agora::subgraph::{ResponseKind, Subgraph};
use contract::ErrorCode;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::world::{Graph, SubgraphBehavior, request};

#[tokio::test]
async fn a_subscription_completes_events_from_other_subgraphs() {
    let graph = Graph::new();
    let query =
        "subscription($n: Int = 1) { changed: personChanged(after: $n) { name karma reviews(first: $n) { body } } }";
    let answers: Vec<Value> = graph
        .supergraph
        .subscribe(request(query, json!({})))
        .map(|data| serde_json::from_slice(&data.into_encoded().body).unwrap())
        .collect()
        .await;
    let good = json!({ "data": { "changed": { "name": "Ada", "karma": 7, "reviews": [{ "body": "good" }] } } });
    // The second event failed: the stream returns an error for it and continues.
    let bad = json!({ "data": { "changed": null }, "errors": [{ "message": "lost", "path": ["personChanged"] }] });
    assert_eq!(answers[0], good);
    assert_eq!(answers[1]["data"], bad["data"]);
    assert_eq!(answers[1]["errors"][0]["message"], "lost");
    assert_eq!(answers[2..], [good]);
}

#[tokio::test]
async fn a_subscription_that_the_subgraph_refuses_is_refused() {
    let graph = Graph::with(&[("people", SubgraphBehavior::Down)], Limits::default());
    let mut answers = graph
        .supergraph
        .subscribe(request("subscription { personChanged { name } }", json!({})));
    let answer = answers.next().await.unwrap().into_encoded();
    assert_eq!(answer.kind, ResponseKind::RequestError(ErrorCode::Unavailable));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["errors"][0]["message"], "down for repair");
    assert!(body.get("data").is_none());
    assert!(answers.next().await.is_none());
}

#[tokio::test]
async fn a_query_can_come_as_a_stream_of_one_answer() {
    let graph = Graph::new();
    let answers: Vec<_> = graph
        .supergraph
        .subscribe(request("{ me { name } }", json!({})))
        .collect()
        .await;
    let [answer] = <[_; 1]>::try_from(answers).unwrap_or_else(|answers| panic!("{} answers", answers.len()));
    assert_eq!(&answer.into_encoded().body[..], br#"{"data":{"me":{"name":"Ada"}}}"#);
}
