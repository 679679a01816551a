//! GraphQL over WebSocket: the protocol `graphql-transport-ws`.
//!
//! async-graphql-axum has this protocol too, for a schema whose answers are trees in this process, and
//! [the subgraph process](super::subgraph) uses it. Here the graph returns the answers as bytes, and each operation has a bounded queue.

pub(super) mod frames;
pub(super) mod message;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Response;
use contract::TokenError;
use futures_util::future::{BoxFuture, FutureExt};
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tokio_stream::{StreamExt, StreamMap};

use crate::auth::Identity;
use crate::callers::PropagatedHeaders;
use crate::documents::DocumentError;
use crate::gateway::Gateway;
use crate::http::error::HttpError;
use crate::http::json;
use crate::http::params::{ParamsMemory, RawParams};
use crate::http::response_stream::{OperationRequest, ResponseStream, StreamItem};
use crate::limits::Limits;
use crate::request_id::RequestId;
use crate::request_meters;
use crate::server::{Connection as Transport, request_memory_bytes};
use frames::{Frames, SocketResult};
use message::{ClientMessage, Close};

const ID_BYTES_MAX: usize = 256;

/// The opening of a WebSocket.
pub(super) struct SocketOpening {
    pub(super) upgrade: WebSocketUpgrade,
    pub(super) request: UpgradeRequest,
    /// The place among the open WebSockets.
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) transport: Option<Arc<Transport>>,
}

/// The facts about the request that opens a WebSocket. `connection_init` may replace the identity.
pub(super) struct UpgradeRequest {
    /// `None` if `connection_init` has to identify the caller.
    pub(super) identity: Option<Identity>,
    /// The headers that the fetches of the operations carry.
    pub(super) headers: PropagatedHeaders,
    pub(super) id: RequestId,
}

impl SocketOpening {
    /// Accepts the WebSocket. `serve` gets its frames if the client speaks the protocol, and returns how they end.
    pub(super) fn accept<F>(
        self,
        limits: &Limits,
        serve: impl FnOnce(Frames, UpgradeRequest) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = (Frames, SocketResult)> + Send,
    {
        let Self {
            upgrade,
            request,
            permit,
            transport,
        } = self;
        if let Some(transport) = &transport {
            transport.mark_websocket();
        }
        let address = contract::client_address();
        let values_max = limits.request_values_max;
        frames::bounded(upgrade, limits.body_bytes_max).on_upgrade(move |socket| {
            let protocol_agreed = socket.protocol().is_some();
            let frames = Frames::new(socket, transport, values_max);
            contract::with_client_address(address, async move {
                let _permit = permit;
                let (mut frames, end) = if protocol_agreed {
                    // Boxed, because it is the larger part of this future, which axum moves while it opens the socket.
                    serve(frames, request).boxed().await
                } else {
                    (frames, Err(Close::protocol().into()))
                };
                frames.end(end).await;
            })
        })
    }
}

/// Accepts a WebSocket, whose operations go to the graph.
pub(super) fn open(gateway: Gateway, opening: SocketOpening) -> Response {
    let limits = Arc::clone(&gateway.limits);
    opening.accept(&limits, |frames, request| async move {
        let UpgradeRequest { identity, headers, id } = request;
        let mut connection = WebSocketConnection::new(gateway, frames, id);
        connection.headers = headers;
        let end = connection.run(identity).await;
        // Without the rest of the connection, all running operations end at once, whatever the client does.
        (connection.frames, end)
    })
}

struct WebSocketConnection {
    gateway: Gateway,
    frames: Frames,
    id: RequestId,
    /// The headers that the fetches of the operations carry.
    headers: PropagatedHeaders,
    operations: StreamMap<String, ResponseStream>,
    /// Set when the connection has to end, as soon as the running operations have finished.
    closing: Option<Close>,
    /// The approximate memory of the last message, in bytes.
    message_memory_bytes: usize,
}

impl WebSocketConnection {
    fn new(gateway: Gateway, frames: Frames, id: RequestId) -> Self {
        Self {
            gateway,
            frames,
            id,
            headers: None,
            operations: StreamMap::new(),
            closing: None,
            message_memory_bytes: 0,
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
                error = &mut invalidated, if open => self.closing = Some(Close::unauthorized(&error)),
                () = shutdown.cancelled(), if open => self.closing = Some(Close::shutting_down()),
                Some((id, part)) = self.operations.next(), if !self.operations.is_empty() => self.send_item(id, part).await?,
                message = self.frames.socket.recv() => {
                    if let Some(message) = self.decode(message).await? {
                        self.handle_message(message, &identity).boxed().await?;
                    }
                }
                _ = self.frames.keep_alive.tick() => self.frames.check_alive().await?,
            }
        }
    }

