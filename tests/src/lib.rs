//! Support for tests: a real server on a loopback port over a fresh data folder, and callers that send it requests.

mod audit;

pub use audit::Audit;

use std::sync::Arc;
use std::time::Duration;

use agora::app::App;
use agora::config::Settings;
use agora::http;
use agora::rest;
use agora::rest_access::AnonymousAccess;
use contract::ManualClock;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// The longest wait for a response: a test fails instead of waiting forever.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// The time at which a test's clock starts: 2026-01-01T00:00:00Z.
pub const START_US: i64 = 1_767_225_600_000_000;

/// A running Agora with the demo's people and books.
pub struct TestApp {
    /// The server's clock, which stands still until a test moves it.
    pub clock: Arc<ManualClock>,
    url: String,
    app: App,
    server: JoinHandle<()>,
    folder: Arc<TempDir>,
    settings: Settings,
}

impl TestApp {
    /// Starts a server over a fresh data folder with the demo's data.
    pub async fn new() -> Self {
        Self::with_settings(Settings::default()).await
    }

    /// Like [`new`](Self::new), with these settings.
    pub async fn with_settings(settings: Settings) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let clock = Arc::new(ManualClock::at_us(START_US));
        let app = Self::start(settings, folder, clock).await;
        agora::demo::seed(&app.app.services).await.expect("the demo's data");
        app
    }

    async fn start(mut settings: Settings, folder: Arc<TempDir>, clock: Arc<ManualClock>) -> Self {
        settings.server.data = folder.path().join("data");
        let app = App::open(&settings, clock.clone()).await.expect("Agora opens");
        let router = app.router(&settings, AnonymousAccess::Loopback, true);
        let (url, server) = serve(&app, router).await;
        Self {
            clock,
            url,
            app,
            server,
            folder,
            settings,
        }
    }

    /// Stops the server as SIGTERM does and starts it again over the same folder.
    pub async fn restart(self) -> Self {
        let Self {
            clock,
            app,
            server,
            folder,
            settings,
            ..
        } = self;
        app.gateway.shutdown.cancel();
        server.await.expect("the server ends");
        app.close().await.expect("the database closes");
        Self::start(settings, folder, clock).await
    }

    /// Serves one REST mount at `/` of its own listener, as `--rest-listen` does, and returns
    /// `http://127.0.0.1:PORT`.
    pub async fn serve_mount(&self, mount: &str) -> String {
        let gateway = &self.app.gateway;
        let routes = rest::service_router(gateway, AnonymousAccess::Loopback, mount, None).expect("a mount");
        let envelope = rest::envelope_of(mount).expect("a mount");
        serve(&self.app, http::with_mount_middleware(gateway, envelope, routes))
            .await
            .0
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Advances the clock.
    pub fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Returns a token of that person that is valid for a hundred years, for tests that advance the clock far.
    pub fn long_lived_token(&self, id: i64, role: contract::Role, admin: bool) -> String {
        const YEARS_SECONDS: i64 = 100 * 365 * 24 * 3_600;
        let services = self.services();
        services
            .keys
            .sign_user(id, role, admin, 0, services.clock.now_us(), YEARS_SECONDS)
            .0
    }

    /// Returns a credential of a service with that name.
    pub fn service_credential(&self, name: &str) -> String {
        let keys = &self.app.services.keys;
        keys.sign_service(name, self.app.services.clock.now_us(), 3_600).0
    }

    /// Returns the services that the domains are built from.
    pub fn services(&self) -> &contract::Services {
        &self.app.services
    }

    /// Returns the data folder.
    pub fn data_folder(&self) -> std::path::PathBuf {
        self.settings.server.data.clone()
    }

    /// Returns a caller without a token.
    pub fn anonymous(&self) -> TestClient {
        TestClient::new(&self.url)
    }

    /// Returns a person of the demo, signed in.
    pub async fn signed_in(&self, username: &str) -> TestClient {
        self.anonymous().sign_in(username).await
    }
}

/// Serves these routes on a loopback port until the app shuts down. Returns the address and the task.
async fn serve(app: &App, router: axum::Router) -> (String, JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a loopback port");
    let url = format!("http://{}", listener.local_addr().expect("a bound address"));
    let shutdown = app.gateway.shutdown.clone();
    let permits = app.gateway.permits.clone();
    let server = tokio::spawn(async move {
        agora::server::serve(listener, router, &permits, shutdown).await;
    });
    (url, server)
}

