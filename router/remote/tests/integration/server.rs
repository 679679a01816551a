//! Small servers for the tests.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Version};
use axum::response::Response;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};

/// A request that a server received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The version of HTTP.
    pub version: Version,
    /// The target.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

/// A server over HTTP that remembers its requests and counts its connections.
pub struct TestServer {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
}

impl TestServer {
    /// A server that gives the answer of `answer` to the request of each number, from 0.
    pub async fn start<F, A>(answer: A) -> Self
    where
        A: Fn(usize) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/graphql", listener.local_addr().unwrap());
        Self::start_on(listener, url, answer).await
    }

    /// The same on a listener of the test's own.
    pub async fn start_on<L, F, A>(listener: L, url: String, answer: A) -> Self
    where
        L: Listener<Addr = SocketAddr>,
        A: Fn(usize) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let connections: Arc<AtomicUsize> = Arc::default();
        let handler = {
            let received = Arc::clone(&received);
            move |request: Request| {
                let (received, answer) = (Arc::clone(&received), answer.clone());
                async move { answer(remember(&received, request).await).await }
            }
        };
        let counted = Counted {
            listener,
            connections: Arc::clone(&connections),
        };
        tokio::spawn(async move { axum::serve(counted, Router::new().fallback(handler)).await });
        Self {
            url,
            received,
            connections,
        }
    }

    /// A server with the same answer to every request.
    pub async fn answering(status: u16, media_type: &'static str, body: impl Into<String>) -> Self {
        let body = body.into();
        Self::start(move |_| {
            let answer = answer(status, media_type, body.clone());
            async move { answer }
        })
        .await
    }

    /// The requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// An answer with a body.
pub fn answer(status: u16, media_type: &str, body: impl Into<Body>) -> Response {
    let answer = Response::builder().status(status).header("content-type", media_type);
    answer.body(body.into()).unwrap()
}

/// An answer with a GraphQL response.
pub fn json(body: impl Into<Body>) -> Response {
    answer(200, "application/json", body)
}

/// Remembers a request and returns its number.
async fn remember(received: &Mutex<Vec<Received>>, request: Request) -> usize {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut received = received.lock().unwrap();
    received.push(Received {
        version: head.version,
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    received.len() - 1
}

/// A listener that counts its connections.
struct Counted<L> {
    listener: L,
    connections: Arc<AtomicUsize>,
}

impl<L: Listener> Listener for Counted<L> {
    type Io = L::Io;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let accepted = self.listener.accept().await;
        self.connections.fetch_add(1, Ordering::SeqCst);
        accepted
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A server that treats the connection of each number, from 0, as `treat` says. Returns its address.
pub async fn raw<F, T>(treat: T) -> String
where
    T: Fn(usize, TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            tokio::spawn(treat(number, stream));
        }
    });
    url
}
