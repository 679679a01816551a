//! Sends bytes over a connection of their own and reads what comes back.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::Target;

/// The bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The pause between two bytes of a slow body.
const SLOW_PAUSE: Duration = Duration::from_millis(50);
/// The bytes that are sent slowly.
const SLOW_BYTES: usize = 20;

/// The way in which bytes are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// All at once.
    AtOnce,
    /// All, and then the end of the sending half.
    HalfClosed,
    /// Only the head and half of the body, and then the end of the sending half.
    Truncated,
    /// Only the head and half of the body, byte by byte at the end; then the connection is dropped.
    SlowThenDropped,
}

/// A client that sends bytes.
pub(super) struct Raw {
    target: Target,
    timeout: Duration,
}

/// The answer to raw bytes.
#[derive(Debug, Default)]
pub(super) struct RawAnswer {
    /// The status of the first answer; `None` where the connection ended without one.
    pub(super) status: Option<u16>,
    /// Whether the answer says when to come again.
    pub(super) has_retry_after: bool,
    /// The header with the code of a REST error.
    code: Option<String>,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl RawAnswer {
    /// Returns the error code of the answer, if it has one.
    pub(super) fn code(&self) -> Option<String> {
        let of_body = || {
            let body: Value = serde_json::from_slice(&self.body).ok()?;
            Some(body.pointer("/errors/0/extensions/code")?.as_str()?.to_owned())
        };
        self.code.clone().or_else(of_body)
    }
}

impl Raw {
    /// Returns a client that waits so long for an answer.
    pub(super) fn new(target: Target, timeout: Duration) -> Self {
        Self { target, timeout }
    }

    /// Returns the server.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Sends bytes and reads until the server ends the connection.
    ///
    /// A connection that ends early is no error here: the attack says whether it may.
    pub(super) async fn send(&self, bytes: &[u8], manner: Manner) -> RawAnswer {
        let mut received = Vec::new();
        // Everything that arrived until the time was over counts.
        let _ = tokio::time::timeout(self.timeout, self.exchange(bytes, manner, &mut received)).await;
        parse(&received)
    }

    async fn exchange(&self, bytes: &[u8], manner: Manner, received: &mut Vec<u8>) -> std::io::Result<()> {
        let stream = TcpStream::connect(self.target.authority()).await?;
        let (mut reader, mut writer) = stream.into_split();
        let read = async {
            let mut buffer = vec![0; 16 * 1024];
            while received.len() < ANSWER_BYTES_MAX {
                match reader.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(length) => received.extend_from_slice(&buffer[..length]),
                }
            }
        };
        let half = half_of_body(bytes);
        let write = async {
            match manner {
                Manner::AtOnce => writer.write_all(bytes).await?,
                Manner::HalfClosed => {
                    writer.write_all(bytes).await?;
                    writer.shutdown().await?;
                }
                Manner::Truncated => {
                    writer.write_all(&bytes[..half]).await?;
                    writer.shutdown().await?;
                }
                Manner::SlowThenDropped => {
                    writer.write_all(&bytes[..half]).await?;
                    for byte in bytes[half..].iter().take(SLOW_BYTES) {
                        tokio::time::sleep(SLOW_PAUSE).await;
                        writer.write_all(&[*byte]).await?;
                    }
                    return Ok::<_, std::io::Error>(None);
                }
            }
            Ok(Some(writer))
        };
        if manner == Manner::SlowThenDropped {
            // Nothing is read: the answer to such a client is of no use to it.
            write.await?;
            return Ok(());
        }
        // Read at the same time: a server may answer and stop reading before it has all.
        let (_writer, ()) = tokio::join!(write, read);
        Ok(())
    }
}

/// Returns the place in the middle of the body.
fn half_of_body(bytes: &[u8]) -> usize {
    let head = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map_or(bytes.len(), |at| at + 4);
    head + (bytes.len() - head) / 2
}

fn parse(received: &[u8]) -> RawAnswer {
    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else {
        return RawAnswer::default();
    };
    let head = String::from_utf8_lossy(&received[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let header = |wanted: &str| {
        let mut headers = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        headers
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim().to_owned())
    };
    RawAnswer {
        status,
        has_retry_after: header("retry-after").is_some(),
        code: header("agora-error-code"),
        body: received[end + 4..].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_its_code_and_its_body() {
        let answer =
            parse(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nagora-error-code: UNAVAILABLE\r\n\r\nx");
        assert_eq!((answer.status, answer.has_retry_after), (Some(503), true));
        assert_eq!(
            (answer.code().as_deref(), &*answer.body),
            (Some("UNAVAILABLE"), &b"x"[..])
        );
        assert_eq!(parse(b"HTTP/1.1 20").status, None);
    }
}
