//! The events of one connection, over either protocol.

use engine::subgraph::SubgraphRequest;
use http::HeaderMap;
use serde_json::Value;

use super::event::SourceEvent;
use super::event_stream::EventStream;
use super::websocket::WebSocket;
use crate::endpoint::Endpoint;
use crate::settings::SubscriptionProtocol;
use crate::subgraph_error::SubgraphError;

/// A subscription over one connection.
pub enum EventSource {
    /// By the protocol `graphql-transport-ws`.
    WebSocket(Box<WebSocket>),
    /// By server-sent events.
    EventStream(Box<EventStream>),
}

impl EventSource {
    /// Connects and subscribes.
    ///
    /// # Errors
    /// When the subgraph cannot be reached or does not accept the protocol.
    pub async fn open(
        endpoint: &Endpoint,
        request: &SubgraphRequest,
        caller: HeaderMap,
        connection_init: impl FnOnce() -> Option<Value>,
    ) -> Result<Self, SubgraphError> {
        match endpoint.settings.subgraph_subscriptions {
            SubscriptionProtocol::Websocket => {
                let socket = WebSocket::open(endpoint, request, caller, connection_init()).await?;
                Ok(Self::WebSocket(Box::new(socket)))
            }
            SubscriptionProtocol::Sse => {
                let events = EventStream::open(endpoint, request, caller).await?;
                Ok(Self::EventStream(Box::new(events)))
            }
        }
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<SourceEvent, SubgraphError> {
        match self {
            Self::WebSocket(socket) => socket.next().await,
            Self::EventStream(events) => events.next().await,
        }
    }
}
