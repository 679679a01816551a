//! Several subgraphs as one: what a client sees is what one server with all the data would have said.

#[path = "federation/world.rs"]
mod world;

use agora::limits::Limits;
use agora::subgraph::{Outcome, Subgraph};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use world::{Graph, Mood, reference, request};

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    errors: Vec<Value>,
}

impl Parts<'_> {
    /// Message and path of every error: their order says nothing, and places in the document are the executor's own.
    fn errors(&self) -> Vec<String> {
        let mut errors: Vec<_> = self
            .errors
            .iter()
            .map(|error| format!("{} at {}", error["message"], error["path"]))
            .collect();
        errors.sort();
        errors
    }
}

/// Operations, each with its variables.
const OPERATIONS: &str = include_str!("federation/operations.graphql");

fn operations() -> Vec<(String, Value)> {
    let mut operations = Vec::new();
    for block in OPERATIONS.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let variables = block.lines().find_map(|line| line.strip_prefix("#= "));
        let variables = variables.map_or(json!({}), |text| serde_json::from_str(text).expect(text));
        operations.push((block.to_owned(), variables));
    }
    operations
}

#[tokio::test]
async fn every_operation_is_answered_as_one_server_with_all_the_data_would_answer_it() {
    let mut wrong = String::new();
    for (query, variables) in operations() {
        let graph = Graph::new();
        let answer = graph.answer(request(&query, variables.clone())).await;
        let federated = String::from_utf8(answer.body.to_vec()).unwrap();
        let expected = reference(&query, &variables);
        let same = match (
            serde_json::from_str::<Parts>(&federated),
            serde_json::from_str::<Parts>(&expected),
        ) {
            (Ok(federated), Ok(expected)) => {
                federated.data.get() == expected.data.get() && federated.errors() == expected.errors()
            }
            _ => false,
        };
        if !same {
            let plan = graph.supergraph.plan_text(&query, None);
            wrong += &format!(
                "{query}\n  federated {federated}\n  reference {expected}\n{}\n",
                plan.unwrap_or_else(|refusal| refusal.to_string())
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
