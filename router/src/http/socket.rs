//! GraphQL over WebSocket: the protocol `graphql-transport-ws`.
//!
//! async-graphql-axum has this protocol too, but only for a schema that answers in this process, message by message.
//! Here a subgraph returns the answers as bytes, they end when their token is no longer valid, and bounded queues hold
//! them.

mod message;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use contract::TokenError;
use futures_util::SinkExt;
use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, interval_at, timeout, timeout_at};
use tokio_stream::{StreamExt, StreamMap};

use crate::auth::Identity;
use crate::callers::PropagatedHeaders;
use crate::gateway::Gateway;
use crate::http::error::HttpError;
use crate::http::json;
use crate::http::params::{ParamsMemory, QueryError, RawParams};
use crate::http::response_stream::{OperationRequest, ResponseStream, StreamItem};
use crate::request_id::RequestId;
use crate::request_meters;
use crate::server::{Connection as Transport, count_json_values, request_memory_bytes};
use message::{ClientMessage, Close};

const PROTOCOL: &str = "graphql-transport-ws";
/// The interval of pings to a silent client; a client that sends nothing until the next one is considered gone.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The time that a client has to read one message.
const SEND_TIME_MAX: Duration = Duration::from_secs(30);
/// The time that a client has to answer a close.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);
const ID_BYTES_MAX: usize = 256;
/// The size of each socket's read buffer; most messages are short, and a longer one gets a larger buffer.
const READ_BUFFER_BYTES: usize = 1024;

/// The facts about the request that opens a WebSocket. `connection_init` may replace the identity.
pub(super) struct UpgradeRequest {
    /// `None` if `connection_init` has to identify the caller.
    pub(super) identity: Option<Identity>,
    /// The headers that the fetches of the operations carry.
    pub(super) headers: PropagatedHeaders,
    pub(super) id: RequestId,
}

/// Accepts a WebSocket.
pub(super) fn open(
    gateway: Gateway,
    upgrade: WebSocketUpgrade,
    upgrade_request: UpgradeRequest,
    permit: OwnedSemaphorePermit,
    transport: Option<Arc<Transport>>,
) -> Response {
    let most = gateway.limits.body_bytes_max;
    if let Some(transport) = &transport {
        transport.mark_websocket();
    }
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(most)
        .max_frame_size(most);
    let address = contract::client_address();
    upgrade.on_upgrade(move |socket| {
        let protocol_agreed = socket.protocol().is_some();
        let UpgradeRequest { identity, headers, id } = upgrade_request;
        let mut connection = WebSocketConnection::new(gateway, socket, id, transport);
        connection.headers = headers;
        contract::with_client_address(address, async move {
            let _permit = permit;
            let close = if protocol_agreed {
                // Boxed, because it is the larger part of this future, which axum moves while it opens the socket.
                connection.run(identity).boxed().await
            } else {
                Err(Close::new(4406, "Subprotocol not acceptable: graphql-transport-ws is spoken here").into())
            };
            match close {
                Ok(()) | Err(ConnectionEnd::Gone) => {}
                Err(ConnectionEnd::Closed) => connection.read_until_closed().await,
                Err(ConnectionEnd::Close(close)) => connection.close(close).await,
            }
        })
    })
}

/// The reason that a connection ends.
enum ConnectionEnd {
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
type SocketResult<T = ()> = Result<T, ConnectionEnd>;

struct WebSocketConnection {
    gateway: Gateway,
    socket: WebSocket,
    /// The transport connection, which counts the bytes of partially received messages.
    transport: Option<Arc<Transport>>,
    id: RequestId,
    /// The headers that the fetches of the operations carry.
    headers: PropagatedHeaders,
    operations: StreamMap<String, ResponseStream>,
    /// Set when the connection has to end, as soon as the running operations have finished.
    closing: Option<Close>,
    /// The approximate memory of the last message, in bytes.
    message_memory_bytes: usize,
    keep_alive: Interval,
    received_since_ping: bool,
}

impl WebSocketConnection {
    fn new(gateway: Gateway, socket: WebSocket, id: RequestId, transport: Option<Arc<Transport>>) -> Self {
        Self {
            gateway,
            socket,
            transport,
            id,
            headers: None,
            operations: StreamMap::new(),
            closing: None,
            message_memory_bytes: 0,
            keep_alive: interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE),
            received_since_ping: true,
        }
    }

