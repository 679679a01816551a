//! One HTTP/1.1 connection, as a simulated person keeps one open.
//!
//! It tells an answer that never began from one that was cut, which a pooled client hides behind a second attempt.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The longest answer that is read, in bytes; the server's own limit is 16 MiB by default.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A server's address: `http://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    authority: Arc<str>,
}

impl Target {
    /// Returns `HOST:PORT`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether the host is a loopback name or address.
    pub fn is_loopback(&self) -> bool {
        let host = self
            .authority
            .rsplit_once(':')
            .map_or(&*self.authority, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

/// The text is no address of a server.
#[derive(Debug, thiserror::Error)]
#[error(
    "a target is http://HOST:PORT, such as http://127.0.0.1:4000, without a path; the server has no TLS of its own"
)]
pub struct TargetError;

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let authority = text.strip_prefix("http://").ok_or(TargetError)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let parsed: hyper::http::uri::Authority = authority.parse().map_err(|_| TargetError)?;
        if parsed.host().is_empty() || authority.contains('@') {
            return Err(TargetError);
        }
        let port = parsed.port_u16().unwrap_or(80);
        Ok(Self {
            authority: format!("{}:{port}", parsed.host()).into(),
        })
    }
}

/// A request before it is sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The body; empty for none.
    pub body: Bytes,
    /// The bearer token, if any.
    pub token: Option<Arc<str>>,
    /// The idempotency key of a REST request, if any.
    pub key: Option<String>,
    /// The media type that the client asks for.
    pub accept: &'static str,
}

/// An answer that arrived whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// Returns a header as text.
    pub fn header(&self, name: impl hyper::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the seconds of `Retry-After`.
    pub fn retry_after(&self) -> Option<u64> {
        self.header(header::RETRY_AFTER)?.parse().ok()
    }

    /// Returns the error code of a REST answer.
    pub fn error_code(&self) -> Option<&str> {
        self.header(HeaderName::from_static("agora-error-code"))
    }
}

/// The reason why no whole answer arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing listens at the address, or the connection was not accepted.
    #[error("cannot connect")]
    Connect,
    /// The connection ended before the first byte of an answer.
    #[error("the connection ended before an answer")]
    Unanswered,
    /// The connection ended inside an answer.
    #[error("the answer was cut")]
    Cut,
    /// The answer did not arrive in time.
    #[error("no answer in time")]
    Timeout,
}

/// A connection that is opened at the first request and again when it has ended.
pub struct Connection {
    target: Target,
    timeout: Duration,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// Returns a connection that is not open yet. An answer may take as long as `timeout`.
    pub fn new(target: Target, timeout: Duration) -> Self {
        Self {
            target,
            timeout,
            sender: None,
        }
    }

    /// Returns the server's address.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// The reason why there is no whole answer. The server may have executed the request all the same.
    pub async fn send(&mut self, outgoing: &Outgoing) -> Result<Reply, Failure> {
        let timeout = self.timeout;
        match tokio::time::timeout(timeout, self.exchange(outgoing)).await {
            Ok(reply) => reply,
            Err(_) => {
                self.sender = None;
                Err(Failure::Timeout)
            }
        }
    }

    async fn exchange(&mut self, outgoing: &Outgoing) -> Result<Reply, Failure> {
        // Taken, so that a connection in an unknown state is never used again.
        let mut kept = self.sender.take();
        let is_open = match &mut kept {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        let mut sender = match kept {
            Some(sender) if is_open => sender,
            _ => self.connect().await?,
        };
        let request = self.request(outgoing).ok_or(Failure::Connect)?;
        let response = sender.send_request(request).await.map_err(|_| Failure::Unanswered)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|_| Failure::Cut)?.to_bytes();
        self.sender = Some(sender);
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream = TcpStream::connect(self.target.authority()).await;
        let stream = stream.map_err(|_| Failure::Connect)?;
        // A request is one small write: it must not wait for the acknowledgement of the last one.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Connect)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(&self, outgoing: &Outgoing) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(outgoing.method.clone())
            .uri(outgoing.path.as_str())
            .header(header::HOST, self.target.authority())
            .header(header::ACCEPT, outgoing.accept);
        if !outgoing.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &outgoing.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = &outgoing.key {
            request = request.header("idempotency-key", key.as_str());
        }
        request.body(Full::new(outgoing.body.clone())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_http_address_without_a_path() {
        for (text, authority) in [
            ("http://127.0.0.1:4000", "127.0.0.1:4000"),
            ("http://localhost/", "localhost:80"),
            ("http://[::1]:4000", "[::1]:4000"),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.authority(), target.is_loopback()), (authority, true), "{text}");
        }
        for text in [
            "https://127.0.0.1",
            "127.0.0.1:4000",
            "http://",
            "http://a/b",
            "http://a@b",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
