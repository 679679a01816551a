//! Rules of the OpenAPI documents without which generators of clients write types that do not compile or do not fit
//! (docs/clients/generated.md).

use std::collections::{BTreeMap, BTreeSet};

use agora::rest_access::AnonymousAccess;
use axum::Router;
use axum::body::Body;
use serde_json::{Map, Value};

use crate::app::{RestApp, send};

/// A document, and the router that serves it.
struct Served {
    /// The mount, and the service where it is alone.
    name: String,
    document: Value,
    router: Router,
}

/// Returns the document of each mount under its prefix, of each mount at an address of its own, and of each service at one.
async fn all_documents(app: &RestApp) -> Vec<Served> {
    let mut all = Vec::new();
    for mount in agora::rest::mounts() {
        let own = |service| {
            agora::rest::service_router(&app.gateway, AnonymousAccess::Anyone, mount.name, service).expect("a router")
        };
        let mut add = async |name: String, router: Router, path: String| {
            let document = send(&router, &format!("GET {path}"), &[], Body::empty()).await.json();
            all.push(Served { name, document, router });
        };
        let under_prefix = format!("{}/openapi.json", mount.prefix);
        add(mount.name.to_owned(), app.router.clone(), under_prefix).await;
        add(format!("{} alone", mount.name), own(None), "/openapi.json".to_owned()).await;
        for service in mount.services {
            let name = format!("{}.{}", mount.name, service.name);
            add(name, own(Some(service.name)), "/openapi.json".to_owned()).await;
        }
    }
    all
}

/// Calls `check` with each object of a document and its place. Examples are no schemas, and the keywords of rules make no types.
fn walk(value: &Value, place: &str, check: &mut dyn FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            check(place, members);
            let schemas = members
                .iter()
                .filter(|(name, _)| !["example", "if", "then", "else"].contains(&name.as_str()));
            schemas.for_each(|(name, member)| walk(member, &format!("{place}/{name}"), check));
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| walk(item, &format!("{place}/{index}"), check)),
        _ => {}
    }
}

/// Returns each operation of a document with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let verbs = item.as_object().unwrap().iter();
        verbs.map(move |(verb, operation)| (format!("{} {path}", verb.to_uppercase()), operation))
    });
    operations.collect()
}

#[tokio::test]
async fn members_of_an_object_differ_in_more_than_spelling() {
    let app = RestApp::open().await;
    // `transaction-number`, `transaction_number` and `transactionNumber`, `committed` and `commited` are one name each.
    let name_of = |spelling: &str| {
        let mut letters: Vec<char> = spelling
            .to_lowercase()
            .chars()
            .filter(|char| char.is_alphanumeric())
            .collect();
        letters.dedup();
        letters
    };
    for Served { name, document, .. } in all_documents(&app).await {
        walk(&document, &name, &mut |place, schema| {
            let mut spellings = BTreeMap::new();
            for member in schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(Map::keys)
            {
                let other = spellings.insert(name_of(member), member);
                assert_eq!(other, None, "{place}: a second spelling of {member}");
            }
        });
    }
}

#[tokio::test]
async fn a_second_spelling_is_described() {
    let app = RestApp::open().await;
    let described = async |mount: &str, schema: &str, member: &str| {
        let document = app.call(&format!("GET /{mount}/openapi.json")).await.json();
        let member = &document["components"]["schemas"][schema]["properties"][member];
        member["description"].as_str().unwrap_or_default().to_owned()
    };
    for (mount, schema, member, second) in [
        ("bazaar", "Traded", "transaction-number", "transaction_number"),
        ("bookstore", "Bought", "orderId", "order_id"),
        ("brokerage", "StockHolding", "committedAmount", "commitedAmount"),
        ("brokerage", "StockHoldingChange", "committedAmount", "commitedAmount"),
    ] {
        let description = described(mount, schema, member).await;
        assert!(
            description.contains(&format!("`{second}`")),
            "{schema}.{member}: {description}"
        );
    }
}

#[tokio::test]
async fn every_object_and_every_alternative_has_a_name() {
    let app = RestApp::open().await;
    for Served { name, document, .. } in all_documents(&app).await {
        walk(&document, "", &mut |place, schema| {
            if schema.contains_key("properties") {
                let at = place.strip_prefix("/components/schemas/");
                assert!(at.is_some_and(|at| !at.contains('/')), "{name}: {place} has no name");
            }
            for keyword in ["anyOf", "oneOf", "allOf"] {
                for one in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                    let is_named = one["$ref"].is_string() || one["type"] == "null";
                    assert!(is_named, "{name}: {place}: {keyword} has {one}, which has no name");
                }
            }
            if schema.contains_key("const") || schema.contains_key("enum") {
                assert!(schema.contains_key("type"), "{name}: {place} has no type");
            }
        });
    }
}

