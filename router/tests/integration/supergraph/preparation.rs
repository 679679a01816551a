//! Preparation: the kind, the name and the variables of an operation are known before it runs.

use agora::subgraph::{OperationKind, ResponseKind, Subgraph, SubgraphRequest};
use contract::ErrorCode;
use serde_json::json;

use crate::world::{Graph, request};

#[tokio::test]
async fn operation_name_chooses_the_operation() {
    let graph = Graph::new();
    let named = |name: &str| SubgraphRequest {
        operation_name: Some(name.into()),
        ..request("query A { me { id } } query B { me { name } }", json!({}))
    };
    assert_eq!(
        &graph.answer(named("B")).await.body[..],
        br#"{"data":{"me":{"name":"Ada"}}}"#
    );
    assert_eq!(
        &graph.answer(named("A")).await.body[..],
        br#"{"data":{"me":{"id":"1"}}}"#
    );
    assert_eq!(graph.refused(named("C")).await.0, "OPERATION_NOT_FOUND");
}

#[tokio::test]
async fn preparing_an_operation_shows_its_kind_and_runs_nothing() {
    let graph = Graph::new();
    let prepare = async |query: &str| graph.supergraph.prepare(request(query, json!({}))).await;
    // The second time, the operation is cached.
    for _ in 0..2 {
        assert_eq!(
            prepare("mutation { note(text: \"x\") }").await.kind,
            OperationKind::Mutation
        );
        assert_eq!(
            prepare("subscription { personChanged { name } }").await.kind,
            OperationKind::Subscription
        );
        assert_eq!(graph.asked["people"].lock().unwrap().len(), 0);
    }
    let query = prepare("{ me { name } }").await;
    assert_eq!(query.kind, OperationKind::Query);
    assert_eq!(
        &graph.answer(query.request.unwrap()).await.body[..],
        br#"{"data":{"me":{"name":"Ada"}}}"#
    );
    let invalid = prepare("mutation { nothing }").await;
    assert_eq!(invalid.kind, OperationKind::Query);
    assert_eq!(
        invalid.request.unwrap_err().kind,
        ResponseKind::RequestError(ErrorCode::GraphqlValidationFailed)
    );
}

#[tokio::test]
async fn check_operation_returns_the_kind_and_variables() {
    let graph = Graph::new();
    let info = graph
        .supergraph
        .check_operation("mutation($id: ID!, $n: String! = \"x\", $l: [Int!]) { rename(id: $id, name: $n) { id } write(product: $id, body: $n) { author { reviews(first: 1) { id } } } echo: note(text: $n) }");
    let refusal = info.unwrap_err();
    assert_eq!(refusal.code().as_str(), "GRAPHQL_VALIDATION_FAILED", "$l is not used");
    let info = graph
        .supergraph
        .check_operation("query($id: ID!, $n: Int! = 1, $l: [Int!]) { person(id: $id) { reviews(first: $n) { id } } echo(list: $l) }")
        .unwrap();
    assert_eq!(info.kind, OperationKind::Query);
    let variables: Vec<_> = info
        .variables
        .iter()
        .map(|variable| {
            (
                variable.name.as_str(),
                variable.ty.as_str(),
                variable.named_type.as_str(),
                variable.required,
            )
        })
        .collect();
    assert_eq!(
        variables,
        [
            ("id", "ID!", "ID", true),
            ("n", "Int!", "Int", false),
            ("l", "[Int!]", "Int", false)
        ]
    );
}
