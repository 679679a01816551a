//! The end of a server: open requests are answered, later ones are not read, and each step has its time.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::http::send;
use crate::{Server, agora};

/// The environment variable with the number of rounds under load.
const ROUNDS: &str = "SHUTDOWN_ROUNDS";
/// The rounds where it is not set.
const ROUNDS_DEFAULT: usize = 3;
/// The clients that keep an HTTP/1.1 connection.
const CLIENTS: usize = 6;
/// The requests at once on the HTTP/2 connection.
const STREAMS: usize = 4;
/// The trades that are acknowledged before the signal.
const TRADES: usize = 150;
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_shutdown_under_load_cuts_no_answer_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rounds = std::env::var_os(ROUNDS).map_or(ROUNDS_DEFAULT, |text| {
        text.to_str()
            .and_then(|text| text.parse().ok())
            .expect("a number of rounds")
    });
    let mut acknowledged = BTreeSet::new();
    for _ in 0..rounds {
        let server = Server::start(folder.path(), "demo");
        require_all(&server, &acknowledged);
        let address: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
        let (trades, traded) = mpsc::channel();
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let trades = trades.clone();
            clients.push(thread::spawn(move || trade_until_refused(address, &trades)));
        }
        clients.push(thread::spawn(move || trade_over_http2(address, &trades)));
        let (subscribed, has_subscribed) = mpsc::channel();
        let socket = thread::spawn(move || subscribe_until_closed(address, &subscribed));
        has_subscribed.recv_timeout(PATIENCE).expect("a subscription");
        for _ in 0..TRADES {
            acknowledged.insert(traded.recv_timeout(PATIENCE).expect("a trade"));
        }

        assert!(server.stop(), "SIGTERM was not a clean end");

        for client in clients {
            client.join().expect("no answer was cut");
        }
        assert_eq!(socket.join().expect("no answer was cut"), 1001);
        acknowledged.extend(traded.try_iter());
    }
    require_all(&Server::start(folder.path(), "demo"), &acknowledged);
}

/// Checks that the server has every acknowledged trade.
fn require_all(server: &Server, acknowledged: &BTreeSet<i64>) {
    let mut known = BTreeSet::new();
    loop {
        let last = known.last().copied().unwrap_or(-1);
        let page = server.post("/bazaar/order/1/sync", &json!({ "lastID": last }), None);
        let page = page["transactions"]
            .as_object()
            .unwrap_or_else(|| panic!("{page}"))
            .clone();
        if page.is_empty() {
            break;
        }
        known.extend(page.keys().map(|number| number.parse::<i64>().expect("a number")));
    }
    let lost: Vec<_> = acknowledged.difference(&known).collect();
    assert!(lost.is_empty(), "acknowledged trades are lost: {lost:?}");
}

/// A trade, alternately in both directions, so that no stock runs out.
fn trade(number: usize) -> String {
    let side = if number.is_multiple_of(2) { "sell" } else { "buy" };
    json!({ "name": "GameStart", "quantity": 1, "type": side }).to_string()
}

/// Returns the number of a trade that was answered.
fn number_of(status: u16, body: &str) -> Option<i64> {
    let answer: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {status} {body}"));
    let number = answer.pointer("/data/order_number").and_then(Value::as_i64);
    // A request whose head was read before the signal may be refused after it.
    assert!(number.is_some() || status >= 400, "{status} {body}");
    number
}

/// Trades over kept connections until the server accepts no more.
fn trade_until_refused(address: SocketAddr, trades: &mpsc::Sender<i64>) {
    let mut number = 0;
    while let Ok(mut stream) = TcpStream::connect(address) {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let mut is_open = true;
        while is_open {
            number += 1;
            let body = trade(number);
            let head = format!(
                "POST /bazaar/orders HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            // A closed connection shows when it is read.
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            let Some((status, body, closes)) = read_answer(&mut stream) else {
                break;
            };
            if let Some(number) = number_of(status, &body) {
                let _ = trades.send(number);
            }
            is_open = !closes;
        }
    }
}

/// Reads one answer: its status, its body and whether the connection ends; `None` when the connection ended before its first byte.
fn read_answer(stream: &mut TcpStream) -> Option<(u16, String, bool)> {
    let mut read = Vec::new();
    let mut more = |read: &mut Vec<u8>| -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let bytes = stream.read(&mut buffer)?;
        read.extend_from_slice(&buffer[..bytes]);
        Ok(bytes > 0)
    };
    let ends = loop {
        let text = String::from_utf8_lossy(&read).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                head.lines()
                    .find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
            };
            let length: usize = header("content-length:").expect("a length").parse().expect("a number");
            if body.len() >= length {
                let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
                break Some((
                    status,
                    body.to_owned(),
                    header("connection:").as_deref() == Some("close"),
                ));
            }
        }
        match more(&mut read) {
            Ok(true) => {}
            Ok(false) | Err(_) => break None,
        }
    };
    assert!(
        ends.is_some() || read.is_empty(),
        "an answer was cut: {}",
        String::from_utf8_lossy(&read)
    );
    ends
}

