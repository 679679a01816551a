//! A client of the sockets.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::test_server::TestServer;

/// A socket of a client.
pub struct Socket {
    pub stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// A message of the server.
#[derive(Debug, PartialEq)]
pub enum ServerFrame {
    Message(Value),
    Close(u16, String),
    End,
}

/// Serves the routes on a loopback port, and returns its address.
pub async fn listen(server: &TestServer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = server.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address.to_string()
}

/// Opens a socket with these headers in its upgrade.
pub async fn connect(address: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    connect_to(&format!("ws://{address}/graphql"), headers).await
}

/// The same at another path.
pub async fn connect_to(url: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request = url.into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    Ok(Socket {
        stream: connect_async(request).await?.0,
    })
}

/// The header that chooses the protocol.
pub const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

impl Socket {
    pub async fn open(server: &TestServer) -> Self {
        connect(&listen(server).await, &[PROTOCOL]).await.unwrap()
    }

    /// Opens a socket and initialises it as that person.
    pub async fn of(server: &TestServer, user: i64) -> Self {
        let mut socket = Self::open(server).await;
        socket
            .send(json!({ "type": "connection_init", "payload": { "authorization": server.bearer(user) } }))
            .await;
        assert_eq!(
            socket.receive().await,
            ServerFrame::Message(json!({ "type": "connection_ack" }))
        );
        socket
    }

    pub async fn send(&mut self, message: Value) {
        self.stream.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({ "id": id, "type": "subscribe", "payload": { "query": query } }))
            .await;
    }

    pub async fn receive(&mut self) -> ServerFrame {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return ServerFrame::Message(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return ServerFrame::Close(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => return ServerFrame::End,
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn close_code(&mut self) -> u16 {
        match self.receive().await {
            ServerFrame::Close(code, _) => code,
            other => panic!("{other:?}"),
        }
    }

    /// Receives the error message of that operation, and returns the code of its error.
    pub async fn error_code(&mut self, id: &str) -> String {
        let error = self.message().await;
        assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!(id)), "{error}");
        let code = error["payload"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("{error}")).to_owned()
    }

    pub async fn message(&mut self) -> Value {
        match self.receive().await {
            ServerFrame::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }
}

/// The message with a response of an operation.
pub fn next(id: &str, data: Value) -> Value {
    json!({ "id": id, "type": "next", "payload": { "data": data } })
}

/// The message after the last response of an operation.
pub fn complete(id: &str) -> Value {
    json!({ "id": id, "type": "complete" })
}
