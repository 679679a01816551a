//! A router before a small graph: without a database, with a manual clock, and with a channel for the events of subscriptions.

use std::sync::Arc;
use std::time::Duration;

use agora::auth::Authenticator;
use agora::documents::{DocumentSettings, Documents};
use agora::gateway::Gateway;
use agora::http::{self, FrontConfig};
use agora::in_process::InProcess;
use agora::limits::Limits;
use agora::subgraph::{EncodedResponse, ResponseKind, Subgraph, SubgraphRequest, SubgraphResponse};
use async_graphql::{Context, Object, Response, Schema, Subscription, Value};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use contract::{
    Bus, Clock, DomainSchema, Error, ErrorCode, Identity, InProcessBus, ManualClock, Role, TokenKeys, Viewer,
};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use http_body_util::BodyExt;
use tokio::sync::{Notify, broadcast, mpsc};
use tower::ServiceExt;

pub const NOW_US: i64 = 1_800_000_000_000_000;
pub const TTL_SECONDS: i64 = 900;

/// A router before a small graph.
pub struct TestServer {
    pub gateway: Gateway,
    pub router: Router,
    pub bus: Arc<InProcessBus>,
    pub clock: Arc<ManualClock>,
    pub keys: Arc<TokenKeys>,
    /// The sender of the events of `news`.
    pub news: broadcast::Sender<String>,
    /// Releases one `hold`.
    pub release: Arc<Notify>,
    /// Reports when a `hold` has begun, and when a subscription's stream is dropped.
    pub signs: mpsc::UnboundedReceiver<&'static str>,
}

impl TestServer {
    pub async fn open() -> Self {
        Self::with(Limits::default(), FrontConfig::default()).await
    }

    pub async fn with(limits: Limits, front: FrontConfig) -> Self {
        Self::with_gateway(limits, front, |gateway| gateway).await
    }

    /// A server whose requests may name documents, as these settings say.
    pub async fn with_documents(settings: &DocumentSettings) -> Self {
        Self::with_documents_within(Limits::default(), settings).await
    }

    /// As [`with_documents`](Self::with_documents), with those limits.
    pub async fn with_documents_within(limits: Limits, settings: &DocumentSettings) -> Self {
        let documents = Arc::new(Documents::open(settings).unwrap());
        let most = settings.batch_operations_max;
        let change = |gateway: Gateway| gateway.with_documents(documents, most);
        Self::with_gateway(limits, FrontConfig::default(), change).await
    }

    async fn with_gateway(limits: Limits, front: FrontConfig, change: impl FnOnce(Gateway) -> Gateway) -> Self {
        let keys = Arc::new(TokenKeys::ephemeral());
        let clock = Arc::new(ManualClock::at_us(NOW_US));
        let bus = Arc::new(InProcessBus::new(16));
        let news = broadcast::Sender::new(16);
        let release = Arc::new(Notify::new());
        let (sign, signs) = mpsc::unbounded_channel();
        let schema = Schema::build(Query, Mutation, News)
            .data(news.clone())
            .data(release.clone())
            .data(sign)
            .finish();
        let time: Arc<dyn Clock> = clock.clone();
        let auth = Arc::new(Authenticator::new(
            keys.clone(),
            time.clone(),
            limits.verified_tokens_max,
        ));
        auth.watch_ended_sessions(&*bus, async || Ok::<_, Error>(Vec::new()))
            .await
            .unwrap();
        let gateway = Gateway::new(
            Arc::new(Strict(InProcess(DomainSchema::new(schema)))),
            auth,
            time,
            Arc::new(limits),
        );
        let gateway = change(gateway);
        let origins = front.allowed_origins.clone();
        let router = http::with_cors(&origins, http::router(&gateway, front));
        let router = http::with_middleware(&gateway, agora::rest::envelope_at, router);
        Self {
            gateway,
            router,
            bus,
            clock,
            keys,
            news,
            release,
            signs,
        }
    }

    /// The same graph as the subgraph `news` of a subgraph process, at `/news/graphql`.
    pub async fn of_subgraph(limits: Limits) -> Self {
        let server = Self::with(limits, FrontConfig::default()).await;
        let auth = server.gateway.auth.for_subgraph("news", server.keys.clone());
        let subgraph = server.gateway.with_auth(Arc::new(auth));
        let routes = http::subgraph_router(
            &server.gateway,
            FrontConfig::default(),
            [("news", subgraph)].into_iter(),
        );
        let router = http::with_middleware(&server.gateway, |_| None, routes);
        Self { router, ..server }
    }

    /// Returns the `authorization` with which a router states that person to the subgraph `news`.
    pub fn internal_bearer(&self, user: i64) -> String {
        let now_us = self.clock.now_us();
        let caller = Identity {
            viewer: Viewer::User {
                id: user,
                role: Role::Member,
                admin: false,
            },
            session: Some(user),
            issued_us: Some(now_us),
            expires_us: Some(now_us + TTL_SECONDS * 1_000_000),
            ..Identity::ANONYMOUS
        };
        format!("Bearer {}", self.keys.sign_internal(&caller, "news", now_us, 60))
    }

