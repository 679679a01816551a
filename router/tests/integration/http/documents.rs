//! Documents that requests name: automatic persisted queries, and trusted documents.

use std::path::PathBuf;
use std::sync::Arc;

use agora::app::App;
use agora::config::Settings;
use agora::documents::{DocumentSettings, UntrustedDocuments};
use contract::SystemClock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::socket::Socket;
use crate::test_server::{TestResponse, TestServer, request};

const HELLO: &str = "{ hello }";
const HELLO_HASH: &str = "001c3174e099bd72b729d0c0a529ba9f5a740c446e2a6e1d71b283cb84ec3065";

async fn send(server: &TestServer, body: &Value) -> TestResponse {
    let headers = [
        ("content-type", "application/json"),
        ("accept", "application/graphql-response+json"),
    ];
    server
        .send(request("POST", "/graphql", &headers, body.to_string()))
        .await
}

fn hash_of(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The extensions of Apollo's protocol.
fn named(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

/// A folder with a manifest, and settings that name it.
fn manifest(text: &str, untrusted_documents: UntrustedDocuments) -> (TempDir, DocumentSettings) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("manifest.json");
    std::fs::write(&path, text).unwrap();
    let settings = DocumentSettings {
        trusted_documents: path,
        untrusted_documents,
        ..DocumentSettings::default()
    };
    (folder, settings)
}

fn hello_manifest(untrusted_documents: UntrustedDocuments) -> (TempDir, DocumentSettings) {
    manifest(&json!({ "greeting": HELLO }).to_string(), untrusted_documents)
}

#[tokio::test]
async fn a_registered_document_is_answered_by_its_hash() {
    let server = TestServer::with_documents(&DocumentSettings::default()).await;
    let hash = hash_of(HELLO);
    let unknown = send(&server, &json!({ "extensions": named(&hash) })).await;
    assert_eq!(unknown.status, 200);
    assert_eq!(
        unknown.json()["errors"],
        json!([{ "message": "PersistedQueryNotFound", "extensions": { "code": "PERSISTED_QUERY_NOT_FOUND" } }])
    );
    let registered = send(&server, &json!({ "query": HELLO, "extensions": named(&hash) })).await;
    assert_eq!(registered.json(), json!({ "data": { "hello": "hello 0" } }));
    let by_post = send(&server, &json!({ "extensions": named(&hash.to_uppercase()) })).await;
    let extensions = named(&hash)
        .to_string()
        .replace('"', "%22")
        .replace('{', "%7B")
        .replace('}', "%7D");
    let by_get = server
        .send(request("GET", &format!("/graphql?extensions={extensions}"), &[], ""))
        .await;
    let mut socket = Socket::of(&server, 1).await;
    socket
        .send(json!({ "id": "1", "type": "subscribe", "payload": { "extensions": named(&hash) } }))
        .await;
    let by_socket = socket.message().await["payload"].clone();
    for answer in [by_post.json(), by_get.json(), by_socket] {
        assert_eq!(answer, json!({ "data": { "hello": "hello 0" } }));
    }
    let meters = &server.gateway.documents.meters;
    assert_eq!(
        (meters.hits.value(), meters.misses.value(), meters.registered.value()),
        (3, 1, 1)
    );
}

#[tokio::test]
async fn a_document_cannot_be_registered_under_the_hash_of_another() {
    let server = TestServer::with_documents(&DocumentSettings::default()).await;
    let hash = hash_of("{ who }");
    let poisoned = send(&server, &json!({ "query": HELLO, "extensions": named(&hash) })).await;
    assert_eq!(
        (poisoned.status.as_u16(), poisoned.code().as_deref()),
        (400, Some("INVALID_INPUT"))
    );
    assert!(
        poisoned.text.contains("extensions.persistedQuery.sha256Hash"),
        "{}",
        poisoned.text
    );
    let unknown = send(&server, &json!({ "extensions": named(&hash) })).await;
    assert_eq!(unknown.code().as_deref(), Some("PERSISTED_QUERY_NOT_FOUND"));
}

#[tokio::test]
async fn an_error_names_the_part_of_a_reference_that_is_wrong() {
    let server = TestServer::with_documents(&DocumentSettings::default()).await;
    let table = [
        (
            json!({ "extensions": { "persistedQuery": {} } }),
            "extensions.persistedQuery.version",
        ),
        (
            json!({ "extensions": { "persistedQuery": { "version": 2, "sha256Hash": HELLO_HASH } } }),
            "version must be 1",
        ),
        (
            json!({ "extensions": { "persistedQuery": { "version": 1 } } }),
            "extensions.persistedQuery.sha256Hash",
        ),
        (
            json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": 1 } } }),
            "sha256Hash",
        ),
        (
            json!({ "extensions": { "persistedQuery": [] }, "query": HELLO }),
            "extensions.persistedQuery.version",
        ),
        (json!({ "extensions": [] }), "a JSON object"),
        (
            json!({ "documentId": "greeting" }),
            "documentId: this server has no trusted documents",
        ),
        (
            json!({ "documentId": "greeting", "query": HELLO }),
            "query and documentId",
        ),
        (
            json!({ "extensions": { "persistedQuery": null } }),
            "query must be given",
        ),
    ];
    for (body, expected) in table {
        let answered = send(&server, &body).await;
        assert_eq!(
            (answered.status.as_u16(), answered.code().as_deref()),
            (400, Some("INVALID_INPUT")),
            "{body}"
        );
        assert!(answered.text.contains(expected), "{body}: {}", answered.text);
    }
}

#[tokio::test]
async fn the_least_used_documents_give_way() {
    let settings = DocumentSettings {
        persisted_query_bytes_max: 16 * 1024,
        ..DocumentSettings::default()
    };
    let server = TestServer::with_documents(&settings).await;
    let document = |number: usize| format!("{{ hello(n: {number}) }} # {}", "x".repeat(1_000));
    for number in 0..64 {
        let text = document(number);
        let body = json!({ "query": text, "extensions": named(&hash_of(&text)) });
        assert_eq!(
            send(&server, &body).await.json()["data"]["hello"],
            format!("hello {number}")
        );
    }
    let mut known = 0;
    for number in 0..64 {
        let answered = send(&server, &json!({ "extensions": named(&hash_of(&document(number))) })).await;
        known += usize::from(answered.code().is_none());
    }
    assert!((1..=16).contains(&known), "{known}");
    // A document that is too large for the caches of documents is answered, but not kept.
    let long = format!(
        "{HELLO} # {}",
        "x".repeat(server.gateway.limits.cached_document_bytes_max)
    );
    let body = json!({ "query": long, "extensions": named(&hash_of(&long)) });
    assert_eq!(send(&server, &body).await.json()["data"]["hello"], "hello 0");
    let answered = send(&server, &json!({ "extensions": named(&hash_of(&long)) })).await;
    assert_eq!(answered.code().as_deref(), Some("PERSISTED_QUERY_NOT_FOUND"));
}

#[tokio::test]
async fn a_trusted_document_is_named_by_its_id_or_its_hash() {
    let (_folder, settings) = hello_manifest(UntrustedDocuments::Serve);
    let settings = DocumentSettings {
        persisted_queries: false,
        ..settings
    };
    let server = TestServer::with_documents(&settings).await;
    let hash = hash_of(HELLO);
    for body in [
        json!({ "documentId": "greeting" }),
        json!({ "documentId": format!("sha256:{hash}") }),
        json!({ "extensions": named(&hash) }),
        json!({ "extensions": named("greeting") }),
        json!({ "query": HELLO, "extensions": named("greeting") }),
        json!({ "query": "{ hello }" }),
        json!({ "query": "{ hello } # another text" }),
    ] {
        assert_eq!(send(&server, &body).await.json()["data"]["hello"], "hello 0", "{body}");
    }
    let by_get = server
        .send(request("GET", "/graphql?documentId=greeting", &[], ""))
        .await;
    assert_eq!(by_get.json()["data"]["hello"], "hello 0");
    let unknown = send(&server, &json!({ "documentId": "other" })).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code().as_deref()),
        (400, Some("DOCUMENT_NOT_FOUND"))
    );
    assert!(unknown.text.contains("documentId"), "{}", unknown.text);
    // Nothing can be registered, so clients are told to send texts from now on.
    let unsupported = send(&server, &json!({ "extensions": named(&hash_of("{ who }")) })).await;
    assert_eq!(unsupported.code().as_deref(), Some("PERSISTED_QUERY_NOT_SUPPORTED"));
}