#[tokio::test]
async fn a_moment_in_a_request_is_plain_text_with_its_formats() {
    let app = RestApp::open().await;
    let mut described = BTreeSet::new();
    for Served { name, document, .. } in all_documents(&app).await {
        for (at, operation) in operations(&document) {
            let mut requests = vec![&operation["requestBody"], &operation["parameters"]];
            let mut seen = BTreeSet::new();
            while let Some(request) = requests.pop() {
                walk(request, "", &mut |place, schema| {
                    let format = schema.get("format").unwrap_or(&Value::Null);
                    assert_ne!(format, "date-time", "{name} {at}: {place}");
                    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
                    if description.contains("RFC 3339") {
                        assert!(description.contains("2026-01-31T12:30:00Z") && description.contains("or a day"));
                        assert!(
                            !format.is_string() && schema.contains_key("pattern"),
                            "{name} {at}: {place}"
                        );
                        described.insert(place.rsplit('/').next().unwrap().to_owned());
                    }
                    if let Some(Value::String(reference)) = schema.get("$ref")
                        && seen.insert(reference.clone())
                    {
                        requests.push(document.pointer(&reference[1..]).unwrap());
                    }
                });
            }
        }
    }
    assert_eq!(
        described.into_iter().collect::<Vec<_>>(),
        ["date", "endDate", "startDate"]
    );
}

#[tokio::test]
async fn every_operation_has_examples() {
    let app = RestApp::open().await;
    for Served { name, document, .. } in all_documents(&app).await {
        for (at, operation) in operations(&document) {
            let responses = operation["responses"].as_object().unwrap().values();
            let bodies = responses.chain(operation.get("requestBody"));
            for media in bodies.flat_map(|body| body["content"].as_object().unwrap().values()) {
                assert!(media.get("example").is_some(), "{name} {at}: {media}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                // A page that fills in one key or one cursor for every request would be wrong most of the time.
                let has_none = ["Idempotency-Key", "after"].contains(&parameter["name"].as_str().unwrap());
                assert_ne!(parameter.get("example").is_some(), has_none, "{name} {at}: {parameter}");
            }
        }
    }
}

#[tokio::test]
async fn every_error_has_its_code_in_a_header() {
    let app = RestApp::open().await;
    for Served { name, document, .. } in all_documents(&app).await {
        let header = &document["components"]["headers"]["AgoraErrorCode"]["schema"];
        assert_eq!(
            (&header["type"], header["enum"].is_array()),
            (&"string".into(), true),
            "{name}"
        );
        for (at, operation) in operations(&document) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let header = &response["headers"]["Agora-Error-Code"]["$ref"];
                let is_error = status.parse::<u16>().unwrap() >= 400;
                assert_eq!(
                    *header == "#/components/headers/AgoraErrorCode",
                    is_error,
                    "{name} {at} {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_server_of_a_document_has_its_paths() {
    let app = RestApp::open().await;
    for Served { name, document, router } in all_documents(&app).await {
        let server = document["servers"][0]["url"].as_str().unwrap();
        assert_eq!(document["servers"].as_array().unwrap().len(), 1, "{name}");
        for (at, _) in operations(&document) {
            let path = at.split(' ').nth(1).unwrap().replace(['{', '}'], "");
            // No route has this method, so that a known path is 405 and an unknown one is 404.
            let line = format!("PATCH {}{path}", server.trim_end_matches('/'));
            assert_eq!(
                send(&router, &line, &[], Body::empty()).await.status,
                405,
                "{name}: {line}"
            );
        }
    }
}

#[tokio::test]
async fn an_operation_id_is_a_verb_with_a_noun_in_one_word() {
    let app = RestApp::open().await;
    for Served { name, document, .. } in all_documents(&app).await {
        for (at, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            let is_word = id.starts_with(|first: char| first.is_ascii_lowercase())
                && id.chars().all(|char| char.is_ascii_alphanumeric());
            assert!(is_word, "{name} {at}: {id}");
        }
    }
}