    /// Returns the `authorization` of that person, in a session with the same number.
    pub fn bearer(&self, user: i64) -> String {
        let now_us = self.clock.now_us();
        let (token, _) = self
            .keys
            .sign_user(user, Role::Member, false, user, now_us, TTL_SECONDS);
        format!("Bearer {token}")
    }

    pub fn outlive_tokens(&self) {
        self.clock.advance(Duration::from_secs(TTL_SECONDS as u64));
    }

    pub fn end_sessions_of(&self, user: i64, session: Option<i64>) {
        let at_us = self.clock.now_us();
        self.bus
            .publish(contract::Event::SessionsEnded { user, session, at_us });
    }

    pub async fn raw(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn send(&self, request: Request<Body>) -> TestResponse {
        let (parts, body) = self.raw(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        TestResponse {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }
}

/// A response, read to its end.
#[derive(Debug)]
pub struct TestResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl TestResponse {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn code(&self) -> Option<String> {
        let json = self.json();
        Some(json.pointer("/errors/0/extensions/code")?.as_str()?.to_owned())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Builds a request.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

/// Builds a POST of `query` to the graph.
pub fn post(query: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut headers = headers.to_vec();
    headers.push(("content-type", "application/json"));
    request(
        "POST",
        "/graphql",
        &headers,
        serde_json::json!({ "query": query }).to_string(),
    )
}

/// Returns the next piece of a streamed body; `None` at its end.
pub async fn piece(body: &mut Body) -> Option<String> {
    let frame = body.frame().await?.unwrap();
    Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}

/// Turns responses to operations that async-graphql could not begin to execute into request errors, as the supergraph does.
struct Strict<S>(S);

impl<S: Subgraph> Subgraph for Strict<S> {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        Box::pin(async move { strict(self.0.fetch(request).await) })
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        self.0.subscribe(request).map(strict).boxed()
    }
}

fn strict(data: SubgraphResponse) -> SubgraphResponse {
    let SubgraphResponse::Tree(Response {
        data: Value::Null,
        errors,
        ..
    }) = &data
    else {
        return data;
    };
    let denied = errors[0].message.contains("sign in");
    let Some(error) = errors.first().filter(|error| denied || error.path.is_empty()) else {
        return data;
    };
    let code = if denied {
        ErrorCode::Unauthenticated
    } else {
        ErrorCode::GraphqlValidationFailed
    };
    let body = serde_json::json!({ "errors": [{ "message": error.message, "extensions": { "code": code } }] });
    SubgraphResponse::Json(EncodedResponse {
        body: body.to_string().into(),
        kind: ResponseKind::RequestError(code),
        codes: code.into(),
    })
}

struct Query;

#[Object]
impl Query {
    async fn hello(&self, #[graphql(default)] n: Option<i32>) -> String {
        format!("hello {}", n.unwrap_or_default())
    }

    async fn who(&self, ctx: &Context<'_>) -> String {
        match ctx.data_unchecked::<Viewer>() {
            Viewer::User { id, .. } => format!("user {id}"),
            other => format!("{other:?}"),
        }
    }

    async fn fails(&self) -> Result<Option<String>, Error> {
        Err(Error::NotFound("nothing"))
    }

    async fn fails_at_the_root(&self) -> Result<String, Error> {
        Err(Error::NotFound("nothing"))
    }

    async fn panics(&self) -> String {
        fall_over()
    }

    async fn hold(&self, ctx: &Context<'_>) -> bool {
        sign(ctx).send("held").unwrap();
        ctx.data_unchecked::<Arc<Notify>>().notified().await;
        true
    }
}

fn fall_over() -> String {
    panic!("a resolver fell over")
}

struct Mutation;

#[Object]
impl Mutation {
    async fn change(&self) -> bool {
        true
    }
}

struct News;

#[Subscription]
impl News {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(0..to)
    }

    /// Everything at once, without end: numbers, each written that often.
    async fn flood(&self, ctx: &Context<'_>, times: usize) -> impl Stream<Item = String> + use<> {
        let gone = Gone(sign(ctx).clone());
        stream::iter(0..).map(move |number: u64| {
            let _ = &gone;
            number.to_string().repeat(times)
        })
    }

    /// The texts that the test sends, for signed-in callers.
    async fn news(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = String> + use<>, Error> {
        ctx.data_unchecked::<Viewer>().require_user()?;
        let receiver = ctx.data_unchecked::<broadcast::Sender<String>>().subscribe();
        let gone = Gone(sign(ctx).clone());
        sign(ctx).send("subscribed").unwrap();
        Ok(stream::unfold((receiver, gone), |(mut receiver, gone)| async move {
            Some((receiver.recv().await.ok()?, (receiver, gone)))
        }))
    }

    async fn falls_over(&self) -> impl Stream<Item = i32> {
        stream::once(async { panic!("a subscription fell over") })
    }
}

fn sign<'c>(ctx: &Context<'c>) -> &'c mpsc::UnboundedSender<&'static str> {
    ctx.data_unchecked()
}

/// Reports when it is dropped.
struct Gone(mpsc::UnboundedSender<&'static str>);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.0.send("gone");
    }
}
