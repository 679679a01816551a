//! `agora router`: a router over the subgraphs of other programs.

mod clock;
mod foreign;
mod reload;

use std::path::Path;

use serde_json::{Value, json};

use crate::http::send;
use crate::{Server, run, text};
use foreign::{ForeignSubgraphs, SUPERGRAPH};

/// Starts a router over these subgraphs, whose addresses in the file are of no use.
fn start(folder: &Path, subgraphs: &ForeignSubgraphs, more: &[&str]) -> Server {
    std::fs::write(folder.join("supergraph.graphql"), SUPERGRAPH).expect("a file");
    let products = format!("products={}", subgraphs.products);
    let reviews = format!("reviews={}", subgraphs.reviews);
    let arguments = [
        "router",
        "--supergraph",
        "supergraph.graphql",
        "--subgraph",
        &products,
        "--subgraph",
        &reviews,
    ];
    Server::start_with(folder, &[&arguments[..], more].concat(), 0)
}

fn json_at(answer: &Value, pointer: &str) -> Value {
    answer.pointer(pointer).cloned().unwrap_or_default()
}

fn get(server: &Server, path: &str) -> (u16, String) {
    let address = server.url.trim_start_matches("http://").parse().expect("an address");
    send(address, &format!("GET {path}"), &[], "")
}

#[test]
fn a_query_over_two_foreign_subgraphs_is_answered_as_one_graph() {
    let folder = tempfile::tempdir().unwrap();
    let subgraphs = ForeignSubgraphs::start();
    let server = start(folder.path(), &subgraphs, &[]);
    let answer = server.graphql("{ products { name price reviews { text } } }", None);
    let products = json!([
        { "name": "Table", "price": "10.00 EUR", "reviews": [{ "text": "Of Table: stands." }] },
        { "name": "Chair", "price": "5.00 EUR", "reviews": [{ "text": "Of Chair: stands." }] },
    ]);
    assert_eq!(answer, json!({ "data": { "products": products } }));
    assert!(server.stop(), "SIGTERM was not a clean end");
}

#[test]
fn a_custom_scalar_passes_in_both_directions_as_its_subgraph_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let subgraphs = ForeignSubgraphs::start();
    let server = start(folder.path(), &subgraphs, &[]);
    let by_literal = server.graphql(r#"{ cheaperThan(price: { amount: 7, unit: EUR }) { name } }"#, None);
    assert_eq!(
        json_at(&by_literal, "/data/cheaperThan"),
        json!([{ "name": "Chair" }]),
        "{by_literal}"
    );
    let request = json!({
        "query": "query($price: Price!) { cheaperThan(price: $price) { name price } }",
        "variables": { "price": { "amount": 7, "unit": "EUR" } },
    });
    let by_variable = server.post("/graphql", &request, None);
    let found = json!([{ "name": "Chair", "price": "5.00 EUR" }]);
    assert_eq!(json_at(&by_variable, "/data/cheaperThan"), found, "{by_variable}");
}