#[tokio::test]
async fn only_trusted_documents_are_answered_where_others_are_refused() {
    let (_folder, settings) = hello_manifest(UntrustedDocuments::Refuse);
    let server = TestServer::with_documents(&settings).await;
    for body in [json!({ "documentId": "greeting" }), json!({ "query": HELLO })] {
        assert_eq!(send(&server, &body).await.json()["data"]["hello"], "hello 0", "{body}");
    }
    let other = "{ hello } # another text";
    for body in [
        json!({ "query": other }),
        json!({ "query": "{ __typename }" }),
        json!({ "query": other, "extensions": named(&hash_of(other)) }),
        json!({ "extensions": named(&hash_of(other)) }),
    ] {
        let refused = send(&server, &body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_deref()),
            (403, Some("DOCUMENT_NOT_TRUSTED")),
            "{body}"
        );
    }
    assert_eq!(server.gateway.documents.meters.untrusted.value(), 3);
    let mut socket = Socket::of(&server, 1).await;
    socket.subscribe("1", other).await;
    assert_eq!(socket.error_code("1").await, "DOCUMENT_NOT_TRUSTED");
}

#[tokio::test]
async fn other_documents_are_counted_where_they_are_reported() {
    let (_folder, settings) = hello_manifest(UntrustedDocuments::Report);
    let server = TestServer::with_documents(&settings).await;
    for (text, untrusted) in [(HELLO, 0), ("{ hello } #", 1), ("{ hello } #", 2)] {
        assert_eq!(
            send(&server, &json!({ "query": text })).await.json()["data"]["hello"],
            "hello 0"
        );
        assert_eq!(server.gateway.documents.meters.untrusted.value(), untrusted, "{text}");
    }
}

#[tokio::test]
async fn a_manifest_with_a_document_that_the_schema_refuses_stops_the_start() {
    let (folder, documents) = manifest(
        &json!({ "right": "{ stocks(first: 1) { nodes { name } } }", "wrong": "{ stocks(first: 1) { nodes { nope } } }" })
            .to_string(),
        UntrustedDocuments::Serve,
    );
    let mut settings = Settings::default();
    settings.server.data = folder.path().join("data");
    settings.documents = documents;
    let refusal = App::open(&settings, Arc::new(SystemClock))
        .await
        .err()
        .unwrap()
        .to_string();
    for part in ["documents.trusted_documents", "manifest.json", "`wrong`", "nope"] {
        assert!(refusal.contains(part), "{refusal}");
    }
    let missing = DocumentSettings {
        trusted_documents: folder.path().join("missing.json"),
        ..DocumentSettings::default()
    };
    let refusal = agora::documents::Documents::open(&missing).unwrap_err().to_string();
    assert!(refusal.contains("missing.json"), "{refusal}");
}
