//! The WebSockets of a subgraph: async-graphql-axum speaks `graphql-transport-ws` between two bounded queues.
//!
//! [`Connection`] owns the socket. It passes the router's messages to the library one by one, sends the messages that the library has put
//! into a bounded queue, and closes the socket when the caller's session or the process ends.

use std::future::{pending, poll_fn};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::Data;
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message};
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contract::TokenError;
use futures_util::future::FutureExt;
use futures_util::sink::{self, Sink};
use futures_util::stream::StreamExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;

use super::executor::{Session, SubgraphExecutor};
use crate::auth::Identity;
use crate::gateway::Gateway;
use crate::http::response_queue::{QueueItem, QueuedItem, ResponseQueue};
use crate::http::socket::frames::{Frames, PROTOCOL, SocketResult};
use crate::http::socket::message::Close;
use crate::http::socket::{SocketOpening, UpgradeRequest, identify};
use crate::request_meters::Queue;

/// The messages that the router has not read yet, and the close that follows them.
type MessageQueue = ResponseQueue<Close, Message>;

impl QueuedItem for Message {
    fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes.len(),
            Self::Close(_) => 0,
        }
    }
}

/// Accepts a WebSocket.
pub(super) async fn open(gateway: Gateway, opening: SocketOpening) -> Response {
    let protocol = match protocol().await {
        Ok(protocol) => protocol,
        Err(status) => return status.into_response(),
    };
    let limits = Arc::clone(&gateway.limits);
    opening.accept(&limits, move |frames, request| {
        serve(gateway, protocol, frames, request)
    })
}

