//! The credentials of services: created, listed, and revoked while the server runs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Server, printed, run, text};

/// A query that only operators may run.
const FOR_OPERATORS: &str = "{ bookPurchases { nodes { id } } }";
const SUBSCRIPTION: &str = "subscription { cacheInvalidated { key } }";

/// Creates a credential of that service and returns it with its id.
fn make(folder: &Path, service: &str) -> (String, String) {
    let made = run(folder, &["token", "--service", service], "");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let id = text(&made.stderr);
    let id = id.split("credential ").nth(1).and_then(|rest| rest.split(';').next());
    (
        text(&made.stdout).trim().to_owned(),
        id.expect("the id is told").to_owned(),
    )
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("OK")
}

/// Opens a long-lived response and returns its connection once the response has begun. A read that takes too long fails the test.
fn connect(server: &Server, request: &str) -> TcpStream {
    let address = server.url.strip_prefix("http://").expect("an HTTP address");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a timeout");
    stream
        .write_all(request.replace("HOST", address).as_bytes())
        .expect("sent or read");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("sent or read");
    stream
}

fn watch(server: &Server, token: &str) -> TcpStream {
    let body = json!({ "query": SUBSCRIPTION }).to_string();
    let length = body.len();
    connect(
        server,
        &format!(
            "POST /graphql HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\naccept: text/event-stream\r\n\
             content-type: application/json\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
    )
}

/// Opens a WebSocket with the credential in its handshake, and sends its `connection_init` (masked with zeros: RFC 6455, section
/// 5.3).
fn socket(server: &Server, token: &str) -> TcpStream {
    let mut stream = connect(
        server,
        &format!(
            "GET /graphql HTTP/1.1\r\nhost: HOST\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: graphql-transport-ws\r\nauthorization: Bearer {token}\r\n\r\n"
        ),
    );
    let init = br#"{"type":"connection_init"}"#;
    let mut frame = vec![0x81, 0x80 | init.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(init);
    stream.write_all(&frame).expect("sent or read");
    let mut read = Vec::new();
    while !text(&read).contains("connection_ack") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("sent or read");
        read.push(byte[0]);
    }
    stream
}

fn until_end(mut stream: TcpStream) -> String {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the server ends it");
    text(&rest)
}

#[test]
fn a_revoked_credential_is_refused_and_its_streams_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, "serve");
    let (token, id) = make(folder, "stock-room");
    let (other, other_id) = make(folder, "stock-room");
    assert_ne!(id, other_id);
    let ask = |server: &Server, token: &str| code(&server.graphql(FOR_OPERATORS, Some(token))).to_owned();
    assert_eq!((ask(&server, &token), ask(&server, &other)), ("OK".into(), "OK".into()));
    let (events, socket) = (watch(&server, &token), socket(&server, &token));
    let listed = printed(folder, &["token", "list"], "");
    let line = |id: &str| listed.lines().find(|line| line.starts_with(id)).unwrap_or_default();
    for id in [&id, &other_id] {
        assert!(
            line(id).contains("\tstock-room\t") && line(id).ends_with("\tholds"),
            "{listed}"
        );
    }
    assert!(!listed.contains(&token));

    let said = printed(folder, &["token", "revoke", &id], "");

    assert!(said.contains(&id), "{said}");
    assert_eq!(
        (ask(&server, &token), ask(&server, &other)),
        ("UNAUTHENTICATED".into(), "OK".into())
    );
    let over = until_end(events);
    assert!(over.contains("UNAUTHENTICATED"), "{over}");
    assert!(until_end(socket).contains("Unauthorized"));
    let rest = server.post("/community/messages", &json!({}), Some(&token));
    assert_eq!(rest["status"], 401, "{rest}");
    let listed = printed(folder, &["token", "list"], "");
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with(&id) && line.contains("\trevoked ")),
        "{listed}"
    );
    printed(folder, &["token", "revoke", &id], "");

    assert!(server.stop());
    let server = Server::start(folder, "serve");
    assert_eq!(
        (ask(&server, &token), ask(&server, &other)),
        ("UNAUTHENTICATED".into(), "OK".into())
    );
    printed(folder, &["token", "revoke", "--service", "stock-room"], "");
    assert_eq!(ask(&server, &other), "UNAUTHENTICATED");
    let (after, _) = make(folder, "stock-room");
    assert_eq!(ask(&server, &after), "OK");
}

#[test]
fn an_impossible_revocation_is_reported_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(Server::start(folder, "serve").stop());
    let (_, id) = make(folder, "feed");
    for (arguments, why) in [
        (
            &["token", "revoke", "nonsense"][..],
            "no credential with the id nonsense",
        ),
        (&["token", "revoke"], "ID"),
        (&["token", "revoke", &id, "--service", "feed"], "cannot be used with"),
        (&["token"], "--service"),
        (&["token", "--service", " "], "service"),
    ] {
        let refused = run(folder, arguments, "");
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains(why), "{arguments:?}: {said}");
    }
    assert!(printed(folder, &["token", "list"], "").contains("holds"));
}

#[test]
fn credentials_made_at_the_same_time_are_all_listed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(Server::start(folder, "serve").stop());
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || make(folder, &format!("program{number}")));
        }
    });
    assert_eq!(printed(folder, &["token", "list"], "").lines().count(), 8);
}
