//! A WebSocket of a person, by the protocol `graphql-transport-ws`, with two subscriptions: orders and messages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::http::Target;
use crate::values::id_number;

/// The longest wait for the handshake.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

const ORDERS: &str = "orders";
const MESSAGES: &str = "messages";

type Socket = WebSocketStream<TcpStream>;

/// An open WebSocket. It ends when this is dropped.
pub struct Watch {
    seen: Arc<Seen>,
    reader: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The events that have arrived. They grow with what one person does in one life, which is bounded.
#[derive(Default)]
struct Seen {
    events: Mutex<Events>,
    arrived: Notify,
}

#[derive(Default)]
struct Events {
    /// The statuses of each order, in the order of their arrival.
    orders: BTreeMap<i64, Vec<String>>,
    messages: Vec<(i64, String)>,
    /// The reason why no more events arrive.
    ended: Option<String>,
}

impl Watch {
    /// Opens the WebSocket, signs in and subscribes.
    ///
    /// The server does not say when a subscription has begun: the first event shows it.
    ///
    /// # Errors
    /// The reason, as a sentence.
    pub async fn open(target: &Target, token: &str) -> Result<Self, String> {
        let opened = tokio::time::timeout(OPEN_TIMEOUT, connect(target, token)).await;
        let socket = opened.map_err(|_| "the WebSocket did not open in time".to_owned())??;
        let seen = Arc::new(Seen::default());
        let reader = tokio::spawn(read(socket, seen.clone()));
        Ok(Self { seen, reader })
    }

    /// Waits until an event shows that order in that status.
    ///
    /// # Errors
    /// The reason why the event did not arrive, as a sentence.
    pub async fn order(&self, id: i64, status: &str, timeout: Duration) -> Result<(), String> {
        let is_there = |events: &Events| {
            let statuses = events.orders.get(&id);
            statuses.is_some_and(|statuses| statuses.iter().any(|seen| seen == status))
        };
        self.wait(is_there, timeout).await.map_err(|reason| {
            let statuses = self.seen.lock().orders.get(&id).cloned().unwrap_or_default();
            format!("no event for order {id} as {status} (seen: {statuses:?}): {reason}")
        })
    }

    /// Waits until an event shows that order in any status.
    pub async fn any_of_order(&self, id: i64, timeout: Duration) -> Result<(), String> {
        self.wait(|events| events.orders.contains_key(&id), timeout).await
    }

    /// Waits until the message with that id has arrived.
    pub async fn message(&self, id: i64, timeout: Duration) -> Result<(), String> {
        let is_there = |events: &Events| events.messages.iter().any(|(seen, _)| *seen == id);
        self.wait(is_there, timeout).await
    }

    /// Whether no more events arrive.
    pub fn has_ended(&self) -> bool {
        self.seen.lock().ended.is_some()
    }

    /// Returns the messages that arrived, in order: id and text.
    pub fn messages(&self) -> Vec<(i64, String)> {
        self.seen.lock().messages.clone()
    }

    /// Returns the statuses of an order, in the order of their arrival.
    pub fn statuses(&self, id: i64) -> Vec<String> {
        self.seen.lock().orders.get(&id).cloned().unwrap_or_default()
    }

    async fn wait(&self, is_there: impl Fn(&Events) -> bool, timeout: Duration) -> Result<(), String> {
        let arrival = async {
            loop {
                // Made before the check: an event between the two is not missed.
                let arrived = self.seen.arrived.notified();
                {
                    let events = self.seen.lock();
                    if is_there(&events) {
                        return Ok(());
                    }
                    if let Some(reason) = &events.ended {
                        return Err(reason.clone());
                    }
                }
                arrived.await;
            }
        };
        let waited = tokio::time::timeout(timeout, arrival).await;
        waited.unwrap_or_else(|_| Err("the event did not arrive in time".to_owned()))
    }
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, message: &Value) {
        let mut events = self.lock();
        let data = message.pointer("/payload/data");
        match (message["id"].as_str(), message["type"].as_str(), data) {
            (Some(ORDERS), Some("next"), Some(data)) => {
                let order = &data["orderChanged"];
                if let (Some(id), Some(status)) = (id_number(&order["id"]), order["status"].as_str()) {
                    events.orders.entry(id).or_default().push(status.to_owned());
                }
            }
            (Some(MESSAGES), Some("next"), Some(data)) => {
                let message = &data["newMessage"];
                if let (Some(id), Some(contents)) = (id_number(&message["id"]), message["contents"].as_str()) {
                    events.messages.push((id, contents.to_owned()));
                }
            }
            (_, Some("error" | "complete" | "next"), _) => {
                events.ended = Some(format!("the server ended a subscription: {message}"));
            }
            _ => {}
        }
        drop(events);
        self.arrived.notify_waiters();
    }

    fn end(&self, reason: String) {
        self.lock().ended.get_or_insert(reason);
        self.arrived.notify_waiters();
    }
}

/// Opens a WebSocket that has been acknowledged.
pub(crate) async fn open_socket(target: &Target, token: &str) -> Result<Socket, String> {
    let stream = TcpStream::connect(target.authority()).await;
    let stream = stream.map_err(|error| format!("the WebSocket cannot connect: {error}"))?;
    let mut request = format!("ws://{}/graphql", target.authority())
        .into_client_request()
        .map_err(|error| error.to_string())?;
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let opened = client_async(request, stream).await;
    let (mut socket, _) = opened.map_err(|error| format!("the WebSocket was not accepted: {error}"))?;
    let payload = json!({ "authorization": format!("Bearer {token}") });
    send(&mut socket, &json!({ "type": "connection_init", "payload": payload })).await?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.contains("connection_ack") => return Ok(socket),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(other)) => return Err(format!("expected connection_ack, received {other}")),
            Some(Err(error)) => return Err(format!("the WebSocket broke: {error}")),
            None => return Err("the WebSocket ended before connection_ack".to_owned()),
        }
    }
}

async fn connect(target: &Target, token: &str) -> Result<Socket, String> {
    let mut socket = open_socket(target, token).await?;
    for (id, document) in [
        (ORDERS, "subscription { orderChanged { id status } }"),
        (MESSAGES, "subscription { newMessage { id contents } }"),
    ] {
        send(
            &mut socket,
            &json!({ "id": id, "type": "subscribe", "payload": { "query": document } }),
        )
        .await?;
    }
    Ok(socket)
}

async fn send(socket: &mut Socket, message: &Value) -> Result<(), String> {
    let sent = socket.send(Message::text(message.to_string())).await;
    sent.map_err(|error| format!("the WebSocket broke: {error}"))
}

async fn read(mut socket: Socket, seen: Arc<Seen>) {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let Ok(message) = serde_json::from_str::<Value>(&text) else {
                    return seen.end("the WebSocket sent no JSON".to_owned());
                };
                if message["type"] == "ping" {
                    // A failure shows at the next read.
                    let _ = send(&mut socket, &json!({ "type": "pong" })).await;
                } else {
                    seen.receive(&message);
                }
            }
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map_or_else(|| "no reason".to_owned(), |frame| frame.to_string());
                return seen.end(format!("the server closed the WebSocket: {reason}"));
            }
            // Tungstenite answers pings by itself.
            Some(Ok(_)) => {}
            Some(Err(error)) => return seen.end(format!("the WebSocket broke: {error}")),
            None => return seen.end("the WebSocket ended".to_owned()),
        }
    }
}
