//! Subscriptions by the protocol `graphql-transport-ws`, each over a socket of its own.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Name, Value};
use engine::subgraph::SubgraphRequest;
use engine::tape::Bounds;
use futures_util::{SinkExt, StreamExt};
use http::header::{HOST, SEC_WEBSOCKET_PROTOCOL};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Uri};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::event::SourceEvent;
use crate::connector::Io;
use crate::endpoint::Endpoint;
use crate::json;
use crate::request::{RequestParts, insert_correlation};
use crate::response::{Fields, ResponseReader};
use crate::subgraph_error::SubgraphError;

const PROTOCOL: HeaderValue = HeaderValue::from_static("graphql-transport-ws");
/// The id of the subscription: a socket has only one.
const ID: &str = "1";
/// Codes with which a server closes a socket because of the request: the same request would be closed again.
const FATAL_CLOSE_CODES: std::ops::Range<u16> = 4400..4500;

/// A subscription over a socket of its own.
pub struct WebSocket {
    stream: WebSocketStream<Box<dyn Io>>,
    reader: Arc<ResponseReader>,
    /// The time without a message after which the subgraph is pinged, and after which again the connection is given up.
    silence: Duration,
}

impl WebSocket {
    /// Connects and subscribes.
    ///
    /// # Errors
    /// When the subgraph cannot be reached or does not accept the protocol.
    pub async fn open(
        endpoint: &Endpoint,
        request: &SubgraphRequest,
        caller: HeaderMap,
        connection_init: Option<serde_json::Value>,
    ) -> Result<Self, SubgraphError> {
        let settings = &endpoint.settings;
        let mut upgrade = websocket_url(endpoint)?.into_client_request().map_err(error_of)?;
        add_headers(upgrade.headers_mut(), caller, &request.request_id, &endpoint.host);
        let bytes_max = endpoint.reader.bytes_max;
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1_024)
            .write_buffer_size(0)
            .max_message_size(Some(bytes_max))
            .max_frame_size(Some(bytes_max));
        let stream = endpoint.connector.connect().await?;
        let (stream, _) = client_async_with_config(upgrade, stream, Some(config))
            .await
            .map_err(error_of)?;
        let mut socket = Self {
            stream,
            reader: Arc::clone(&endpoint.reader),
            silence: settings.silence_max() / 2,
        };
        socket.initialize(connection_init).await?;
        socket.subscribe(&RequestParts::new(request, &[])).await?;
        Ok(socket)
    }

    /// Waits for the next event of the subscription.
    ///
    /// # Errors
    /// When the connection breaks, or the subgraph breaks the protocol.
    pub async fn next(&mut self) -> Result<SourceEvent, SubgraphError> {
        loop {
            let mut message = self.receive().await?;
            match &*message.kind {
                "next" => return Ok(SourceEvent::Next(self.response(message.payload))),
                "error" => {
                    let errors = message.payload.unwrap_or_default();
                    let map = Value::Object([(Name::new("errors"), errors)].into_iter().collect());
                    return Ok(SourceEvent::Rejected(self.response(Some(map))));
                }
                "complete" => return Ok(SourceEvent::Complete),
                "ping" => self.send_pong(message.payload.take()).await?,
                "pong" => {}
                _ => {
                    return Err(SubgraphError::SubscriptionProtocol(format!(
                        "a message of type {}",
                        message.kind
                    )));
                }
            }
        }
    }

    /// Sends `connection_init` and waits until the subgraph acknowledges it.
    async fn initialize(&mut self, payload: Option<serde_json::Value>) -> Result<(), SubgraphError> {
        let init = match payload {
            Some(payload) => serde_json::json!({ "type": "connection_init", "payload": payload }),
            None => serde_json::json!({ "type": "connection_init" }),
        };
        self.send(init.to_string()).await?;
        loop {
            let message = self.receive().await?;
            match &*message.kind {
                "connection_ack" => return Ok(()),
                "ping" => self.send_pong(message.payload).await?,
                "pong" => {}
                _ => {
                    return Err(SubgraphError::SubscriptionProtocol(format!(
                        "{} before connection_ack",
                        message.kind
                    )));
                }
            }
        }
    }

    async fn subscribe(&mut self, request: &RequestParts) -> Result<(), SubgraphError> {
        let payload = String::from_utf8_lossy(&request.body);
        let message = format!(r#"{{"id":"{ID}","type":"subscribe","payload":{payload}}}"#);
        self.send(message).await
    }

    /// Returns the response of a payload; one with an error if it is none.
    fn response(&self, payload: Option<Value>) -> async_graphql::Response {
        let read = self.reader.read(payload.unwrap_or_default());
        read.unwrap_or_else(|error| self.reader.failure(error))
    }

    /// Waits for the next message of the protocol, and pings a subgraph that is silent.
    async fn receive(&mut self) -> Result<ProtocolMessage, SubgraphError> {
        let mut is_pinged = false;
        loop {
            let received = match timeout(self.silence, self.stream.next()).await {
                Ok(received) => received,
                Err(_) if is_pinged => return Err(SubgraphError::Silence(self.silence * 2)),
                Err(_) => {
                    is_pinged = true;
                    self.send(r#"{"type":"ping"}"#.to_owned()).await?;
                    continue;
                }
            };
            is_pinged = false;
            match received {
                Some(Ok(Message::Text(text))) => return ProtocolMessage::parse(&text, self.reader.bounds),
                Some(Ok(Message::Close(Some(frame)))) if FATAL_CLOSE_CODES.contains(&frame.code.into()) => {
                    return Err(SubgraphError::SocketClosed(frame.code.into()));
                }
                Some(Ok(Message::Close(_))) | None => return Err(SubgraphError::ConnectionLost("closed".to_owned())),
                Some(Ok(Message::Binary(_))) => {
                    return Err(SubgraphError::SubscriptionProtocol("a binary message".to_owned()));
                }
                // The library answers pings.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(tungstenite::Error::Capacity(_))) => {
                    return Err(SubgraphError::TooLarge(self.reader.bytes_max));
                }
                Some(Err(error)) => return Err(error_of(error)),
            }
        }
    }

    async fn send_pong(&mut self, payload: Option<Value>) -> Result<(), SubgraphError> {
        let pong = match payload {
            Some(payload) => format!(r#"{{"type":"pong","payload":{}}}"#, json_text(&payload)),
            None => r#"{"type":"pong"}"#.to_owned(),
        };
        self.send(pong).await
    }

    async fn send(&mut self, text: String) -> Result<(), SubgraphError> {
        // A subgraph that does not read must not hold the subscription for ever.
        match timeout(self.silence, self.stream.send(Message::text(text))).await {
            Ok(sent) => sent.map_err(error_of),
            Err(_) => Err(SubgraphError::Silence(self.silence)),
        }
    }
}

/// A message of the protocol.
struct ProtocolMessage {
    kind: String,
    payload: Option<Value>,
}

impl ProtocolMessage {
    fn parse(text: &str, bounds: Bounds) -> Result<Self, SubgraphError> {
        let no_message = || SubgraphError::SubscriptionProtocol("a message without a type".to_owned());
        let parsed = json::parse(text.as_bytes(), bounds);
        let parsed = parsed.map_err(|error| SubgraphError::SubscriptionProtocol(error.to_string()))?;
        let Value::Object(mut fields) = parsed else {
            return Err(no_message());
        };
        let Some(Value::String(kind)) = fields.swap_remove("type") else {
            return Err(no_message());
        };
        let payload = take_payload(&mut fields);
        Ok(Self { kind, payload })
    }
}

fn take_payload(fields: &mut Fields) -> Option<Value> {
    fields.swap_remove("payload").filter(|payload| *payload != Value::Null)
}

fn json_text(value: &Value) -> String {
    serde_json::to_string(value).expect("a JSON value is JSON")
}

/// Returns the address of the socket.
fn websocket_url(endpoint: &Endpoint) -> Result<Uri, SubgraphError> {
    let mut parts = endpoint.url.clone().into_parts();
    let is_encrypted = parts.scheme == Some(Scheme::HTTPS);
    let scheme = if is_encrypted { "wss" } else { "ws" };
    let path = &endpoint.settings.subgraph_websocket_path;
    let wrong_path =
        |error: &dyn std::fmt::Display| SubgraphError::Unreachable(format!("subgraph_websocket_path: {error}"));
    parts.scheme = Some(
        scheme
            .parse()
            .map_err(|error: http::uri::InvalidUri| wrong_path(&error))?,
    );
    if !path.is_empty() {
        parts.path_and_query = Some(PathAndQuery::try_from(path.as_str()).map_err(|error| wrong_path(&error))?);
    }
    Uri::from_parts(parts).map_err(|error| wrong_path(&error))
}

/// Adds the caller's headers to those of the upgrade, which stay.
fn add_headers(upgrade: &mut HeaderMap, caller: HeaderMap, request_id: &str, host: &HeaderValue) {
    let mut last = None;
    for (name, value) in caller {
        last = name.or(last);
        let Some(name) = &last else { continue };
        if !upgrade.contains_key(name) || !is_of_the_connection(name.as_str()) {
            upgrade.append(name, value);
        }
    }
    upgrade.insert(HOST, host.clone());
    upgrade.insert(SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    insert_correlation(upgrade, request_id);
}

fn is_of_the_connection(name: &str) -> bool {
    name.starts_with("sec-websocket") || ["connection", "content-length", "host", "upgrade"].contains(&name)
}

fn error_of(error: tungstenite::Error) -> SubgraphError {
    match error {
        tungstenite::Error::Http(answer) => SubgraphError::NoUpgrade(answer.status().as_u16()),
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Io(_) => SubgraphError::ConnectionLost(error.to_string()),
        _ => SubgraphError::SubscriptionProtocol(error.to_string()),
    }
}
