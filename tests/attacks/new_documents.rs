//! Large documents and names, each of them new: the server forgets each one when it has answered it.

use serde_json::{Value, json};
use tests::HttpClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::target::Target;
use super::wire::{address_of, frame, websocket};

/// The clients that send at once: few, because the normal caller shares the processors with them.
const CLIENTS: usize = 2;
/// The bytes of a document that nearly fills a request.
const LARGE: usize = 900_000;
/// The bytes of a document that is short enough to be cached.
const MEDIUM: usize = 32_000;

/// The kinds of requests.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A field that the schema does not have.
    Invalid,
    /// A parenthesis that is never closed.
    Unparsable,
    /// A query beside a long comment.
    Valid,
    /// A query with a long alias and a long name.
    LongNames,
    /// A query that selects the same fields very often.
    ManyFields,
    /// A short document of which an operation with a long name is requested.
    UnknownOperation,
    /// An introspection with a long variable.
    Introspection,
}

/// The kinds whose size is the size of their document.
const DOCUMENTS: [Kind; 4] = [Kind::Invalid, Kind::Unparsable, Kind::Valid, Kind::LongNames];

impl Kind {
    /// Returns a request of this kind that no other turn has.
    fn request(self, turn: usize, bytes: usize) -> Value {
        let filling = "d".repeat(bytes);
        let query = match self {
            Self::Invalid => format!("{{ nope{turn} }} #{filling}"),
            Self::Unparsable => format!("{{ book{turn}( #{filling}"),
            Self::Valid => format!("{{ book(id: 1) {{ id }} }} #{turn} {filling}"),
            Self::LongNames => {
                let (name, alias) = filling.split_at(bytes / 2);
                format!("query Q{turn}{name} {{ a{turn}{alias}: book(id: 1) {{ id }} }}")
            }
            Self::ManyFields => format!("{{ book(id: 1) {{ {} }} }} #{turn}", "id ".repeat(bytes / 3)),
            Self::UnknownOperation => {
                let operation = format!("Q{turn}{filling}");
                return json!({ "query": "{ book(id: 1) { id } }", "operationName": operation });
            }
            Self::Introspection => {
                let query = "query($name: String!) { __type(name: $name) { name } }";
                return json!({ "query": query, "variables": { "name": format!("T{turn}{filling}") } });
            }
        };
        json!({ "query": query })
    }

    fn code(self) -> &'static str {
        match self {
            Self::Invalid => "GRAPHQL_VALIDATION_FAILED",
            Self::Unparsable => "GRAPHQL_PARSE_FAILED",
            Self::UnknownOperation => "OPERATION_NOT_FOUND",
            Self::Valid | Self::LongNames | Self::ManyFields | Self::Introspection => "OK",
        }
    }
}

/// Sends `turns` new requests of each kind from each client, one after the other.
async fn send(target: &Target, kinds: &'static [Kind], turns: usize, bytes: usize) {
    let mut sending = JoinSet::new();
    for client in 0..CLIENTS {
        let anonymous = HttpClient::new(target.url());
        sending.spawn(async move {
            for turn in 0..turns {
                for kind in kinds {
                    let request = kind.request(turn * CLIENTS + client, bytes);
                    let response = anonymous.request("POST", "/graphql").json(&request).send().await;
                    let response = response.expect("a response").bytes().await.expect("a body");
                    let response: Value = serde_json::from_slice(&response).expect("JSON");
                    let code = &response["errors"][0]["extensions"]["code"];
                    assert_eq!(code.as_str().unwrap_or("OK"), kind.code(), "{kind:?}");
                }
            }
        });
    }
    sending.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_large_documents_are_not_kept() {
    let target = Target::start();
    target
        .attacked_by(send(&target, &DOCUMENTS, 22, LARGE))
        .await
        .assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_long_names_and_variables_are_not_kept() {
    let target = Target::start();
    let kinds = &[Kind::UnknownOperation, Kind::Introspection];
    target.attacked_by(send(&target, kinds, 40, LARGE)).await.assert_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_documents_short_enough_to_cache_are_few() {
    let target = Target::start();
    let attack = async {
        send(&target, &DOCUMENTS, 300, MEDIUM).await;
        send(&target, &[Kind::ManyFields], 50, 12_000).await;
    };
    target.attacked_by(attack).await.assert_held();
}

/// Sends requests on a socket, and reads until each of them has ended.
async fn subscribe(socket: &mut TcpStream, requests: &[Value]) {
    for (id, request) in requests.iter().enumerate() {
        let message = json!({ "id": id.to_string(), "type": "subscribe", "payload": request });
        let message = frame(1, message.to_string().as_bytes());
        socket.write_all(&message).await.expect("a message");
    }
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        let ended = text.matches(r#""type":"complete""#).count() + text.matches(r#""type":"error""#).count();
        if ended == requests.len() {
            break;
        }
        let bytes = socket.read_buf(&mut read).await.expect("messages");
        assert!(bytes > 0, "the socket stays open");
    }
    let text = String::from_utf8_lossy(&read);
    assert!(!text.contains("UNAVAILABLE"), "each request is validated");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_large_documents_on_sockets_are_not_kept() {
    let target = Target::start();
    let address = address_of(target.url());
    let attack = async {
        let mut sockets = Vec::new();
        for client in 0..20 {
            let mut socket = websocket(&address).await.expect("a socket");
            for turn in 0..3 {
                let kinds = [Kind::Invalid, Kind::Unparsable, Kind::Valid];
                let requests = kinds.map(|kind| kind.request(client * 3 + turn, LARGE));
                subscribe(&mut socket, &requests).await;
            }
            let subscription = format!(
                "subscription S{client} {{ stockChanged {{ name }} }} #{}",
                "d".repeat(LARGE)
            );
            let message = json!({ "id": "open", "type": "subscribe", "payload": { "query": subscription } });
            let message = frame(1, message.to_string().as_bytes());
            socket.write_all(&message).await.expect("a message");
            sockets.push(socket);
        }
    };
    target.attacked_by(attack).await.assert_held();
}