/// Trades over one HTTP/2 connection, several at once, until the server says that it goes away.
fn trade_over_http2(address: SocketAddr, trades: &mpsc::Sender<i64>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address)
            .await
            .expect("the server listens");
        let (sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        let connection = tokio::spawn(connection);
        let streams = (0..STREAMS).map(|first| {
            let (mut sender, trades) = (sender.clone(), trades.clone());
            async move {
                let mut number = first;
                loop {
                    number += 1;
                    sender = match sender.ready().await {
                        Ok(sender) => sender,
                        // The connection has ended.
                        Err(_) => break,
                    };
                    let request = axum::http::Request::post(format!("http://{address}/bazaar/orders"))
                        .header("content-type", "application/json")
                        .body(())
                        .expect("a request");
                    let Ok((response, mut body)) = sender.send_request(request, false) else {
                        break;
                    };
                    let _ = body.send_data(trade(number).into(), true);
                    let (head, mut body) = match response.await {
                        Ok(response) => response.into_parts(),
                        Err(error) => {
                            let is_refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
                            assert!(error.is_go_away() || is_refused, "an answer is missing: {error}");
                            break;
                        }
                    };
                    let mut read = Vec::new();
                    while let Some(data) = body.data().await {
                        let data = data.unwrap_or_else(|error| panic!("an answer was cut: {error}"));
                        read.extend_from_slice(&data);
                        let _ = body.flow_control().release_capacity(data.len());
                    }
                    if let Some(number) = number_of(head.status.as_u16(), &String::from_utf8_lossy(&read)) {
                        let _ = trades.send(number);
                    }
                }
            }
        });
        futures_util::future::join_all(streams).await;
        drop(sender);
        let ended = connection.await.expect("no panic");
        assert!(ended.as_ref().err().is_none_or(h2::Error::is_go_away), "{ended:?}");
    });
}

/// Subscribes over a WebSocket, and returns the code with which the server closes it.
fn subscribe_until_closed(address: SocketAddr, subscribed: &mpsc::Sender<()>) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut request = format!("ws://{address}/graphql")
            .into_client_request()
            .expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("valid");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a WebSocket");
        let init = json!({ "type": "connection_init" }).to_string();
        socket.send(Message::text(init)).await.expect("sent");
        let query = json!({ "query": "subscription { cacheInvalidated { key } }" });
        let subscribe = json!({ "type": "subscribe", "id": "1", "payload": query }).to_string();
        socket.send(Message::text(subscribe)).await.expect("sent");
        while let Some(message) = socket.next().await {
            match message.expect("the server closes the WebSocket itself") {
                // The trades of the other clients are events.
                Message::Text(text) if text.contains(r#""next""#) => {
                    let _ = subscribed.send(());
                }
                Message::Close(frame) => return frame.expect("a reason").code.into(),
                _ => {}
            }
        }
        panic!("the WebSocket ended without a close");
    })
}

/// A server whose log the test reads.
struct LoggedServer {
    child: Child,
    log: io::Lines<BufReader<std::process::ChildStderr>>,
    address: SocketAddr,
}

impl LoggedServer {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let fixed = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
        let mut child = agora(folder, &[&fixed, arguments].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let mut server = Self {
            child,
            log,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let ready = server.until("ready");
        server.address = ready["addresses"].as_str().expect("text").parse().expect("valid");
        server
    }

    /// Reads the log to a line with that message, and returns its fields.
    fn until(&mut self, message: &str) -> Value {
        loop {
            let line = self
                .log
                .next()
                .unwrap_or_else(|| panic!("no line `{message}`"))
                .expect("text");
            let mut event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if event["fields"]["message"]
                .as_str()
                .is_some_and(|text| text.starts_with(message))
            {
                return event["fields"].take();
            }
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill");
        assert!(sent.success());
    }
}

impl Drop for LoggedServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn requests_are_served_during_the_delay_and_a_second_signal_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = LoggedServer::start(folder.path(), &["--shutdown-delay-ms", "600000"]);
    server.signal("-TERM");
    assert_eq!(server.until("draining")["delay_ms"], 600_000);
    for (path, wanted) in [("/ready", 503), ("/health", 200), ("/schema.graphql", 200)] {
        let (status, body) = send(server.address, &format!("GET {path}"), &[], "");
        assert_eq!(status, wanted, "{path}: {body}");
    }
    server.signal("-INT");
    server.until("a second signal");
    assert_eq!(server.child.wait().expect("it ends").code(), Some(1));
}

#[test]
fn a_request_that_does_not_finish_is_given_up_after_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = LoggedServer::start(folder.path(), &["--shutdown-ms-max", "50"]);
    let mut slow = TcpStream::connect(server.address).unwrap();
    let head = "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\nexpect: 100-continue";
    write!(slow, "{head}\r\n\r\n").unwrap();
    // The server waits for the body now, which never arrives.
    let mut status = [0; 12];
    slow.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 100");
    server.signal("-TERM");
    assert_eq!(server.until("some requests did not finish in time")["ms_max"], 50);
    server.until("stopped");
    assert!(server.child.wait().expect("it ends").success());
}

#[test]
fn a_service_manager_learns_when_the_server_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = agora(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let server = command.env("NOTIFY_SOCKET", &path).stderr(Stdio::null()).spawn();
    let mut server = server.expect("the server starts");
    let told = || {
        let mut message = [0; 64];
        let length = socket.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).into_owned()
    };

    assert_eq!(told(), "READY=1\n");
    let pid = server.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill")
            .success()
    );
    assert_eq!(told(), "STOPPING=1\n");
    assert!(server.wait().expect("the server ends").success());
}