#[test]
fn only_headers_that_are_named_reach_a_subgraph() {
    let folder = tempfile::tempdir().unwrap();
    let subgraphs = ForeignSubgraphs::start();
    let server = start(folder.path(), &subgraphs, &["--propagate-header", "x-tenant"]);
    let address = server.url.trim_start_matches("http://").parse().unwrap();
    let headers = [("x-tenant", "blue"), ("authorization", "Bearer of-the-subgraphs")];
    let body = json!({ "query": "{ received }" }).to_string();
    let (status, answer) = send(address, "POST /graphql", &headers, &body);
    assert_eq!((status, &*answer), (200, r#"{"data":{"received":"x-tenant: blue"}}"#));
    let server = start(folder.path(), &subgraphs, &["--propagate-header", "Authorization"]);
    let address = server.url.trim_start_matches("http://").parse().unwrap();
    let (status, answer) = send(address, "POST /graphql", &headers, &body);
    let received = r#"{"data":{"received":"authorization: Bearer of-the-subgraphs"}}"#;
    assert_eq!((status, &*answer), (200, received));
}

#[test]
fn a_tag_that_means_something_to_agora_changes_no_caller() {
    let folder = tempfile::tempdir().unwrap();
    let subgraphs = ForeignSubgraphs::start();
    let server = start(folder.path(), &subgraphs, &["--propagate-header", "x-tenant"]);
    let address = server.url.trim_start_matches("http://").parse().unwrap();
    let body = json!({ "query": "{ reserved { id name } }" }).to_string();
    let (_, answer) = send(address, "POST /graphql", &[("x-tenant", "blue")], &body);
    assert_eq!(answer, r#"{"data":{"reserved":{"id":"p2","name":"Chair"}}}"#);
    let (_, answer) = send(address, "POST /graphql", &[], &body);
    assert_eq!(answer, r#"{"data":{"reserved":{"id":"p1","name":"Table"}}}"#);
}

#[test]
fn a_router_starts_without_its_subgraphs_and_serves_those_that_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut subgraphs = ForeignSubgraphs::start();
    subgraphs.reviews = subgraphs.nothing.clone();
    let server = start(folder.path(), &subgraphs, &[]);
    let answer = server.graphql("{ products { name reviews { text } } }", None);
    assert_eq!(json_at(&answer, "/data/products/0/name"), json!("Table"), "{answer}");
    assert_eq!(json_at(&answer, "/data/products/0/reviews"), json!(null), "{answer}");
    assert_eq!(
        json_at(&answer, "/errors/0/extensions/code"),
        json!("UNAVAILABLE"),
        "{answer}"
    );
}

#[test]
fn a_router_has_the_addresses_of_a_graph_and_none_of_agora() {
    let folder = tempfile::tempdir().unwrap();
    let subgraphs = ForeignSubgraphs::start();
    let server = start(folder.path(), &subgraphs, &[]);
    for path in ["/health", "/ready", "/metrics", "/graphiql/"] {
        assert_eq!(get(&server, path).0, 200, "{path}");
    }
    let (status, schema) = get(&server, "/schema.graphql");
    assert!(
        status == 200 && schema.contains("type Product") && !schema.contains("join__"),
        "{schema}"
    );
    for path in ["/console/", "/bookstore/search/x", "/orders", "/cache"] {
        assert_eq!(get(&server, path).0, 404, "{path}");
    }
    assert!(!folder.path().join("data").exists(), "a data folder was made");
}

#[test]
fn graphiql_knows_that_a_router_has_no_other_page_and_no_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let subgraphs = ForeignSubgraphs::start();
    let server = start(folder.path(), &subgraphs, &[]);
    let (status, page) = get(&server, "/graphiql/");
    assert_eq!(status, 200);
    for link in page.split("href=\"").chain(page.split("src=\"")).skip(1) {
        let (link, _) = link.split_once('"').unwrap();
        assert!(
            !link.starts_with('/') || link == "/graphql" || get(&server, link).0 == 200,
            "{link}"
        );
    }
    let (_, config) = get(&server, "/graphiql/config.json");
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config, json!({ "hasOnlyGraphiql": true, "isForeign": true }));
}

#[test]
fn a_file_or_an_address_that_cannot_be_served_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |content: &str, more: &[&str]| {
        std::fs::write(folder.path().join("supergraph.graphql"), content).unwrap();
        let arguments = [
            "router",
            "--supergraph",
            "supergraph.graphql",
            "--listen",
            "127.0.0.1:0",
        ];
        let refused = run(folder.path(), &[&arguments[..], more].concat(), "");
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && !said.contains("listening"), "{said}");
        said
    };
    for (content, why) in [
        ("this is no SDL", "supergraph.graphql: the supergraph is not valid"),
        ("type Query { a: Int }", "it has no enum join__Graph"),
    ] {
        let said = refusal(content, &[]);
        assert!(said.contains(why), "{said}");
    }
    for (given, why) in [
        ("orders=http://127.0.0.1:1/", "its subgraphs are products, reviews"),
        ("products=ftp://127.0.0.1/", "products"),
        ("products", "`products` is not of the form NAME=URL"),
    ] {
        let said = refusal(SUPERGRAPH, &["--subgraph", given]);
        assert!(said.contains(why), "{said}");
    }
    let without_url = SUPERGRAPH.replace("http://products.invalid/graphql", "");
    let said = refusal(&without_url, &[]);
    assert!(said.contains("--subgraph products=URL"), "{said}");
    let missing = run(folder.path(), &["router", "--supergraph", "missing.graphql"], "");
    assert!(text(&missing.stderr).contains("missing.graphql"), "{missing:?}");
}
