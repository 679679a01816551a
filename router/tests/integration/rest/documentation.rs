//! The OpenAPI document and the interactive page.

use std::collections::BTreeSet;

use axum::body::Body;
use serde_json::Value;

use crate::app::{RestApp, TestResponse, send};

#[tokio::test]
async fn the_openapi_document_matches_the_checked_in_one() {
    let app = RestApp::open().await;
    for mount in ["bazaar", "bookstore"] {
        let answered = app.call(&format!("GET /{mount}/openapi.json")).await;
        assert_eq!(
            (answered.status, answered.header("content-type")),
            (200, "application/json")
        );
        let mut document = answered.json();
        document["info"]["version"] = "[version]".into();
        insta::assert_json_snapshot!(format!("{mount}_openapi"), document);
    }
}

#[tokio::test]
async fn the_openapi_document_is_consistent_at_every_address() {
    let (open, closed) = (RestApp::open().await, RestApp::closed().await);
    let mut documents = Vec::new();
    for mount in agora::rest::mounts() {
        documents.push(open.call(&format!("GET {}/openapi.json", mount.prefix)).await.json());
        documents.push(closed.call(&format!("GET {}/openapi.json/", mount.prefix)).await.json());
        for service in mount.services {
            let access = agora::rest_access::AnonymousAccess::Anyone;
            let alone = agora::rest::service_router(&open.gateway, access, mount.name, Some(service.name)).unwrap();
            documents.push(send(&alone, "GET /openapi.json", &[], Body::empty()).await.json());
        }
    }
    for document in documents {
        assert_eq!(document["openapi"], "3.1.0");
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            assert!(path.starts_with('/'), "{path}");
            for (verb, operation) in item.as_object().unwrap() {
                let at = format!("{verb} {path}");
                assert!(
                    ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
                    "{at}"
                );
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status.starts_with('2')), "{at}");
                assert!(
                    responses.values().all(|response| response["description"].is_string()),
                    "{at}"
                );
                parameters_are_those_of_the_path(path, operation);
            }
        }
        every_reference_leads_somewhere(&document, &document);
    }
}

fn parameters_are_those_of_the_path(path: &str, operation: &Value) {
    let in_path: BTreeSet<&str> = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect();
    let empty = Vec::new();
    let parameters = operation["parameters"].as_array().unwrap_or(&empty);
    let described = parameters.iter().filter(|parameter| parameter["in"] == "path");
    let described: BTreeSet<&str> = described.map(|parameter| parameter["name"].as_str().unwrap()).collect();
    assert_eq!(described, in_path, "{path}");
}

fn every_reference_leads_somewhere(document: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref") {
                let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some_and(Value::is_object), "{pointer}");
            }
            members
                .values()
                .for_each(|member| every_reference_leads_somewhere(document, member));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| every_reference_leads_somewhere(document, item)),
        _ => {}
    }
}

#[tokio::test]
async fn every_documented_route_answers_as_its_example() {
    let app = RestApp::open().await;
    let document = app.call("GET /bookstore/openapi.json").await.json();
    // The example of a sale needs a sale.
    assert_eq!(app.call("POST /bookstore/purchase/2").await.status, 200);
    assert_eq!(
        app.json("PUT /bookstore/catalog/books/2", r#"{"quantity":10}"#)
            .await
            .status,
        200
    );
    for (path, item) in document["paths"].as_object().unwrap() {
        // This test only reads: a deletion would remove the data of the examples.
        let Some(operation) = item.get("get") else { continue };
        let line = format!("GET /bookstore{}", with_examples(path, operation));
        let answered = app.call(&line).await;
        assert_eq!(answered.status, 200, "{line}");
        let example = &operation["responses"]["200"]["content"]["application/json"]["example"];
        let (mut shown, mut example) = (answered.json(), example.clone());
        if path.ends_with("/books") {
            // The example shows one of the seven books.
            shown = shown
                .as_array()
                .unwrap()
                .iter()
                .filter(|book| book["id"] == 2)
                .cloned()
                .collect();
        }
        assert_eq!(shown.take(), example.take(), "{line}");
    }
}

#[tokio::test]
async fn every_documented_bazaar_example_is_true_on_the_sample_data() {
    let app = RestApp::demo().await;
    let document = app.call("GET /bazaar/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let line = format!("{} /bazaar{}", verb.to_uppercase(), with_examples(path, operation));
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            // Each request that changes data runs on fresh sample data.
            let answered = if operation.to_string().contains("Idempotency-Key") {
                RestApp::demo().await.json(&line, &body.to_string()).await
            } else {
                app.json(&line, &body.to_string()).await
            };
            assert_eq!(answered.status, 200, "{line}: {}", answered.text);
            let example = &operation["responses"]["200"]["content"]["application/json"]["example"];
            assert_eq!(&answered.json(), example, "{line}");
        }
    }
}