    /// Waits for `connection_init` and authenticates the caller.
    async fn initialise(&mut self, from_headers: Option<Identity>) -> SocketResult<Identity> {
        let time = Duration::from_millis(self.gateway.limits.connection_init_ms_max);
        let until = Instant::now() + time;
        loop {
            let message = tokio::select! {
                message = timeout_at(until, self.frames.socket.recv()) => message,
                () = self.gateway.shutdown.cancelled() => return Err(Close::shutting_down().into()),
            };
            let Ok(message) = message else {
                return Err(Close::initialisation_timeout().into());
            };
            match self.decode(message).await? {
                None | Some(ClientMessage::Pong { .. } | ClientMessage::Complete { .. }) => {}
                Some(ClientMessage::Ping { payload }) => self.send(message::pong(payload)).await?,
                Some(ClientMessage::Subscribe { .. }) => return Err(Close::new(4401, "Unauthorized").into()),
                Some(ClientMessage::ConnectionInit { payload }) => {
                    let identity = identify(&self.gateway, from_headers, payload.as_ref());
                    let identity = identity.map_err(|error| Close::forbidden(&error))?;
                    if let Ok(Some(value)) = message::authorization(payload.as_ref()) {
                        self.headers = self.gateway.callers.propagated_with(self.headers.take(), value);
                    }
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
            return Err(Close::unauthorized(&error).into());
        }
        let memory = ParamsMemory::Estimated(self.message_memory_bytes);
        let params = match sent.into_params(memory, &self.gateway) {
            Ok(params) => params,
            Err(DocumentError::Missing) => {
                return Err(Close::new(4400, "Invalid message: a subscribe has a query").into());
            }
            Err(refusal) => {
                let error = HttpError::from(refusal);
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
    async fn decode(&mut self, frame: Option<Result<Message, axum::Error>>) -> SocketResult<Option<ClientMessage>> {
        let Some(text) = self.frames.decode(frame).await? else {
            return Ok(None);
        };
        match json::object_from_str(&text) {
            Ok(message) => {
                self.message_memory_bytes = request_memory_bytes(text.as_bytes());
                Ok(Some(message))
            }
            Err(error) => Err(Close::new(4400, format!("Invalid message: {error}")).into()),
        }
    }

    async fn send(&mut self, text: String) -> SocketResult {
        self.frames.send(Message::Text(text.into())).await
    }
}

/// Returns the caller that `connection_init` identifies, or else the request that opened the WebSocket.
///
/// # Errors
/// When neither identifies a caller, or the token is not valid.
pub(super) fn identify(
    gateway: &Gateway,
    from_headers: Option<Identity>,
    payload: Option<&Map<String, Value>>,
) -> Result<Identity, TokenError> {
    match message::authorization(payload) {
        Ok(None) => {
            let identity = from_headers.ok_or(TokenError::Missing)?;
            gateway.auth.require_valid(&identity)?;
            Ok(identity)
        }
        Ok(Some(value)) => gateway.auth.identify_bearer(value),
        Err(()) => Err(TokenError::Invalid),
    }
}

fn until_invalidated(gateway: &Gateway, identity: &Identity) -> BoxFuture<'static, TokenError> {
    if identity.expires_us.is_none() {
        return pending().boxed();
    }
    let (auth, identity) = (gateway.auth.clone(), identity.clone());
    async move { auth.until_invalidated(&identity).await }.boxed()
}
