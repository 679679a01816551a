//! The access log of the real program: a line for each request and each operation of a WebSocket.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use testing::Request;
use tests::HttpClient;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::killed::command::{ServerProcess, demo_with};

/// A server that logs every request as JSON.
fn server() -> (ServerProcess, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let arguments = ["--log", "info", "--log-format", "json"];
    (ServerProcess::start_with_json_log(demo_with(&data, &arguments)), folder)
}

/// Returns the line with this request's id, once it is written.
fn line_of(server: &ServerProcess, id: &str) -> Value {
    line_with(server, &format!("\"id\":\"{id}\""))
}

/// Returns the fields of the line with this text, together with the members beside them.
fn line_with(server: &ServerProcess, text: &str) -> Value {
    let line = server.log.line_with(text);
    let mut line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let fields = line["fields"].take();
    line.as_object_mut()
        .expect("an object")
        .extend(fields.as_object().expect("fields").clone());
    line
}

/// Checks the members that a line has, and those that it lacks (`null` here).
fn has(line: &Value, members: Value) {
    for (name, value) in members.as_object().expect("members") {
        assert_eq!(&line[name], value, "{name} of {line}");
    }
    assert!(
        line["took_ms"].is_f64() && line["took_ms"].as_f64() >= Some(0.0),
        "{line}"
    );
}

#[tokio::test]
async fn a_line_names_the_viewer_the_operation_and_its_errors() {
    let (server, _folder) = server();
    let anonymous = HttpClient::new(&server.url);
    let ada = anonymous.sign_in("ada").await;
    let send = async |client: &HttpClient, id: &str, document: &str| {
        let request = Request::new(document, json!({})).header("x-request-id", id);
        client.execute(request).await
    };
    send(&ada, "known", "query Mine { me { id } }").await;
    let me = send(&ada, "unnamed", "{ me { id } }").await.id("me.id");
    let graph = json!({ "message": "answered", "method": "POST", "path": "/graphql", "target": "agora::access" });
    let line = line_of(&server, "known");
    has(&line, graph.clone());
    has(
        &line,
        json!({ "status": 200, "viewer": "user", "viewer_id": me, "operation": "Mine", "kind": "query", "codes": null }),
    );
    has(
        &line_of(&server, "unnamed"),
        json!({ "operation": null, "kind": "query" }),
    );

    send(
        &anonymous,
        "failed",
        "mutation Buy { purchaseBook(id: \"book_999\") { id } }",
    )
    .await;
    let line = line_of(&server, "failed");
    has(
        &line,
        json!({ "viewer": "anonymous", "viewer_id": null, "operation": "Buy", "kind": "mutation" }),
    );
    assert!(line["codes"].is_string(), "{line}");
    send(&anonymous, "invalid", "query Wrong { nothing }").await;
    has(
        &line_of(&server, "invalid"),
        json!({ "kind": null, "codes": "GRAPHQL_VALIDATION_FAILED" }),
    );
}

#[tokio::test]
async fn a_line_of_a_rest_request_names_its_route() {
    let (server, _folder) = server();
    let client = HttpClient::new(&server.url);
    let get = async |id: &str, path: &str| {
        client
            .send(client.request("GET", path).header("x-request-id", id))
            .await
    };
    get("found", "/bookstore/info/2").await;
    let line = line_of(&server, "found");
    has(
        &line,
        json!({ "status": 200, "path": "/bookstore/info/2", "kind": "query", "codes": null }),
    );
    assert!(line["route"].is_string(), "{line}");
    get("missing", "/bookstore/info/999").await;
    let missing = line_of(&server, "missing");
    has(
        &missing,
        json!({ "status": 404, "route": line["route"], "codes": "NOT_FOUND" }),
    );
    get("nowhere", "/bookstore/nothing/here").await;
    has(
        &line_of(&server, "nowhere"),
        json!({ "status": 404, "route": null, "codes": "NOT_FOUND" }),
    );
}

#[tokio::test]
async fn a_line_of_a_sampled_request_has_the_id_of_its_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    // Nothing receives the spans, which does not matter here.
    let arguments = [
        "--log",
        "info",
        "--log-format",
        "json",
        "--otlp-endpoint",
        "http://127.0.0.1:9",
        "--trace-sample-ratio",
        "0",
    ];
    let server = ServerProcess::start_with_json_log(demo_with(&data, &arguments));
    let client = HttpClient::new(&server.url);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let get = |id: &str, flags: &str| {
        let get = client.request("GET", "/bookstore/info/2").header("x-request-id", id);
        get.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-{flags}"))
    };
    client.send(get("sampled", "01")).await;
    client.send(get("unsampled", "00")).await;
    has(
        &line_of(&server, "sampled"),
        json!({ "trace_id": trace, "status": 200 }),
    );
    has(
        &line_of(&server, "unsampled"),
        json!({ "trace_id": null, "status": 200 }),
    );
}

#[tokio::test]
async fn a_clients_text_stays_on_its_line_and_is_cut() {
    let (server, _folder) = server();
    let client = HttpClient::new(&server.url);
    let send = async |id: &str, name: &str| {
        let request = Request::new("query A { me { id } } query B { me { id } }", json!({}));
        client.execute(request.operation(name).header("x-request-id", id)).await;
    };
    send("broken", "a\n{\"message\":\"forged\"}\r\u{1b}[2J").await;
    let line = line_of(&server, "broken");
    has(
        &line,
        json!({ "codes": "OPERATION_NOT_FOUND", "operation": "a\\n{\"message\":\"forged\"}\\r\\u{1b}[2J" }),
    );
    let all = server.log.text();
    assert!(
        all.lines().all(|line| !line.starts_with("{\"message\":\"forged\"")),
        "{all}"
    );
    send("long", &"n".repeat(5_000)).await;
    let line = line_of(&server, "long");
    assert_eq!(line["operation"].as_str().map(|name| name.chars().count()), Some(65));
}

#[tokio::test]
async fn an_operation_of_a_web_socket_has_a_line_when_it_ends() {
    let (server, _folder) = server();
    let url = format!("{}/graphql", server.url.replacen("http", "ws", 1));
    let mut request = url.into_client_request().expect("an address");
    let headers = request.headers_mut();
    headers.insert(
        "sec-websocket-protocol",
        "graphql-transport-ws".parse().expect("a header"),
    );
    headers.insert("x-request-id", "socket".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a WebSocket");
    let start = json!({ "id": "1", "type": "subscribe", "payload": { "query": "query Books { books(first: 1) { nodes { id } } }" } });
    for message in [json!({ "type": "connection_init" }), start] {
        socket.send(Message::text(message.to_string())).await.expect("sent");
    }
    loop {
        let message = socket.next().await.expect("a message").expect("a message");
        if message.into_text().expect("a text").contains("\"complete\"") {
            break;
        }
    }
    let line = line_with(&server, "operation ended");
    has(
        &line,
        json!({
            "id": "socket", "transport": "websocket", "operation": "Books", "kind": "query", "answers": 1,
            "viewer": "anonymous", "codes": null
        }),
    );
}
