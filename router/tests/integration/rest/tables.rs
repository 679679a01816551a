//! Checks that every table fits the graph.

use std::collections::BTreeSet;

use agora::rest::{FieldType, Route, mounts};
use agora::subgraph::OperationKind;

use crate::app::graph_without_subgraphs;

/// Routes that read by POST, as their document requires.
const READ_BY_POST: &[&str] = &["bazaar order POST /sync"];
/// Routes that create nothing: repeating them has the same effect without a key.
const CREATE_NOTHING: &[&str] = &[
    "bazaar front POST /invalidate/{stockName}",
    "bazaar order POST /leader-broadcast",
    "bazaar order POST /push",
    "bazaar order POST /sync",
    "brokerage user POST /users/login",
    "shop user POST /api/login",
];

fn routes() -> impl Iterator<Item = (String, &'static Route)> {
    mounts().iter().flat_map(|mount| {
        mount.services.iter().flat_map(move |service| {
            let name =
                move |route: &Route| format!("{} {} {} {}", mount.name, service.name, route.verb.as_str(), route.path);
            service.routes.iter().map(move |route| (name(route), route))
        })
    })
}

#[test]
fn every_route_operation_is_planned_over_the_supergraph() {
    let graph = graph_without_subgraphs();
    let operations = routes().flat_map(|(name, route)| route.operations().map(move |one| (name.clone(), route, one)));
    for (name, route, operation) in operations {
        let kind = graph.check_operation(operation);
        let kind = kind.unwrap_or_else(|refusal| panic!("{name}: {refusal:?}")).kind;
        let reads = route.verb.as_str() == "GET" || READ_BY_POST.contains(&name.as_str());
        let expected = if reads {
            OperationKind::Query
        } else {
            OperationKind::Mutation
        };
        assert_eq!(kind, expected, "{name}: GET reads, everything else does not");
    }
}

#[test]
fn every_post_that_creates_takes_an_idempotency_key() {
    for (name, route) in routes().filter(|(_, route)| route.verb.as_str() == "POST") {
        let creates = !CREATE_NOTHING.contains(&name.as_str());
        assert_eq!(route.operation.contains("$idempotencyKey: String"), creates, "{name}");
    }
}

#[test]
fn every_example_is_json_in_the_shape_of_the_response() {
    for (name, route) in routes() {
        let example: serde_json::Value =
            serde_json::from_str(route.example).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (model, example) = match (&route.response, &example) {
            (FieldType::Object(model), example) => (*model, example),
            (FieldType::List(FieldType::Object(model)), example) => (*model, &example[0]),
            _ => continue,
        };
        let shown: BTreeSet<&str> = example.as_object().unwrap().keys().map(String::as_str).collect();
        let promised: BTreeSet<&str> = model
            .fields
            .iter()
            .flat_map(|field| std::iter::once(field.name).chain(field.alias))
            .collect();
        assert_eq!(shown, promised, "{name}");
    }
}
