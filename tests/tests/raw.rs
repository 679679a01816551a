//! HTTP/1 by hand, for what no client library sends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server that neither answers nor closes within this time fails the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// `127.0.0.1:PORT` of `http://127.0.0.1:PORT`.
pub fn address_of(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// Sends these bytes over a connection of their own and reads until the server closes it, or has nothing more to say to a
/// client that sends nothing more.
pub async fn exchange(address: &str, bytes: impl AsRef<[u8]>) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes.as_ref()).await.expect("the request is sent");
    let mut read = Vec::new();
    let end = stream.read_to_end(&mut read);
    // A reset after the answer still is an end.
    let _ = tokio::time::timeout(PATIENCE, end).await.expect("the server closes");
    Answer(String::from_utf8_lossy(&read).into_owned())
}

/// What the server sent, head and body.
#[derive(Debug)]
pub struct Answer(pub String);

impl Answer {
    /// The status of the first answer; 0 when there is none.
    pub fn status(&self) -> u16 {
        let status = self.0.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or(0)
    }

    /// The header with that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.0.split_once("\r\n\r\n")?;
        head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The body of the first answer.
    pub fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}
