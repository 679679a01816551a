//! A subscription client: prints the events of a subscription over WebSocket, by the protocol `graphql-transport-ws`.
//!
//! ```sh
//! cargo run -- demo
//! cargo run --example subscription_client -- ws://127.0.0.1:4000/graphql 'subscription { bookChanged { title quantity } }'
//! curl -X POST http://127.0.0.1:4000/bookstore/purchase/2
//! ```
//!
//! A number as the third argument ends it after so many events, a token as the fourth signs it in.

use std::error::Error;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const USAGE: &str = "usage: subscription_client URL DOCUMENT [COUNT [TOKEN]]";
/// The id of the operation. A connection can have many at once, and each message names the one that it belongs to.
const ID: &str = "1";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(document)) = (arguments.next(), arguments.next()) else {
        return Err(USAGE.into());
    };
    let count: usize = arguments.next().map_or(Ok(usize::MAX), |count| count.parse())?;
    let token = arguments.next();

    let mut connection = Connection::open(&url, token.as_deref()).await?;
    connection.subscribe(&document).await?;
    for _ in 0..count {
        let Some(event) = connection.next_event().await? else {
            // The server has ended the subscription.
            return Ok(());
        };
        println!("{event}");
    }
    connection.close().await
}

/// An initialised connection with one subscription.
struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Connection {
    /// Connects, and signs in where there is a token. The server answers a bad token with close code 4403.
    async fn open(url: &str, token: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let mut request = url.into_client_request()?;
        let protocol = HeaderValue::from_static("graphql-transport-ws");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (socket, _) = connect_async(request).await?;
        let mut connection = Self { socket };
        let payload = token.map(|token| json!({ "authorization": format!("Bearer {token}") }));
        connection
            .send(json!({ "type": "connection_init", "payload": payload.unwrap_or_else(|| json!({})) }))
            .await?;
        let message = connection.receive().await?;
        if message["type"] != "connection_ack" {
            return Err(format!("expected connection_ack, received {message}").into());
        }
        Ok(connection)
    }

    async fn subscribe(&mut self, document: &str) -> Result<(), Box<dyn Error>> {
        self.send(json!({ "id": ID, "type": "subscribe", "payload": { "query": document } }))
            .await
    }

    /// Returns the next answer of the subscription; `None` at its end.
    async fn next_event(&mut self) -> Result<Option<Value>, Box<dyn Error>> {
        loop {
            let mut message = self.receive().await?;
            match message["type"].as_str() {
                Some("next") => return Ok(Some(message["payload"].take())),
                Some("complete") => return Ok(None),
                // The server has refused the operation, or ended it with an error.
                Some("error") => return Err(message["payload"].to_string().into()),
                Some("ping") => self.send(json!({ "type": "pong" })).await?,
                _ => {}
            }
        }
    }

    /// Ends the subscription, then the connection.
    async fn close(mut self) -> Result<(), Box<dyn Error>> {
        self.send(json!({ "id": ID, "type": "complete" })).await?;
        Ok(self.socket.close(None).await?)
    }

    async fn send(&mut self, message: Value) -> Result<(), Box<dyn Error>> {
        Ok(self.socket.send(Message::text(message.to_string())).await?)
    }

    async fn receive(&mut self) -> Result<Value, Box<dyn Error>> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text)?),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(format!("the server closed the connection: {} {}", frame.code, frame.reason).into());
                }
                // The library answers pings of WebSocket itself.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err("the connection is closed".into()),
            }
        }
    }
}
