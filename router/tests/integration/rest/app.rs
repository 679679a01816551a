//! The systems over a real SQLite file, reached through their REST routes.

use std::sync::Arc;

use agora::auth::Authenticator;
use agora::config::Settings;
use agora::domains;
use agora::gateway::Gateway;
use agora::limits::Limits;
use agora::rest;
use agora::rest_access::AnonymousAccess;
use agora::subgraph::{Subgraph, SubgraphRequest, SubgraphResponse};
use agora::supergraph::Supergraph;
use async_graphql::{Response, ServerError};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use contract::{Role, Services, TokenKeys, Viewer};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use testing::{Client, TestServices};
use tower::ServiceExt;

use crate::graph_client::client;

/// 2026-01-02T03:04:05Z.
pub const NOW_US: i64 = 1_767_323_045_000_000;

/// The bookstore with the sample books and the bazaar with the sample stocks.
pub struct RestApp {
    /// The gateway behind the listeners.
    pub gateway: Gateway,
    /// All mounts under their prefixes.
    pub router: Router,
    keys: Arc<TokenKeys>,
    on: TestServices,
}

/// A response.
pub struct TestResponse {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
}

impl TestResponse {
    /// Parses the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Returns a header, empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns status and body on one line.
    pub fn line(&self) -> String {
        format!("{} {}", self.status, self.text)
    }
}

impl RestApp {
    /// Opens the systems with the policy that routes without authentication serve all callers.
    pub async fn open() -> Self {
        Self::with(AnonymousAccess::Anyone, Limits::default()).await
    }

    /// Opens the systems with the policy that every route needs a token.
    pub async fn closed() -> Self {
        Self::with(AnonymousAccess::Closed, Limits::default()).await
    }

    /// Opens the systems with that policy and those limits.
    pub async fn with(open: AnonymousAccess, limits: Limits) -> Self {
        Self::over(TestServices::new(NOW_US).await, open, limits).await
    }

    /// As [`with`](Self::with), over these services.
    pub async fn over(on: TestServices, open: AnonymousAccess, limits: Limits) -> Self {
        bookstore::demo::seed(&on.services).await.unwrap();
        exchange::demo::seed(&on.services).await.unwrap();
        let gateway = gateway(&on.services, &Settings::default(), limits);
        let router = rest::router(&gateway, open);
        let keys = Arc::clone(&on.services.keys);
        Self {
            gateway,
            router,
            keys,
            on,
        }
    }

    /// Opens the systems with all of the demo's sample data, including its people and their trades.
    pub async fn demo() -> Self {
        Self::demo_with(AnonymousAccess::Anyone).await
    }

    /// As [`demo`](Self::demo), with that policy.
    pub async fn demo_with(open: AnonymousAccess) -> Self {
        let app = Self::with(open, Limits::default()).await;
        agora::demo::seed(&app.on.services).await.unwrap();
        app
    }

    /// Returns a person's token.
    pub fn person(&self, id: i64) -> String {
        self.keys.sign_user(id, Role::Member, false, 1, NOW_US, 3600).0
    }

    /// Returns a service's credential.
    pub fn service(&self) -> String {
        self.service_named("warehouse")
    }

    /// Returns the credential of the service with that name.
    pub fn service_named(&self, name: &str) -> String {
        self.keys.sign_service(name, NOW_US, 3600).0
    }

