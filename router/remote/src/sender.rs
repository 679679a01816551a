//! The requesting end of a connection, of either version of HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::connector::{HttpVersion, Io};

/// The time without a sign of life after which a connection of HTTP/2 with open requests is pinged, and after which again it ends. A
/// connection of HTTP/1.1 ends with the first request that is late.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// A request that can be sent.
pub type Message = Request<Full<Bytes>>;

/// The requesting end of a connection. The connection ends with the last of its ends.
pub enum Sender {
    /// A connection for one request at a time.
    Http1(http1::SendRequest<Full<Bytes>>),
    /// A connection for many requests at a time.
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    /// Begins HTTP on a new connection.
    ///
    /// # Errors
    /// When the server does not take part.
    pub async fn begin(stream: Box<dyn Io>, version: HttpVersion) -> hyper::Result<Self> {
        let stream = TokioIo::new(stream);
        // The requests in flight get the error of a connection; without one, the subgraph has closed an idle connection.
        match version {
            HttpVersion::Http1 => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(async move { drop(connection.await) });
                Ok(Self::Http1(sender))
            }
            HttpVersion::Http2 => {
                let handshake = http2::Builder::new(TokioExecutor::new())
                    .timer(TokioTimer::new())
                    .keep_alive_interval(PING_INTERVAL)
                    .keep_alive_timeout(PING_INTERVAL)
                    .handshake(stream);
                let (sender, connection) = handshake.await?;
                tokio::spawn(async move { drop(connection.await) });
                Ok(Self::Http2(sender))
            }
        }
    }

    /// Waits until the connection takes a request.
    ///
    /// # Errors
    /// When it is closed.
    pub async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        }
    }

    /// Sends a request and returns the answer when its head is there.
    ///
    /// # Errors
    /// When no answer arrives; with the request, if nothing of it was sent.
    pub async fn send(&mut self, message: Message) -> Result<Response<Incoming>, TrySendError<Message>> {
        match self {
            Self::Http1(sender) => sender.try_send_request(message).await,
            Self::Http2(sender) => sender.try_send_request(message).await,
        }
    }

    /// Returns another end of the connection, if it is for many requests at a time.
    pub fn share(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }
}