    async fn run(&mut self, identity: Option<Identity>) -> SocketResult {
        // Boxed, so that an open socket does not keep the memory of its start. The same goes for each message below.
        let identity = self.initialise(identity).boxed().await?;
        let mut invalidated = until_invalidated(&self.gateway, &identity);
        let shutdown = self.gateway.shutdown.clone();
        loop {
            if let (Some(close), true) = (&self.closing, self.operations.is_empty()) {
                return Err(close.clone().into());
            }
            let open = self.closing.is_none();
            tokio::select! {
                error = &mut invalidated, if open => self.closing = Some(Close::new(4401, format!("Unauthorized: {error}"))),
                () = shutdown.cancelled(), if open => self.closing = Some(Close::new(1001, "the server is shutting down")),
                Some((id, part)) = self.operations.next(), if !self.operations.is_empty() => self.send_item(id, part).await?,
                message = self.socket.recv() => {
                    if let Some(message) = self.decode(message).await? {
                        self.handle_message(message, &identity).boxed().await?;
                    }
                }
                _ = self.keep_alive.tick() => self.check_alive().await?,
            }
        }
    }

    /// Waits for `connection_init` and authenticates the caller.
    async fn initialise(&mut self, from_headers: Option<Identity>) -> SocketResult<Identity> {
        let time = Duration::from_millis(self.gateway.limits.connection_init_ms_max);
        let until = Instant::now() + time;
        loop {
            let message = tokio::select! {
                message = timeout_at(until, self.socket.recv()) => message,
                () = self.gateway.shutdown.cancelled() => return Err(Close::new(1001, "the server is shutting down").into()),
            };
            let Ok(message) = message else {
                return Err(Close::new(4408, "Connection initialisation timeout").into());
            };
            match self.decode(message).await? {
                None | Some(ClientMessage::Pong { .. } | ClientMessage::Complete { .. }) => {}
                Some(ClientMessage::Ping { payload }) => self.send(message::pong(payload)).await?,
                Some(ClientMessage::Subscribe { .. }) => return Err(Close::new(4401, "Unauthorized").into()),
                Some(ClientMessage::ConnectionInit { payload }) => {
                    let auth = &self.gateway.auth;
                    let identity = match message::authorization(payload.as_ref()) {
                        Ok(None) => from_headers
                            .ok_or(TokenError::Missing)
                            .and_then(|identity| auth.require_valid(&identity).map(|()| identity)),
                        Ok(Some(value)) => {
                            self.headers = self.gateway.callers.propagated_with(self.headers.take(), value);
                            auth.identify_bearer(value)
                        }
                        Err(()) => Err(TokenError::Invalid),
                    };
                    let identity = identity.map_err(|error| Close::new(4403, format!("Forbidden: {error}")))?;
                    self.send(message::ACK.to_owned()).await?;
                    return Ok(identity);
                }
            }
        }
    }

    async fn handle_message(&mut self, message: ClientMessage, identity: &Identity) -> SocketResult {
        match message {
            ClientMessage::ConnectionInit { .. } => Err(Close::new(4429, "Too many initialisation requests").into()),
            ClientMessage::Ping { payload } => self.send(message::pong(payload)).await,
            ClientMessage::Pong { .. } => Ok(()),
            ClientMessage::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
            ClientMessage::Subscribe { id, payload } => self.subscribe(id, payload, identity).await,
        }
    }

