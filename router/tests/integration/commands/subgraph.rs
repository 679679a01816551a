//! `agora subgraph`, and a router over it: the same graph as in one process.

mod rest;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contract::{Identity, TokenKeys};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::http::send;
use crate::{Server, printed, run, text};

/// A data folder with the demo's data.
const DATA: &str = "data/demo";
const KEYS: &str = "data/demo/keys.json";

/// A subgraph process and a router over it.
struct Distributed {
    router: Server,
    subgraphs: Server,
}

impl Distributed {
    /// Starts both over the demo's data in the folder.
    fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[], 0)
    }

    /// As [`start`](Self::start), with more arguments of the router, which open that many further listeners.
    fn start_with(folder: &Path, more: &[&str], listeners: usize) -> Self {
        let subgraphs = Server::start_with(folder, &["subgraph", "all", "--data", DATA], 0);
        printed(folder, &["schema", "--supergraph", "--out", "supergraph.graphql"], "");
        let mut arguments = ["router", "--supergraph", "supergraph.graphql", "--internal-keys", KEYS]
            .map(str::to_owned)
            .to_vec();
        for name in agora::domains::names() {
            let url = format!("{name}={}/{name}/graphql", subgraphs.url);
            arguments.extend(["--subgraph".to_owned(), url]);
        }
        let arguments: Vec<&str> = arguments
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        Self {
            router: Server::start_with(folder, &arguments, listeners),
            subgraphs,
        }
    }
}

/// Makes the demo's data, and returns the answer of a server in one process to this query.
fn embedded_answer(folder: &Path, query: &str) -> Value {
    let server = Server::start_with(folder, &["demo", "--price-feed-ms", "0"], 0);
    let answer = server.graphql(query, Some(&sign_in(&server, "ada")));
    assert!(server.stop());
    answer
}

fn sign_in(server: &Server, name: &str) -> String {
    let query = format!(r#"mutation {{ login(login: "{name}", password: "agora-demo-2026") {{ token }} }}"#);
    let answer = server.graphql(&query, None);
    let token = answer["data"]["login"]["token"].as_str();
    token.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// A query over accounts, wallet, brokerage, exchange, messages, bookstore and the router's own `nodes`.
const ACROSS: &str = r#"{
    me { username wallet { balance } holdings(first: 3) { nodes { free stock { name price } } } inbox(first: 2) { nodes { contents } } }
    books(first: 2) { nodes { id title price } }
    node(id: "book_2") { ... on Book { title } }
}"#;

#[test]
fn a_query_over_several_domains_has_the_answer_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = embedded_answer(folder.path(), ACROSS);
    assert!(embedded.get("errors").is_none(), "{embedded}");
    let agora = Distributed::start(folder.path());
    let token = sign_in(&agora.router, "ada");
    assert_eq!(agora.router.graphql(ACROSS, Some(&token)), embedded);
    assert!(
        agora.router.stop() && agora.subgraphs.stop(),
        "SIGTERM was not a clean end"
    );
}

#[test]
fn a_mutation_and_its_error_codes_pass_through_the_router() {
    let folder = tempfile::tempdir().unwrap();
    embedded_answer(folder.path(), "{ __typename }");
    let agora = Distributed::start(folder.path());
    let buy = r#"mutation { purchaseBook(id: "book_2", idempotencyKey: "k") { id book { id title } } }"#;
    let refused = agora.router.graphql(buy, None);
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
        "{refused}"
    );
    let token = sign_in(&agora.router, "ada");
    let bought = agora.router.graphql(buy, Some(&token));
    assert_eq!(bought["data"]["purchaseBook"]["book"]["id"], "book_2", "{bought}");
    assert_eq!(agora.router.graphql(buy, Some(&token)), bought, "the key was forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_passes_through_the_router() {
    let folder = tempfile::tempdir().unwrap();
    embedded_answer(folder.path(), "{ __typename }");
    let agora = Distributed::start(folder.path());
    let [ada, ben] = ["ada", "ben"].map(|name| sign_in(&agora.router, name));
    let url = agora.router.url.replace("http://", "ws://") + "/graphql";
    let mut request = url.into_client_request().unwrap();
    let protocol = "graphql-transport-ws".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {ada}") } });
    let query = "subscription { newMessage { contents from { username } } }";
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": query } });
    for message in [init, subscribe] {
        socket.send(Message::text(message.to_string())).await.unwrap();
    }
    // A message that was sent before the subscription was open does not arrive, so another one is sent until one does.
    let has_arrived = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&has_arrived);
    let sender = tokio::task::spawn_blocking(move || {
        while !until.load(Ordering::Relaxed) {
            let send = r#"mutation { sendMessage(to: "ada", contents: "hello") { id } }"#;
            let sent = agora.router.graphql(send, Some(&ben));
            assert!(sent.get("errors").is_none(), "{sent}");
        }
        agora
    });
    let received = loop {
        let frame = socket.next().await.expect("an open socket").expect("a frame");
        let Message::Text(text) = frame else { continue };
        let message: Value = serde_json::from_str(&text).unwrap();
        match message["type"].as_str() {
            Some("connection_ack" | "ping" | "pong") => {}
            _ => break message,
        }
    };
    let expected = json!({ "newMessage": { "contents": "hello", "from": { "username": "ben" } } });
    assert_eq!(received["payload"]["data"], expected, "{received}");
    has_arrived.store(true, Ordering::Relaxed);
    let agora = sender.await.unwrap();
    assert!(
        agora.router.stop() && agora.subgraphs.stop(),
        "SIGTERM was not a clean end"
    );
}

