//! The frames of a WebSocket, whatever serves its protocol: bounded, with a time for each of them, and kept alive.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use futures_util::SinkExt;
use tokio::time::{Instant, Interval, interval_at, timeout};

use super::message::Close;
use crate::server::{Connection as Transport, count_json_values};

/// The protocol.
pub(in crate::http) const PROTOCOL: &str = "graphql-transport-ws";
/// The interval of pings to a silent client; a client that sends nothing until the next one is considered gone.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The time that a client has to read one message.
const SEND_TIME_MAX: Duration = Duration::from_secs(30);
/// The time that a client has to answer a close.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);
/// The size of each socket's read buffer; most messages are short, and a longer one gets a larger buffer.
const READ_BUFFER_BYTES: usize = 1024;

/// The reason that a connection ends.
pub(in crate::http) enum ConnectionEnd {
    /// The server closes it, with a code.
    Close(Close),
    /// The client closes it, and waits for the server's answer.
    Closed,
    /// The client has disconnected, or does not read any more.
    Gone,
}

impl From<Close> for ConnectionEnd {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// `Err` is the only way a connection ends.
pub(in crate::http) type SocketResult<T = ()> = Result<T, ConnectionEnd>;

/// Returns an upgrade to this protocol with messages of at most so many bytes.
pub(in crate::http) fn bounded(upgrade: WebSocketUpgrade, bytes_max: usize) -> WebSocketUpgrade {
    upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(bytes_max)
        .max_frame_size(bytes_max)
}

/// A WebSocket by its frames.
pub(in crate::http) struct Frames {
    pub(in crate::http) socket: WebSocket,
    /// The transport connection, which counts the bytes of partially received messages.
    transport: Option<Arc<Transport>>,
    /// The most JSON values of a message.
    values_max: usize,
    pub(in crate::http) keep_alive: Interval,
    received_since_ping: bool,
}

impl Frames {
    pub(in crate::http) fn new(socket: WebSocket, transport: Option<Arc<Transport>>, values_max: usize) -> Self {
        Self {
            socket,
            transport,
            values_max,
            keep_alive: interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE),
            received_since_ping: true,
        }
    }

    /// Returns the text of a received frame; `None` for a frame that the WebSocket itself handles.
    pub(in crate::http) async fn decode(
        &mut self,
        frame: Option<Result<Message, axum::Error>>,
    ) -> SocketResult<Option<Utf8Bytes>> {
        self.received_since_ping = true;
        if let Some(transport) = &self.transport {
            transport.record_message();
        }
        match frame {
            None => Err(ConnectionEnd::Gone),
            Some(Ok(Message::Close(_))) => Err(ConnectionEnd::Closed),
            // After a message that cannot be read, an answer may not arrive; but a client whose message is too long gets
            // the reason.
            Some(Err(error)) if error.to_string().contains("too long") => {
                Err(Close::new(1009, "The message is too long").into())
            }
            Some(Err(_)) => Err(ConnectionEnd::Gone),
            // The pong must be sent before the next ping is read: otherwise a client that only sends would fill the
            // memory with pongs.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                self.flush().await?;
                Ok(None)
            }
            Some(Ok(Message::Binary(_))) => Err(Close::new(4400, "Messages are JSON text").into()),
            Some(Ok(Message::Text(text))) if self.has_too_many_values(&text) => {
                let most = self.values_max;
                Err(Close::new(4400, format!("A message holds at most {most} JSON values")).into())
            }
            Some(Ok(Message::Text(text))) => Ok(Some(text)),
        }
    }

    fn has_too_many_values(&self, text: &str) -> bool {
        text.len() > self.values_max && count_json_values(text.as_bytes()) > self.values_max
    }

    async fn flush(&mut self) -> SocketResult {
        match timeout(SEND_TIME_MAX, self.socket.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ConnectionEnd::Gone),
        }
    }

    /// Pings the client, which must have sent something since the last ping.
    pub(in crate::http) async fn check_alive(&mut self) -> SocketResult {
        if !std::mem::replace(&mut self.received_since_ping, false) {
            return Err(ConnectionEnd::Gone);
        }
        self.send(Message::Ping(Default::default())).await
    }

    /// Sends a frame, for which the client has a bounded time.
    pub(in crate::http) async fn send(&mut self, frame: Message) -> SocketResult {
        match timeout(SEND_TIME_MAX, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ConnectionEnd::Gone),
        }
    }

    /// Ends the connection in the way that its end asks for.
    pub(in crate::http) async fn end(&mut self, end: SocketResult) {
        match end {
            Ok(()) | Err(ConnectionEnd::Gone) => {}
            Err(ConnectionEnd::Closed) => self.read_until_closed().await,
            Err(ConnectionEnd::Close(close)) => self.close(close).await,
        }
    }

    async fn close(&mut self, close: Close) {
        let frame = CloseFrame {
            code: close.code,
            reason: close.reason.into(),
        };
        if self.send(Message::Close(Some(frame))).await.is_ok() {
            self.read_until_closed().await;
        }
    }

    /// Reads until the client closes. A client must read the close frame before the connection ends, or it may never
    /// learn the reason; reading also answers a close of the client.
    async fn read_until_closed(&mut self) {
        let answered = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(CLOSE_TIME_MAX, answered).await;
    }
}