    async fn subscribe(&mut self, id: String, sent: RawParams, identity: &Identity) -> SocketResult {
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return Err(Close::new(4400, format!("An id has 1 to {ID_BYTES_MAX} bytes")).into());
        }
        if self.operations.contains_key(&id) {
            return Err(Close::new(4409, format!("Subscriber for {id} already exists")).into());
        }
        if self.closing.is_some() {
            return Ok(());
        }
        // The identity may have become invalid since the last check.
        if let Err(error) = self.gateway.auth.require_valid(identity) {
            return Err(Close::new(4401, format!("Unauthorized: {error}")).into());
        }
        let params = match sent.into_params(ParamsMemory::Estimated(self.message_memory_bytes)) {
            Ok(params) => params,
            Err(QueryError::Missing) => return Err(Close::new(4400, "Invalid message: a subscribe has a query").into()),
            Err(hashed @ QueryError::PersistedOnly) => {
                let error = HttpError::from(hashed);
                return self.send(message::error(&id, &error.errors().to_string())).await;
            }
        };
        let most = self.gateway.limits.subscriptions_per_socket_max;
        let started = if self.operations.len() >= most {
            Err(message::too_many_operations(most))
        } else {
            let caller = self.gateway.callers.caller(identity, &self.headers);
            let operation = OperationRequest::new(params, caller, self.id.0.clone());
            ResponseStream::prepare_and_start(
                &self.gateway,
                identity.clone(),
                operation,
                request_meters::Transport::WebSocket,
            )
        };
        match started {
            Ok(responses) => {
                self.operations.insert(id, responses);
                Ok(())
            }
            Err(error) => self.send(message::error(&id, &error.errors().to_string())).await,
        }
    }

    /// Sends a part of an operation to the client.
    async fn send_item(&mut self, id: String, part: StreamItem) -> SocketResult {
        match part {
            StreamItem::Response(answer) => match message::request_errors(&answer) {
                // An error is the last message of an operation: no complete may follow.
                Some(errors) => {
                    self.operations.remove(&id);
                    self.send(message::error(&id, errors.get())).await
                }
                None => self.send(message::next(&id, &answer.body)).await,
            },
            StreamItem::Completed => {
                self.operations.remove(&id);
                self.send(message::complete(&id)).await
            }
            // After a close alone, clients reconnect and subscribe again; they would treat an error as final.
            StreamItem::Ended(_) if self.gateway.shutdown.is_cancelled() => {
                self.operations.remove(&id);
                Ok(())
            }
            StreamItem::Ended(error) => {
                self.operations.remove(&id);
                self.send(message::error(&id, &error.errors().to_string())).await
            }
        }
    }

    /// Decodes a message of the protocol; `None` for a frame that the WebSocket itself handles.
    async fn decode(&mut self, message: Option<Result<Message, axum::Error>>) -> SocketResult<Option<ClientMessage>> {
        self.received_since_ping = true;
        if let Some(transport) = &self.transport {
            transport.record_message();
        }
        match message {
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
                let most = self.gateway.limits.request_values_max;
                Err(Close::new(4400, format!("A message holds at most {most} JSON values")).into())
            }
            Some(Ok(Message::Text(text))) => match json::object_from_str(&text) {
                Ok(message) => {
                    self.message_memory_bytes = request_memory_bytes(text.as_bytes());
                    Ok(Some(message))
                }
                Err(error) => Err(Close::new(4400, format!("Invalid message: {error}")).into()),
            },
        }
    }

    fn has_too_many_values(&self, text: &str) -> bool {
        let most = self.gateway.limits.request_values_max;
        text.len() > most && count_json_values(text.as_bytes()) > most
    }

    async fn flush(&mut self) -> SocketResult {
        match timeout(SEND_TIME_MAX, self.socket.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ConnectionEnd::Gone),
        }
    }

    async fn check_alive(&mut self) -> SocketResult {
        if !std::mem::replace(&mut self.received_since_ping, false) {
            return Err(ConnectionEnd::Gone);
        }
        self.send_frame(Message::Ping(Default::default())).await
    }

    async fn send(&mut self, text: String) -> SocketResult {
        self.send_frame(Message::Text(text.into())).await
    }

    async fn send_frame(&mut self, frame: Message) -> SocketResult {
        match timeout(SEND_TIME_MAX, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ConnectionEnd::Gone),
        }
    }

    async fn close(&mut self, close: Close) {
        // All running operations end at once, whatever the client does.
        self.operations.clear();
        let frame = CloseFrame {
            code: close.code,
            reason: close.reason.into(),
        };
        if self.send_frame(Message::Close(Some(frame))).await.is_ok() {
            self.read_until_closed().await;
        }
    }

    /// Reads until the client closes. A client must read the close frame before the connection ends, or it may never
    /// learn the reason; reading also answers a close of the client.
    async fn read_until_closed(&mut self) {
        self.operations.clear();
        let answered = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(CLOSE_TIME_MAX, answered).await;
    }
}

fn until_invalidated(gateway: &Gateway, identity: &Identity) -> BoxFuture<'static, TokenError> {
    if identity.expires_us.is_none() {
        return pending().boxed();
    }
    let (auth, identity) = (gateway.auth.clone(), identity.clone());
    async move { auth.until_invalidated(&identity).await }.boxed()
}