/// Returns the path with the examples of its parameters.
fn with_examples(path: &str, operation: &Value) -> String {
    let (mut line, empty) = (path.to_owned(), Vec::new());
    for parameter in operation["parameters"].as_array().unwrap_or(&empty) {
        let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
        let value = parameter["example"]
            .as_str()
            .map_or_else(|| parameter["example"].to_string(), str::to_owned);
        line = line.replace(&name, &value.replace(' ', "%20"));
    }
    line
}

#[tokio::test]
async fn the_interactive_page_is_self_contained() {
    let app = RestApp::open().await;
    let page = app.call("GET /bookstore/docs").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    // The files are shared by the pages of all mounts.
    let others = app.call("GET /shop/docs").await;
    let files = assets_of(&page);
    assert_eq!(files, assets_of(&others));
    assert_eq!(files.len(), 6, "{files:?}");
    let shared = agora::http::asset_routes();
    for file in files {
        let got = send(&shared, &format!("GET {file}"), &[], Body::empty()).await;
        assert_eq!(got.status, 200, "{file}");
        assert_eq!(got.header("cache-control"), "public, max-age=31536000, immutable");
    }
    assert!(page.text.contains("data-openapi=\"/bookstore/openapi.json\""));
    assert!(page.text.contains("href=\"/shop/docs\"") && page.text.contains("href=\"/\""));
    assert!(!page.text.contains("://"), "nothing from elsewhere");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert_eq!(app.call("GET /bookstore/docs/").await.text, page.text);
    assert_eq!(app.call("GET /bookstore/docs/nothing.js").await.status, 404);
    let wrong = app.call("POST /bookstore/docs").await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn a_page_has_the_operations_in_the_order_of_the_tables_sign_in_first() {
    let app = RestApp::open().await;
    let page = app.call("GET /brokerage/docs").await;
    let order = page
        .text
        .split("data-order=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let order: Vec<String> = serde_json::from_str(&order.replace("&quot;", "\"")).unwrap();
    assert_eq!(order[..3], ["post /users/login", "post /users/register", "get /users"]);
    let document = app.call("GET /brokerage/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(order.len(), operations, "every operation has a place");
}

fn assets_of(page: &TestResponse) -> BTreeSet<String> {
    let links = page.text.split('"').filter(|text| text.starts_with("/assets/"));
    links.map(str::to_owned).collect()
}

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn one_service(app: &RestApp) -> axum::Router {
    let anyone = agora::rest_access::AnonymousAccess::Anyone;
    agora::rest::service_router(&app.gateway, anyone, "bookstore", Some("order")).unwrap()
}

#[tokio::test]
async fn a_page_at_an_address_of_its_own_has_its_files() {
    let app = RestApp::open().await;
    let alone = one_service(&app);
    let page = send(&alone, "GET /docs", &[], Body::empty()).await;
    assert!(page.text.contains("data-openapi=\"/openapi.json\""), "{}", page.text);
    assert!(!page.text.contains("href=\"/\""), "this address has no start page");
    for file in assets_of(&page) {
        let got = send(&alone, &format!("GET {file}"), &[], Body::empty()).await;
        assert_eq!(got.status, 200, "{file}");
    }
}

#[tokio::test]
async fn a_browser_is_led_from_a_mount_to_its_documentation() {
    let app = RestApp::open().await;
    for path in ["/bookstore", "/bookstore/"] {
        let got = app.send(&format!("GET {path}"), &[BROWSER], Body::empty()).await;
        assert_eq!((got.status, got.header("location")), (303, "/bookstore/docs"), "{path}");
        assert_eq!(app.call(&format!("GET {path}")).await.status, 404, "{path}");
    }
    let got = send(&one_service(&app), "GET /", &[BROWSER], Body::empty()).await;
    assert_eq!((got.status, got.header("location")), (303, "/docs"));

    let lost = app.send("GET /bookstore/nothing", &[BROWSER], Body::empty()).await;
    assert_eq!(
        (lost.status, lost.header("content-type")),
        (404, "text/html; charset=utf-8")
    );
    assert!(lost.text.contains("href=\"/bookstore/docs\""));
    let program = app.call("GET /bookstore/nothing").await;
    assert_eq!(
        (program.status, program.header("content-type")),
        (404, "application/json")
    );
    // An address with a route answers a browser as it answers a program.
    let route = app.send("GET /bookstore/info/999", &[BROWSER], Body::empty()).await;
    assert_eq!(route.text, app.call("GET /bookstore/info/999").await.text);
}

#[tokio::test]
async fn documents_are_sent_whole_and_conditionally() {
    let app = RestApp::open().await;
    for path in ["openapi.json", "docs"] {
        let line = format!("GET /bookstore/{path}");
        let whole = app.call(&line).await;
        let tag = whole.header("etag").to_owned();
        assert!(
            tag.starts_with("W/\""),
            "{line}: compressed or not, it is the same: {tag}"
        );
        let strong = tag.trim_start_matches("W/").to_owned();
        for (name, value, status) in [
            ("if-none-match", tag.clone(), 304),
            ("if-none-match", strong.clone(), 304),
            ("if-none-match", format!("\"other\", {tag}"), 304),
            ("if-none-match", "*".to_owned(), 304),
            ("if-none-match", "\"other\"".to_owned(), 200),
            ("if-none-match", format!("\"x{}", &strong[1..]), 200),
            ("if-match", "*".to_owned(), 200),
            ("if-match", tag.clone(), 412),
            ("if-match", "\"other\"".to_owned(), 412),
            // The files have no date, and the server does not serve ranges.
            ("if-modified-since", "Sat, 01 Jan 2050 00:00:00 GMT".to_owned(), 200),
            ("if-unmodified-since", "Sat, 01 Jan 2000 00:00:00 GMT".to_owned(), 200),
            ("range", "bytes=0-9".to_owned(), 200),
            ("range", "bytes=-0".to_owned(), 200),
            ("range", "nonsense".to_owned(), 200),
        ] {
            let answered = app.send(&line, &[(name, value.as_str())], Body::empty()).await;
            assert_eq!(answered.status, status, "{line} {name}: {value}");
            assert_eq!(answered.header("content-range"), "", "{line} {name}: {value}");
            match status {
                200 => assert_eq!(answered.text, whole.text, "{line} {name}: {value}"),
                304 => assert_eq!((answered.text.as_str(), answered.header("etag")), ("", tag.as_str())),
                _ => assert_eq!(answered.json()["success"], false),
            }
        }
    }
}

#[tokio::test]
async fn routes_evaluate_preconditions_without_a_tag_or_date() {
    let app = RestApp::open().await;
    for (line, name, value, status) in [
        ("GET /bookstore/info/1", "if-match", "\"a\"", 412),
        ("GET /bookstore/info/1", "if-match", "*", 200),
        ("GET /bookstore/info/1", "if-none-match", "\"a\"", 200),
        (
            "GET /bookstore/info/1",
            "if-modified-since",
            "Sat, 01 Jan 2050 00:00:00 GMT",
            200,
        ),
        ("GET /bookstore/info/1", "range", "bytes=0-1", 200),
        ("POST /bookstore/purchase/1", "if-match", "\"a\"", 412),
        ("POST /bookstore/purchase/1", "if-match", "W/\"a\"", 412),
        ("POST /bookstore/purchase/1", "if-none-match", "*", 412),
        ("DELETE /bookstore/catalog/books/7", "if-match", "\"a\", \"b\"", 412),
        (
            "POST /bookstore/purchase/1",
            "if-unmodified-since",
            "Sat, 01 Jan 2000 00:00:00 GMT",
            200,
        ),
        ("POST /bookstore/purchase/1", "range", "bytes=0-1", 200),
    ] {
        let before = app.sales().await;
        let answered = app.send(line, &[(name, value)], Body::empty()).await;
        assert_eq!(answered.status, status, "{line} {name}: {value}: {}", answered.text);
        let sold = usize::from(line.starts_with("POST") && status == 200);
        assert_eq!(app.sales().await, before + sold, "{line} {name}: {value}");
    }
}

#[tokio::test]
async fn an_unsupported_media_type_is_refused_with_the_accepted_ones() {
    let app = RestApp::open().await;
    let book = r#"{"title":"x","topic":"y","quantity":1,"price":1}"#;
    let trade = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;
    let forms = "application/json, application/x-www-form-urlencoded";
    for (line, body, headers, header, accepted) in [
        (
            "POST /bookstore/catalog/books",
            book,
            &[("content-type", "text/xml")][..],
            "accept",
            "application/json",
        ),
        (
            "POST /bazaar/orders",
            trade,
            &[("content-type", "text/xml")],
            "accept",
            forms,
        ),
        (
            "POST /bazaar/orders",
            trade,
            &[("content-type", "application/json"), ("content-type", "text/xml")],
            "accept",
            forms,
        ),
        (
            "POST /bazaar/orders",
            trade,
            &[("content-encoding", "gzip")],
            "accept-encoding",
            "identity",
        ),
        (
            "POST /bookstore/catalog/books",
            book,
            &[("content-encoding", "identity, br")],
            "accept-encoding",
            "identity",
        ),
    ] {
        let answered = app.send(line, headers, body).await;
        assert_eq!(
            (answered.status, answered.header(header)),
            (415, accepted),
            "{line} {headers:?}: {}",
            answered.text
        );
    }
    let plain = app
        .send("POST /bazaar/orders", &[("content-encoding", "Identity")], trade)
        .await;
    assert_eq!(plain.status, 200, "{}", plain.text);
}
