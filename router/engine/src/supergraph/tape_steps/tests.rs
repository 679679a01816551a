//! Answers on tapes, compared with answers of values: the same operations over the same subgraphs, whose answers are sometimes wrong.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use async_graphql::Variables;
use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::{Map, json};

use super::*;
use crate::limits::Limits;
use crate::subgraph::{
    Caller, EncodedResponse, RequestDocument, ResponseKind, Subgraph, SubgraphRequest, SubgraphResponse,
};
use crate::supergraph::Supergraph;
use crate::tape::{Bounds, Tape};

const SUPERGRAPH: &str = include_str!("../plan/check/tests/supergraph.graphql");
const BOUNDS: Bounds = Bounds {
    depth_max: 50,
    values_max: 10_000,
};
/// The answers per operation.
const SEEDS: u64 = 60;

/// A text that no encoder writes.
const ESCAPED_ZERO: &str = r#""\u0030""#;

const OPERATIONS: [&str; 7] = [
    "{ products { upc name price stock weight } }",
    "{ products { name shipping reviews { id body product { name stock } } } }",
    "{ product(upc: \"1\") { reviews { product { reviews { product { name price } } } } } }",
    "{ media { __typename id title rating ... on Book { product { name } } ... on Film { product { stock } } } }",
    "{ rated { id rating title } products { upc } }",
    "{ topReview { body product { upc name shipping } } products { reviews { id } } }",
    "{ a: product(upc: \"1\") { n: name shipping } b: product(upc: \"2\") { name p: price(currency: \"USD\") reviews { body } } }",
];

#[tokio::test]
async fn answers_on_tapes_are_those_of_values() {
    let mut copied_texts = 0;
    for seed in 0..SEEDS {
        let (tapes, values) = (supergraph(seed, true), supergraph(seed, false));
        for operation in OPERATIONS {
            let (on_tapes, of_values) = (ask(&tapes, operation).await, ask(&values, operation).await);
            assert_eq!(
                parsed(&on_tapes),
                parsed(&of_values),
                "{operation} with the seed {seed}"
            );
            assert!(!of_values.contains(ESCAPED_ZERO), "values are encoded again");
            copied_texts += usize::from(on_tapes.contains(ESCAPED_ZERO));
        }
    }
    assert!(copied_texts > 50, "only {copied_texts} answers have texts of subgraphs");
}

fn supergraph(seed: u64, has_tapes: bool) -> Supergraph {
    let open = |name: &str| {
        let name = name.to_owned();
        let subgraph: Arc<dyn Subgraph> = if has_tapes {
            Arc::new(OnTapes(Subgraphs {
                name: name.clone(),
                seed,
            }))
        } else {
            Arc::new(Subgraphs {
                name: name.clone(),
                seed,
            })
        };
        (name, subgraph)
    };
    let subgraphs: HashMap<_, _> = ["products", "reviews", "shipping"].map(open).into();
    Supergraph::new(SUPERGRAPH, &[], subgraphs, Arc::new(Limits::default())).unwrap()
}

fn request(document: RequestDocument) -> SubgraphRequest {
    SubgraphRequest {
        document,
        operation_name: None,
        variables: Variables::default(),
        caller: Caller::anonymous(),
        request_id: "test".into(),
        budget: None,
    }
}

async fn ask(supergraph: &Supergraph, operation: &str) -> String {
    let answer = supergraph.fetch(request(RequestDocument::Text(operation.into()))).await;
    String::from_utf8(answer.into_encoded().body.to_vec()).unwrap()
}

fn parsed(answer: &str) -> serde_json::Value {
    serde_json::from_str(answer).unwrap()
}

/// A subgraph that answers what the names of the fields suggest, and now and then something else.
struct Subgraphs {
    name: String,
    seed: u64,
}

/// The same subgraph, whose answers are tapes.
struct OnTapes(Subgraphs);

impl Subgraph for Subgraphs {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        let variables = serde_json::to_value(&request.variables).unwrap();
        let body = self.answer(&request.document, &variables);
        async move {
            SubgraphResponse::Json(EncodedResponse {
                body: body.into(),
                kind: ResponseKind::Data,
                codes: Default::default(),
            })
        }
        .boxed()
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        stream::empty().boxed()
    }
}

impl Subgraph for OnTapes {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        self.0.fetch(request)
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        self.0.subscribe(request)
    }

    fn as_tape_subgraph(&self) -> Option<&dyn TapeSubgraph> {
        Some(self)
    }
}

impl TapeSubgraph for OnTapes {
    fn fetch_tape(&self, request: SubgraphRequest, lists: Vec<(Name, Bytes)>) -> BoxFuture<'_, TapeResponse> {
        let mut variables = serde_json::to_value(&request.variables).unwrap();
        for (name, list) in lists {
            variables[name.as_str()] = serde_json::from_slice(&list).unwrap();
        }
        let body = self.0.answer(&request.document, &variables);
        let tape = Tape::parse(body.clone().into(), BOUNDS);
        let response = match tape.filter(|tape| tape.member(crate::tape::ROOT, "errors").is_none()) {
            Some(tape) => TapeResponse::Tape(Arc::new(tape)),
            None => serde_json::from_str::<Response>(&body).unwrap().into(),
        };
        async move { response }.boxed()
    }
}