#[test]
fn a_subgraph_answers_only_requests_with_a_token_for_it() {
    let folder = tempfile::tempdir().unwrap();
    embedded_answer(folder.path(), "{ __typename }");
    let subgraphs = Server::start_with(folder.path(), &["subgraph", "bookstore,wallet", "--data", DATA], 0);
    let address: SocketAddr = subgraphs.url.trim_start_matches("http://").parse().unwrap();
    let keys = TokenKeys::load(&folder.path().join(KEYS)).unwrap();
    let now_us = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_micros() as i64;
    let token_for = |subgraph: &str, now_us: i64| keys.sign_internal(&Identity::ANONYMOUS, subgraph, now_us, 60);
    let post = |subgraph: &str, token: Option<&str>| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        let body = json!({ "query": "{ _service { sdl } }" }).to_string();
        send(address, &format!("POST /{subgraph}/graphql"), &headers, &body)
    };
    let (status, answer) = post("bookstore", Some(&token_for("bookstore", now_us)));
    assert!(status == 200 && answer.contains("type Book"), "{status} {answer}");
    let (own, _) = keys.sign_service("feed", now_us, 60);
    let refused = [
        None,
        Some(token_for("wallet", now_us)),
        Some(token_for("bookstore", now_us - 61_000_000)),
        Some(own),
        Some("nonsense".to_owned()),
    ];
    for token in refused {
        let (status, answer) = post("bookstore", token.as_deref());
        assert!(
            status == 401 && answer.contains("UNAUTHENTICATED"),
            "{token:?}: {status} {answer}"
        );
    }
    let (status, _) = post("accounts", Some(&token_for("accounts", now_us)));
    assert_eq!(status, 404, "a subgraph that is not served answers");
    assert_eq!(send(address, "GET /health", &[], "").0, 200);
}

#[test]
fn a_token_whose_session_has_ended_is_of_no_use_behind_the_router() {
    let folder = tempfile::tempdir().unwrap();
    embedded_answer(folder.path(), "{ __typename }");
    let agora = Distributed::start(folder.path());
    let token = sign_in(&agora.router, "ada");
    let query = "{ me { username } }";
    assert_eq!(
        agora.router.graphql(query, Some(&token))["data"]["me"]["username"],
        "ada"
    );
    let ended = agora.router.graphql("mutation { logout }", Some(&token));
    assert!(ended.get("errors").is_none(), "{ended}");
    let refused = agora.router.graphql(query, Some(&token));
    assert!(
        refused.get("errors").is_some() && refused["data"]["me"].is_null(),
        "{refused}"
    );
}

#[test]
fn an_unknown_subgraph_is_refused_with_the_names_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(folder.path(), &["subgraph", "weather"], "");
    let said = text(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("accounts, bookstore"),
        "{said}"
    );
}

#[test]
fn the_script_runs_both_processes_and_ends_them() {
    let folder = tempfile::tempdir().unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/distributed");
    let ports = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [listen, subgraphs] = ports.map(|port| port.local_addr().unwrap());
    let mut command = Command::new(script);
    command
        .args([
            "--data",
            "fresh",
            "--listen",
            &listen.to_string(),
            "--subgraphs",
            &subgraphs.to_string(),
        ])
        .current_dir(folder.path())
        .env("AGORA", env!("CARGO_BIN_EXE_agora"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("the script starts");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert!(line.contains("ready"), "{line}");
    let body = json!({ "query": "{ books { nodes { id } } }" }).to_string();
    let (status, answer) = send(listen, "POST /graphql", &[], &body);
    assert_eq!((status, &*answer), (200, r#"{"data":{"books":{"nodes":[]}}}"#));
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(asked.unwrap().success() && child.wait().unwrap().success());
    for address in [listen, subgraphs] {
        let connected = std::net::TcpStream::connect(address);
        assert!(connected.is_err(), "{address} still answers");
    }
    let files: BTreeSet<_> = std::fs::read_dir(folder.path().join("fresh"))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert!(files.contains(std::ffi::OsStr::new("agora.db")), "{files:?}");
}
