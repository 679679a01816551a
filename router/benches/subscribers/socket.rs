//! Small clients: a WebSocket with few bytes of memory, and a connection for one request after the other.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A WebSocket that speaks `graphql-transport-ws`.
pub struct Socket {
    stream: TcpStream,
    /// Received, but not decoded yet.
    received: Vec<u8>,
}

impl Socket {
    /// Opens and initialises a socket for the holder of that token.
    pub async fn open(address: &str, token: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let upgrade = "GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
        stream.write_all(upgrade.as_bytes()).await.expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("an answer"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        let mut socket = Self {
            stream,
            received: Vec::new(),
        };
        let authorization = format!("Bearer {token}");
        socket
            .send(&json!({ "type": "connection_init", "payload": { "authorization": authorization } }))
            .await;
        assert_eq!(socket.receive().await["type"], "connection_ack");
        socket
    }

    /// Subscribes, and waits until the server has read it.
    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(&json!({ "id": id, "type": "subscribe", "payload": { "query": query } }))
            .await;
        self.send(&json!({ "type": "ping" })).await;
        assert_eq!(self.receive().await["type"], "pong");
    }

    /// Returns the next message, and answers the pings in between.
    pub async fn receive(&mut self) -> Value {
        loop {
            while let Some((opcode, payload)) = self.take_frame() {
                match opcode {
                    TEXT => {
                        let message = serde_json::from_slice(&payload).expect("JSON");
                        if self.received.is_empty() {
                            self.received = Vec::new();
                        }
                        return message;
                    }
                    PING => self.send_frame(PONG, &payload).await,
                    CLOSE => panic!("the server closed: {}", String::from_utf8_lossy(&payload)),
                    _ => {}
                }
            }
            let mut bytes = [0; 4_096];
            let read = self.stream.read(&mut bytes).await.expect("a message");
            assert!(read > 0, "the server closed the connection");
            self.received.extend_from_slice(&bytes[..read]);
        }
    }

    async fn send(&mut self, message: &Value) {
        self.send_frame(TEXT, message.to_string().as_bytes()).await;
    }

    /// Sends a frame with a mask of zeros.
    async fn send_frame(&mut self, opcode: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | opcode];
        match u8::try_from(payload.len()) {
            Ok(length @ ..126) => frame.push(0x80 | length),
            _ => {
                frame.push(0x80 | 126);
                let length = u16::try_from(payload.len()).expect("a short message");
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        self.stream.write_all(&frame).await.expect("sent");
    }

    /// Takes a complete frame out of what was received.
    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (opcode, length) = (self.received.first()? & 0x0f, *self.received.get(1)?);
        let (begin, length) = match length {
            126 => (
                4,
                usize::from(u16::from_be_bytes([*self.received.get(2)?, *self.received.get(3)?])),
            ),
            127 => panic!("a message of more than 64 KiB"),
            length => (2, usize::from(length)),
        };
        if self.received.len() < begin + length {
            return None;
        }
        let payload = self.received[begin..begin + length].to_vec();
        self.received.drain(..begin + length);
        Some((opcode, payload))
    }
}

/// A connection that is kept alive.
pub struct HttpConnection {
    stream: TcpStream,
    token: String,
}

impl HttpConnection {
    /// Opens a connection for the holder of that token.
    pub async fn open(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self {
            stream,
            token: token.to_owned(),
        }
    }

    /// Sends a GraphQL request, and waits for its answer.
    pub async fn query(&mut self, body: &Value) {
        let (token, body) = (&self.token, body.to_string());
        let length = body.len();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        while !is_whole(&answer) {
            assert!(self.stream.read_buf(&mut answer).await.expect("an answer") > 0);
        }
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with("HTTP/1.1 200") && !answer.contains("\"errors\""),
            "{answer}"
        );
    }
}

/// Whether the answer is complete, by its `content-length`.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let text = String::from_utf8_lossy(&answer[..head]);
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).expect("a length");
    answer.len() >= head + 4 + length
}