    /// Sends `METHOD /path`, headers and a body.
    pub async fn send(&self, line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> TestResponse {
        send(&self.router, line, headers, body).await
    }

    /// Returns the number of books.
    pub async fn books(&self) -> usize {
        let books = self.call("GET /bookstore/catalog/books").await.json();
        books.as_array().unwrap().len()
    }

    /// Sends `METHOD /path` without headers or a body.
    pub async fn call(&self, line: &str) -> TestResponse {
        self.send(line, &[], Body::empty()).await
    }

    /// Sends JSON.
    pub async fn json(&self, line: &str, body: &str) -> TestResponse {
        let headers = [("content-type", "application/json")];
        self.send(line, &headers, body.to_owned()).await
    }

    /// Returns the client of that viewer for the graph itself.
    pub fn graph(&self, viewer: Viewer) -> Client {
        client(Arc::clone(&self.gateway.graph), viewer)
    }

    /// Returns the number of copies left of a book.
    pub async fn quantity(&self, book: i64) -> i64 {
        self.call(&format!("GET /bookstore/info/{book}")).await.json()["quantity"]
            .as_i64()
            .unwrap()
    }

    /// Returns the number of sales.
    pub async fn sales(&self) -> usize {
        self.call("GET /bookstore/order/orders")
            .await
            .json()
            .as_array()
            .unwrap()
            .len()
    }
}

/// One mount of the systems with all of the demo's sample data.
pub struct MountApp {
    /// The systems.
    pub app: RestApp,
    prefix: &'static str,
}

impl MountApp {
    /// Opens the systems with the policy that routes without authentication serve all callers.
    pub async fn open(prefix: &'static str) -> Self {
        let app = RestApp::demo().await;
        Self { app, prefix }
    }

    /// Opens the systems with the policy that every route needs a token.
    pub async fn closed(prefix: &'static str) -> Self {
        let app = RestApp::demo_with(AnonymousAccess::Closed).await;
        Self { app, prefix }
    }

    /// Sends `METHOD /path` inside the mount, and JSON.
    pub async fn call(&self, line: &str, body: &str) -> TestResponse {
        self.called_by(&[], line, body).await
    }

    /// As [`call`](Self::call), with these headers.
    pub async fn called_by(&self, headers: &[(&str, &str)], line: &str, body: &str) -> TestResponse {
        let (method, path) = line.split_once(' ').unwrap();
        let line = format!("{method} {}{path}", self.prefix);
        self.app.send(&line, headers, body.to_owned()).await
    }

    /// As [`call`](Self::call), with that token.
    pub async fn with_token(&self, token: &str, line: &str, body: &str) -> TestResponse {
        let bearer = format!("Bearer {token}");
        self.called_by(&[("authorization", &bearer)], line, body).await
    }
}

/// Returns a gateway over all domains of these services.
pub fn gateway(services: &Services, settings: &Settings, limits: Limits) -> Gateway {
    let limits = Arc::new(limits);
    let domains = domains::open_all(services, settings);
    let graph = Supergraph::new(
        domains::SUPERGRAPH_SDL,
        &contract::SCALARS,
        domains,
        Arc::clone(&limits),
    )
    .unwrap();
    let graph: Arc<dyn Subgraph> = Arc::new(graph);
    let (keys, clock) = (Arc::clone(&services.keys), Arc::clone(&services.clock));
    let auth = Arc::new(Authenticator::new(keys, Arc::clone(&clock), limits.verified_tokens_max));
    Gateway::new(graph, auth, clock, limits)
}

/// Builds the whole graph over domains that do not respond.
pub fn graph_without_subgraphs() -> Supergraph {
    let away = |(name, _): (&str, String)| (name.to_owned(), Arc::new(UnavailableDomain) as Arc<dyn Subgraph>);
    let away = domains::sdls().map(away).collect();
    Supergraph::new(
        domains::SUPERGRAPH_SDL,
        &contract::SCALARS,
        away,
        Arc::new(Limits::default()),
    )
    .unwrap()
}

/// A domain that does not respond.
struct UnavailableDomain;

impl Subgraph for UnavailableDomain {
    fn fetch(&self, _: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        let mut error = ServerError::new("this service does not answer", None);
        error.extensions.get_or_insert_default().set("code", "UNAVAILABLE");
        async move { SubgraphResponse::Tree(Response::from_errors(vec![error])) }.boxed()
    }

    fn subscribe(&self, _: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        stream::empty().boxed()
    }
}

/// Sends `METHOD /path`, headers and a body to a router.
pub async fn send(router: &Router, line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> TestResponse {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router
        .clone()
        .oneshot(request.body(body.into()).unwrap())
        .await
        .unwrap();
    let (status, headers): (StatusCode, _) = (response.status(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    TestResponse {
        status: status.as_u16(),
        headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

/// Returns the line of an error in the bookstore's format.
pub fn said(status: u16, message: &str) -> String {
    format!(
        "{status} {}",
        json!({ "success": false, "error": message, "message": message })
    )
}
