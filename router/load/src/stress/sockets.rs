//! Attacks over WebSocket: subscriptions that are dropped, and messages that the protocol does not have.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::http::Target;
use crate::watch::open_socket;

/// The longest wait for the server to end the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// A step and its result: a reason where the server did not answer as the protocol says.
type Result = (&'static str, std::result::Result<(), String>);

/// Misbehaves in all ways.
pub(super) async fn misbehave(target: &Target, token: &str) -> Vec<Result> {
    let subscribe = |id: &str| {
        let payload = json!({ "query": "subscription { stockChanged { name } }" });
        Message::text(json!({ "id": id, "type": "subscribe", "payload": payload }).to_string())
    };
    let init = || Message::text(r#"{"type":"connection_init"}"#);
    vec![
        (
            "hostile: a dropped subscription",
            drop_subscription(target, token, subscribe("1")).await,
        ),
        (
            "hostile: a WebSocket message of no type",
            closed_with(target, token, vec![Message::text("{}")], 4400).await,
        ),
        (
            "hostile: a WebSocket message of no JSON",
            closed_with(target, token, vec![Message::text("hello")], 4400).await,
        ),
        (
            "hostile: a second connection_init",
            closed_with(target, token, vec![init()], 4429).await,
        ),
        (
            "hostile: an id that is in use",
            closed_with(target, token, vec![subscribe("1"), subscribe("1")], 4409).await,
        ),
        (
            "hostile: a WebSocket message that is too long",
            closed_with(target, token, vec![Message::text("x".repeat(3 << 20))], 1009).await,
        ),
    ]
}

async fn drop_subscription(target: &Target, token: &str, subscribe: Message) -> std::result::Result<(), String> {
    let mut socket = match open_socket(target, token).await {
        Ok(socket) => socket,
        // A server that has too many WebSockets says so.
        Err(reason) if reason.contains("503") => return Ok(()),
        Err(reason) => return Err(reason),
    };
    socket.send(subscribe).await.map_err(|error| error.to_string())
}

/// Sends messages and waits until the server closes the connection with that code.
async fn closed_with(
    target: &Target,
    token: &str,
    messages: Vec<Message>,
    code: u16,
) -> std::result::Result<(), String> {
    let mut socket = match open_socket(target, token).await {
        Ok(socket) => socket,
        Err(reason) if reason.contains("503") => return Ok(()),
        Err(reason) => return Err(reason),
    };
    for message in messages {
        // The server may have closed after an earlier part.
        let _ = socket.send(message).await;
    }
    let closed = async {
        while let Some(message) = socket.next().await {
            match message {
                Ok(Message::Close(frame)) => return frame.map(|frame| u16::from(frame.code)),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        None
    };
    match tokio::time::timeout(CLOSE_TIMEOUT, closed).await {
        Ok(Some(found)) if found == code => Ok(()),
        // A server that resets a connection full of unread bytes is right too.
        Ok(None) if code == 1009 => Ok(()),
        Ok(found) => Err(format!("the server closed with {found:?}, expected {code}")),
        Err(_) => Err(format!("the server did not close with {code} in time")),
    }
}