/// Returns the library's form of the protocol. It is the only one that the upgrade accepts, whatever else the router offers.
async fn protocol() -> Result<GraphQLProtocol, StatusCode> {
    let request = Request::builder().header(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    let request = request.body(()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    GraphQLProtocol::from_request_parts(&mut request.into_parts().0, &()).await
}

async fn serve(
    gateway: Gateway,
    protocol: GraphQLProtocol,
    frames: Frames,
    request: UpgradeRequest,
) -> (Frames, SocketResult) {
    let queue = MessageQueue::new(&gateway.limits, &gateway.permits.queued_bytes);
    let (incoming, messages) = mpsc::channel(1);
    let session = Session::of_socket(gateway.clone(), request.id);
    let (initialised, caller) = oneshot::channel();
    let refusal: Arc<OnceLock<TokenError>> = Arc::default();
    let initialise = {
        let (session, refusal) = (Arc::clone(&session), Arc::clone(&refusal));
        move |payload: serde_json::Value| async move {
            match identify(&session.gateway, request.identity, payload.as_object()) {
                Ok(identity) => {
                    let identity = session.identity.get_or_init(|| identity);
                    // The connection that receives it owns this future, so it is there.
                    let _received = initialised.send(identity.clone());
                    Ok(Data::default())
                }
                Err(error) => {
                    let message = error.to_string();
                    let _first = refusal.set(error);
                    Err(async_graphql::Error::new(message))
                }
            }
        }
    };
    let messages = ReceiverStream::new(messages).map(Ok);
    let sink = outgoing(gateway.clone(), Arc::clone(&queue));
    let library = GraphQLWebSocket::new_with_pair(sink, messages, SubgraphExecutor(Arc::clone(&session)), protocol)
        .on_connection_init(initialise)
        .serve();
    let mut connection = Connection {
        frames,
        queue: Arc::clone(&queue),
        refusal,
        open_operations: session.open_operations.subscribe(),
    };
    let end = {
        let serving = async {
            library.await;
            queue.end(None);
            // The connection sends the queued messages first.
            pending().await
        };
        tokio::select! {
            end = connection.run(&gateway, caller, incoming) => end,
            end = serving => end,
        }
    };
    queue.close();
    (connection.frames, end)
}

/// The end of the sink: the router is gone, or too slow.
struct SinkEnded;

/// Returns the sink that the library writes to. While the queue is full it waits; if the queue stays full, the connection ends.
fn outgoing(gateway: Gateway, queue: Arc<MessageQueue>) -> impl Sink<Message, Error = SinkEnded> {
    let wait_max = Duration::from_millis(gateway.limits.subscriber_ms_max);
    sink::unfold((gateway, queue), move |(gateway, queue), message| async move {
        match timeout(wait_max, queue.push(message)).await {
            Ok(true) => Ok((gateway, queue)),
            Ok(false) => Err(SinkEnded),
            Err(_elapsed) => {
                gateway.permits.meters.record_refusal(Queue::SubscriberQueue);
                queue.end(Some(Close::too_slow()));
                Err(SinkEnded)
            }
        }
    })
}

/// The socket, between the router and the library's queues.
struct Connection {
    frames: Frames,
    queue: Arc<MessageQueue>,
    /// The reason that `connection_init` was refused.
    refusal: Arc<OnceLock<TokenError>>,
    open_operations: watch::Receiver<usize>,
}

impl Connection {
    /// Runs until the connection has to end. The library's messages come from the queue; the router's go to `incoming`.
    async fn run(
        &mut self,
        gateway: &Gateway,
        caller: oneshot::Receiver<Identity>,
        incoming: mpsc::Sender<Message>,
    ) -> SocketResult {
        let invalidated = until_invalidated(gateway, caller);
        tokio::pin!(invalidated);
        // Set when the connection has to end, as soon as the open operations have.
        let mut closing = None;
        let mut received = None;
        loop {
            let is_open = closing.is_none();
            tokio::select! {
                close = &mut invalidated, if is_open => closing = Some(close),
                () = gateway.shutdown.cancelled(), if is_open => closing = Some(Close::shutting_down()),
                () = until_idle(&mut self.open_operations), if !is_open => break,
                item = poll_fn(|context| self.queue.poll_next(context)) => self.send(item).await?,
                place = incoming.reserve(), if received.is_some() => {
                    // Without a place the library has ended, and the queue says how.
                    if let (Some(text), Ok(place)) = (received.take(), place) {
                        place.send(Message::Text(text));
                    }
                }
                frame = self.frames.socket.recv(), if received.is_none() => received = self.frames.decode(frame).await?,
                _ = self.frames.keep_alive.tick() => self.frames.check_alive().await?,
            }
        }
        while let Some(item) = poll_fn(|context| self.queue.poll_next(context)).now_or_never() {
            self.send(item).await?;
        }
        Err(closing.unwrap_or_else(Close::shutting_down).into())
    }

    /// Sends a message of the library, or ends the connection as it asks for.
    async fn send(&mut self, item: QueueItem<Close, Message>) -> SocketResult {
        match item {
            QueueItem::Response(Message::Close(frame)) => Err(self.close_of(frame).into()),
            QueueItem::Response(message) => self.frames.send(message).await,
            QueueItem::End(close) => Err(close.unwrap_or_else(Close::normal).into()),
        }
    }

    /// Returns the close of the protocol for the library's. The library closes after a refused `connection_init` with the code of a
    /// protocol error.
    fn close_of(&self, frame: Option<CloseFrame>) -> Close {
        match (self.refusal.get(), frame) {
            (Some(error), _) => Close::forbidden(error),
            (None, Some(frame)) => Close::new(frame.code, frame.reason.as_str()),
            (None, None) => Close::normal(),
        }
    }
}

/// Waits until the caller is no longer valid, or does not identify itself in time. Returns the close for that.
async fn until_invalidated(gateway: &Gateway, caller: oneshot::Receiver<Identity>) -> Close {
    let time_max = Duration::from_millis(gateway.limits.connection_init_ms_max);
    match timeout(time_max, caller).await {
        Ok(Ok(identity)) => Close::unauthorized(&gateway.auth.until_invalidated(&identity).await),
        // The refusal closes the connection.
        Ok(Err(_refused)) => pending().await,
        Err(_elapsed) => Close::initialisation_timeout(),
    }
}

async fn until_idle(open_operations: &mut watch::Receiver<usize>) {
    // An error means that no session is left, and so no operation.
    let _idle = open_operations.wait_for(|count| *count == 0).await;
}