/// A caller that sends requests to Agora over HTTP.
#[derive(Clone)]
pub struct TestClient {
    url: String,
    client: reqwest::Client,
    /// The bearer token, if any.
    pub token: Option<String>,
}

impl TestClient {
    /// Returns a caller without a token, at that address.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            client: reqwest::Client::new(),
            token: None,
        }
    }

    /// Signs in the person of the demo with that name.
    pub async fn sign_in(&self, username: &str) -> Self {
        let login =
            "mutation($login: String!, $password: String!) { login(login: $login, password: $password) { token } }";
        let answer = self
            .graphql_with(login, json!({ "login": username, "password": agora::demo::PASSWORD }))
            .await;
        let token = answer.data("/login/token").as_str().expect("a token").to_owned();
        self.with_token(&token)
    }

    /// Registers a person with that role and, for a broker, that fee. Returns the id and the signed-in caller. The
    /// password is the one of the demo.
    pub async fn register(&self, username: &str, role: &str, fee_percent: Option<f64>) -> (i64, Self) {
        let register = "mutation($input: RegisterInput!) { register(input: $input) { token user { id } } }";
        let input = json!({
            "username": username, "password": agora::demo::PASSWORD, "role": role, "brokerageFeePercent": fee_percent,
        });
        let made = self.graphql_with(register, json!({ "input": input })).await;
        let text = |pointer| made.data(pointer).as_str().expect("a text");
        let id = text("/register/user/id").parse().expect("an id");
        (id, self.with_token(text("/register/token")))
    }

    /// Returns the same caller with another base address.
    pub fn with_url(&self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self.clone()
        }
    }

    /// Returns the same caller with that token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Sends a GraphQL document by POST.
    pub async fn graphql(&self, query: &str) -> Reply {
        self.graphql_with(query, json!({})).await
    }

    /// Like [`graphql`](Self::graphql), with variables.
    pub async fn graphql_with(&self, query: &str, variables: Value) -> Reply {
        self.send(
            self.request("POST", "/graphql")
                .json(&json!({ "query": query, "variables": variables })),
        )
        .await
    }

    /// Like [`graphql_with`](Self::graphql_with); returns `None` when the server stops before it answers.
    pub async fn try_graphql(&self, query: &str, variables: &Value) -> Option<Reply> {
        let request = self.request("POST", "/graphql");
        let request = request.json(&json!({ "query": query, "variables": variables }));
        let response = request.timeout(RESPONSE_TIMEOUT).send().await.ok()?;
        let status = response.status().as_u16();
        let body = response.bytes().await.ok()?;
        let body = serde_json::from_slice(&body).expect("JSON");
        Some(Reply { status, body })
    }

    /// Subscribes through server-sent events. The stream yields a response for each event.
    pub async fn subscribe(&self, query: &str) -> BoxStream<'static, Value> {
        let request = self.request("POST", "/graphql").header("accept", "text/event-stream");
        let response = request
            .json(&json!({ "query": query }))
            .send()
            .await
            .expect("the server answers");
        assert_eq!(response.status(), 200);
        let state = (response, String::new());
        let events = stream::unfold(state, |(mut response, mut read)| async {
            loop {
                if let Some((event, rest)) = read.split_once("\n\n") {
                    let data = event.lines().find_map(|line| line.strip_prefix("data: {"));
                    let value = data.map(|data| serde_json::from_str(&format!("{{{data}")).expect("JSON"));
                    read = rest.to_owned();
                    match value {
                        Some(value) => return Some((value, (response, read))),
                        None => continue,
                    }
                }
                let chunk = response.chunk().await.ok()??;
                read.push_str(std::str::from_utf8(&chunk).expect("text"));
            }
        });
        events.boxed()
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request("GET", path)).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.request("POST", path).json(&body)).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.request("DELETE", path)).await
    }

    /// Starts a request, to be completed and passed to [`send`](Self::send).
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request that [`request`](Self::request) started.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request
            .timeout(RESPONSE_TIMEOUT)
            .send()
            .await
            .expect("the server answers");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        Reply {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body as JSON, or as a string when it is no JSON.
    pub body: Value,
}

impl Reply {
    /// Returns the value at that JSON pointer of `data`. Fails the test when the response has errors.
    pub fn data(&self, pointer: &str) -> &Value {
        assert!(self.body.get("errors").is_none(), "errors: {}", self.body);
        self.body
            .pointer(&format!("/data{pointer}"))
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.body))
    }

    /// Returns the first error's code.
    pub fn code(&self) -> Option<&str> {
        self.body.pointer("/errors/0/extensions/code").and_then(Value::as_str)
    }
}
