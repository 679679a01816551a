//! Hand-written bytes of HTTP/1.1 and WebSocket that no client library would send.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Returns the `127.0.0.1:PORT` of a target.
pub fn address_of(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// Opens a connection and sends these bytes.
pub async fn sent(address: &str, bytes: &[u8]) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(bytes).await?;
    Ok(stream)
}

/// Opens a connection for each request and sends it, with that time between two of them.
pub async fn sent_one_by_one(
    address: &str,
    requests: impl IntoIterator<Item = impl AsRef<[u8]>>,
    between: Duration,
) -> Vec<TcpStream> {
    let mut open = Vec::new();
    let mut ticks = tokio::time::interval(between);
    for request in requests {
        ticks.tick().await;
        open.push(sent(address, request.as_ref()).await.expect("a connection"));
    }
    open
}

/// Returns the head of a POST to the graph with that content length.
pub fn post_head(length: usize) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Returns a POST with a JSON body. Each of the `headers` ends in a line break.
pub fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Reads the status of the next response.
pub async fn status(stream: &mut TcpStream) -> io::Result<u16> {
    let mut line = *b"HTTP/1.1 200";
    stream.read_exact(&mut line).await?;
    String::from_utf8_lossy(&line[9..]).parse().map_err(io::Error::other)
}

/// Opens and initialises a WebSocket of the graph.
pub async fn websocket(address: &str) -> io::Result<TcpStream> {
    let upgrade = "GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
    let mut stream = sent(address, upgrade.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream.write_all(&frame(1, br#"{"type":"connection_init"}"#)).await?;
    Ok(stream)
}

/// Returns a complete WebSocket frame with a mask of zeros.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const IS_LAST: u8 = 0x80;
    const IS_MASKED: u8 = 0x80;
    let mut frame = vec![IS_LAST | opcode];
    match payload.len() {
        length @ ..126 => frame.push(IS_MASKED | length as u8),
        length @ ..65_536 => {
            frame.push(IS_MASKED | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(IS_MASKED | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
