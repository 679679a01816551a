//! Hand-written HTTP/1 that no client library sends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The time within which a server must answer or close the connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// `127.0.0.1:PORT` of `http://127.0.0.1:PORT`.
pub fn address_of(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// Sends these bytes over a new connection and reads until the server closes it.
pub async fn exchange(address: &str, bytes: impl AsRef<[u8]>) -> RawResponse {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes.as_ref()).await.expect("the request is sent");
    let mut read = Vec::new();
    let end = stream.read_to_end(&mut read);
    // A reset after the response also ends the connection.
    let _ = tokio::time::timeout(PATIENCE, end).await.expect("the server closes");
    RawResponse(String::from_utf8_lossy(&read).into_owned())
}

/// The bytes that the server sent, head and body.
#[derive(Debug)]
pub struct RawResponse(pub String);

impl RawResponse {
    /// Returns the status of the first response, or 0 without one.
    pub fn status(&self) -> u16 {
        let status = self.0.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or(0)
    }

    /// Returns the header with that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.0.split_once("\r\n\r\n")?;
        head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Returns the body of the first response.
    pub fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}
