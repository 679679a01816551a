//! Callers that send requests to Agora over HTTP.

use std::ops::Deref;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use testing::{Answer, Client, Request, Transport};

/// The longest wait for a response: a test fails instead of waiting forever.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// A caller of Agora over HTTP. It dereferences to its [`Client`] of the graph; the other methods send any request.
#[derive(Clone)]
pub struct HttpClient {
    transport: HttpTransport,
    graph: Client,
}

impl Deref for HttpClient {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.graph
    }
}

impl HttpClient {
    /// Returns a caller without a token, at that address.
    pub fn new(url: &str) -> Self {
        Self::over(HttpTransport {
            url: url.to_owned(),
            client: reqwest::Client::new(),
            token: None,
        })
    }

    fn over(transport: HttpTransport) -> Self {
        Self {
            graph: Client::new(transport.clone()),
            transport,
        }
    }

    /// Returns the caller's client of the graph alone.
    pub fn graph(&self) -> &Client {
        &self.graph
    }

    /// Returns the bearer token, if any.
    pub fn token(&self) -> Option<&str> {
        self.transport.token.as_deref()
    }

    /// Signs in the person of the demo with that name.
    pub async fn sign_in(&self, username: &str) -> Self {
        let person = self.graph.sign_in(username, agora::demo::PASSWORD).await;
        self.with_token(&person.token)
    }

    /// Registers a person with that role and, for a broker, that fee. Returns the id and the signed-in caller. The
    /// password is the one of the demo.
    pub async fn register(&self, username: &str, role: &str, fee_percent: Option<f64>) -> (i64, Self) {
        let input = json!({
            "username": username, "password": agora::demo::PASSWORD, "role": role, "brokerageFeePercent": fee_percent,
        });
        let person = self.graph.register(input).await;
        (person.id, self.with_token(&person.token))
    }

    /// Returns the same caller with another base address.
    pub fn with_url(&self, url: &str) -> Self {
        Self::over(HttpTransport {
            url: url.to_owned(),
            ..self.transport.clone()
        })
    }

    /// Returns the same caller with that token.
    pub fn with_token(&self, token: &str) -> Self {
        Self::over(self.transport.with_token(token))
    }

    /// Executes a document as [`Client::query`] does; returns `None` when the server stops before it answers.
    pub async fn try_query(&self, document: &str, variables: &Value) -> Option<Answer> {
        let request = Request::new(document, variables.clone());
        self.transport.try_execute(&request).await.ok()
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Response {
        self.send(self.request("GET", path)).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.send(self.request("POST", path).json(&body)).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> Response {
        self.send(self.request("DELETE", path)).await
    }

    /// Starts a request, to be completed and passed to [`send`](Self::send).
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.transport.request(method, path)
    }

    /// Sends a request that [`request`](Self::request) started.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Response {
        Response::read(request).await.expect("the server answers")
    }

    /// Sends a GraphQL request; [`Client::query`] does so with a document and its variables only.
    pub async fn execute(&self, request: Request) -> Answer {
        self.graph.send(request).await
    }
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body as JSON, or as a string when it is no JSON.
    pub body: Value,
}

impl Response {
    /// Sends a request and reads the response.
    async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<Self> {
        let response = request.timeout(RESPONSE_TIMEOUT).send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok(Self {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        })
    }
}

/// The graph of a server, reached over HTTP with a token or without one.
#[derive(Clone)]
struct HttpTransport {
    url: String,
    client: reqwest::Client,
    /// The bearer token, if any.
    token: Option<String>,
}

impl HttpTransport {
    fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn post(&self, request: &Request) -> reqwest::RequestBuilder {
        let headers = request.headers.iter();
        headers.fold(
            self.request("POST", "/graphql").json(&request.body()),
            |post, (name, value)| post.header(name, value),
        )
    }

    async fn try_execute(&self, request: &Request) -> reqwest::Result<Answer> {
        let response = Response::read(self.post(request)).await?;
        assert!(response.body.is_object(), "no GraphQL: {response:?}");
        Ok(Answer::new(response.body).with_status(response.status))
    }

    /// Subscribes through server-sent events.
    async fn events(&self, request: &Request) -> BoxStream<'static, Answer> {
        let request = self.post(request).header("accept", "text/event-stream");
        let response = request.send().await.expect("the server answers");
        assert_eq!(response.status(), 200);
        let state = (response, String::new());
        let events = stream::unfold(state, |(mut response, mut read)| async {
            loop {
                if let Some((event, rest)) = read.split_once("\n\n") {
                    let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                    let data = data.filter(|data| data.starts_with('{'));
                    let answer = data.map(|data| Answer::new(serde_json::from_str(data).expect("JSON")));
                    read = rest.to_owned();
                    match answer {
                        Some(answer) => return Some((answer, (response, read))),
                        None => continue,
                    }
                }
                let chunk = response.chunk().await.ok()??;
                read.push_str(std::str::from_utf8(&chunk).expect("text"));
            }
        });
        events.boxed()
    }
}

impl Transport for HttpTransport {
    fn execute(&self, request: Request) -> BoxFuture<'_, Answer> {
        Box::pin(async move { self.try_execute(&request).await.expect("the server answers") })
    }

    fn subscribe(&self, request: Request) -> BoxFuture<'_, BoxStream<'static, Answer>> {
        Box::pin(async move { self.events(&request).await })
    }

    fn with_token(&self, token: &str) -> Client {
        Client::new(Self::with_token(self, token))
    }
}
