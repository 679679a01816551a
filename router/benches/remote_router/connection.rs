//! A client's connection, which is kept alive and costs little.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection for one request after the other.
pub struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    received: Vec<u8>,
}

impl Connection {
    /// Opens a connection that sends this body.
    pub async fn open(address: &str, body: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self {
            stream,
            request: request.into_bytes(),
            received: Vec::new(),
        }
    }

    /// Sends the request, and returns the body of its answer.
    pub async fn ask(&mut self) -> &[u8] {
        self.stream.write_all(&self.request).await.expect("sent");
        self.received.clear();
        let (head, length) = loop {
            self.receive().await;
            if let Some(found) = head_and_length(&self.received) {
                break found;
            }
        };
        while self.received.len() < head + length {
            self.receive().await;
        }
        &self.received[head..]
    }

    async fn receive(&mut self) {
        let read = self.stream.read_buf(&mut self.received).await.expect("an answer");
        assert!(read > 0, "the router closed the connection");
    }
}

/// Returns the lengths of a complete head and of the body behind it.
fn head_and_length(received: &[u8]) -> Option<(usize, usize)> {
    let head = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
    assert!(text.starts_with("http/1.1 200"), "{text}");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some((head, length.expect("a length").trim().parse().expect("a number")))
}
