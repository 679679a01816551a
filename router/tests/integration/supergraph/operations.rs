//! Several subgraphs behave as one server: the client receives the response that one server with all the data would return.

use agora::limits::Limits;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::world::{Graph, SubgraphBehavior, reference, request};

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    errors: Vec<Value>,
}

impl Parts<'_> {
    /// Returns message and path of every error: the order is not specified, and the locations in the document depend on the
    /// executor.
    fn errors(&self, with_message: bool) -> Vec<String> {
        let described = self.errors.iter().map(|error| {
            if with_message {
                format!("{} at {}", error["message"], error["path"])
            } else {
                error["path"].to_string()
            }
        });
        let mut errors: Vec<_> = described.collect();
        errors.sort();
        errors
    }
}

/// The operations, each with its variables.
const OPERATIONS: &str = include_str!("operations.graphql");

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
async fn operations_match_a_single_server_with_all_data() {
    compare(SubgraphBehavior::Well).await;
}

#[tokio::test]
async fn operations_match_with_subgraphs_that_omit_failed_fields() {
    compare(SubgraphBehavior::Sloppy).await;
}

#[tokio::test]
async fn operations_match_with_entity_errors_without_an_index() {
    compare(SubgraphBehavior::Unindexed).await;
}

async fn compare(behavior: SubgraphBehavior) {
    let mut wrong = String::new();
    let behaviors = ["people", "products", "reviews", "shipping"].map(|name| (name, behavior));
    let mut graph = Graph::with(&behaviors, Limits::default());
    for (query, variables) in operations() {
        if query.starts_with("mutation") {
            // Each mutation starts with a new world, as in the reference.
            graph = Graph::with(&behaviors, Limits::default());
        }
        let answer = graph.answer(request(&query, variables.clone())).await;
        let federated = String::from_utf8(answer.body.to_vec()).unwrap();
        let expected = reference(&query, &variables);
        let same = match (
            serde_json::from_str::<Parts>(&federated),
            serde_json::from_str::<Parts>(&expected),
        ) {
            (Ok(federated), Ok(expected)) => {
                // A sloppy subgraph reports no error for a null that violates the schema: the router adds one with its own
                // message.
                let with_message = behavior == SubgraphBehavior::Well;
                federated.data.get() == expected.data.get()
                    && federated.errors(with_message) == expected.errors(with_message)
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