impl Subgraphs {
    fn answer(&self, document: &RequestDocument, variables: &serde_json::Value) -> String {
        let RequestDocument::Parsed { tree, .. } = document else {
            panic!("the planner's documents are parsed");
        };
        let execution = Execution {
            subgraph: self,
            tree,
            variables,
        };
        let (_, operation) = tree.operations.iter().next().unwrap();
        let data = execution.object(&operation.node.selection_set.node, "Query", &self.name);
        let mut answer = json!({ "data": data });
        if self.chance(&self.name, 20) == 0 {
            let key = data.as_object().and_then(|data| data.keys().next()).cloned();
            answer["errors"] = json!([{ "message": "failed", "path": [key.unwrap_or_default()] }]);
        }
        answer.to_string().replace(r#""0""#, ESCAPED_ZERO)
    }

    /// Returns a number below `bound` for a place, the same one every time.
    fn chance(&self, place: &str, bound: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, &self.name, place).hash(&mut hasher);
        hasher.finish() % bound
    }
}

struct Execution<'a> {
    subgraph: &'a Subgraphs,
    tree: &'a ExecutableDocument,
    variables: &'a serde_json::Value,
}

impl Execution<'_> {
    fn object(&self, selections: &SelectionSet, ty: &str, place: &str) -> serde_json::Value {
        let mut fields = Map::new();
        self.select(selections, ty, place, &mut fields);
        fields.into()
    }

    fn select(&self, selections: &SelectionSet, ty: &str, place: &str, into: &mut Map<String, serde_json::Value>) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, ty, place, into),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                    if condition.is_none_or(|on| on == ty || on == "Media") {
                        self.select(&fragment.node.selection_set.node, ty, place, into);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = &self.tree.fragments[&spread.node.fragment_name.node].node;
                    self.select(&fragment.selection_set.node, ty, place, into);
                }
            }
        }
    }

    fn field(&self, field: &Field, ty: &str, place: &str, into: &mut Map<String, serde_json::Value>) {
        let name = field.name.node.as_str();
        let key = field.alias.as_ref().unwrap_or(&field.name).node.to_string();
        let place = format!("{place}/{key}");
        // One value in 100 is another one than the schema says, and one in 200 is absent.
        match self.subgraph.chance(&place, 1_000) {
            0..5 => {}
            5 => drop(into.insert(key, json!(null))),
            6 => drop(into.insert(key, json!([null]))),
            7 => drop(into.insert(key, json!({ "upc": 1 }))),
            8 => drop(into.insert(key, json!(1.5))),
            9 => drop(into.insert(key, json!(-0.0))),
            10 => drop(into.insert(key, json!("\"é\\u0041"))),
            11 => drop(into.insert(key, json!(3_000_000_000_u64))),
            12..15 => drop(into.insert(key, json!(true))),
            _ => drop(into.insert(key, self.value(field, name, ty, &place))),
        }
    }

    fn value(&self, field: &Field, name: &str, ty: &str, place: &str) -> serde_json::Value {
        let selections = &field.selection_set.node;
        let items = |types: &[&str]| {
            let count = self.subgraph.chance(place, 4);
            let item = |index: u64| {
                self.object(
                    selections,
                    types[index as usize % types.len()],
                    &format!("{place}/{index}"),
                )
            };
            (0..count).map(item).collect()
        };
        match name {
            "__typename" => ty.into(),
            "_entities" => self.entities(field, place),
            "products" => items(&["Product"]),
            "reviews" => items(&["Review"]),
            "media" => items(&["Book", "Film"]),
            "rated" => items(&["Media"]),
            "product" => self.object(selections, "Product", place),
            "topReview" | "lastReview" => self.object(selections, "Review", place),
            "price" | "weight" | "stock" | "shipping" | "rating" => self.subgraph.chance(place, 3).into(),
            // Few different keys, so that entities are at several places.
            _ => self.subgraph.chance(place, 3).to_string().into(),
        }
    }

    fn entities(&self, field: &Field, place: &str) -> serde_json::Value {
        let variable = field.arguments[0].1.node.to_string();
        let representations = self.variables[variable.trim_start_matches('$')].as_array().unwrap();
        let entity = |(index, representation): (usize, &serde_json::Value)| {
            let ty = representation["__typename"].as_str().unwrap_or("Media");
            match self.subgraph.chance(&format!("{place}/{representation}"), 50) {
                0 => json!(null),
                _ => self.object(&field.selection_set.node, ty, &format!("{place}/{index}")),
            }
        };
        representations.iter().enumerate().map(entity).collect()
    }
}
