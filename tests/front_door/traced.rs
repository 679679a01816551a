//! The traces of a running server, as a collector receives them: by OTLP over HTTP, in protobuf.

use std::collections::HashMap;
use std::time::Duration;

use agora::config::Settings;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use tests::{HttpClient, TestApp};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The longest wait for a span.
const PATIENCE: Duration = Duration::from_secs(60);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN: &str = "00f067aa0ba902b7";

/// A collector in this process.
struct Collector {
    url: String,
    received: mpsc::UnboundedReceiver<Span>,
    spans: Vec<Span>,
}

impl Collector {
    async fn start() -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let take = async |State(sender): State<mpsc::UnboundedSender<Span>>, headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let request = ExportTraceServiceRequest::decode(body).expect("the protobuf of OTLP");
            for resource in request.resource_spans {
                let attributes = resource.resource.expect("a resource").attributes;
                assert!(attributes.iter().any(|attribute| attribute.key == "service.name"));
                for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                    let _ = sender.send(span);
                }
            }
            (StatusCode::OK, ExportTraceServiceResponse::default().encode_to_vec())
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(sender);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            received,
            spans: Vec::new(),
        }
    }

    /// The settings of a server that sends here, soon.
    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.telemetry.otlp_endpoint.clone_from(&self.url);
        settings.telemetry.trace_delay_ms = 1;
        settings
    }

    /// Waits for the first span of a request with that name; those below it have ended before it.
    async fn trace(&mut self, name: &str) -> Trace {
        loop {
            if let Some(root) = self.spans.iter().find(|span| span.name == name) {
                let id = root.trace_id.clone();
                let (trace, others) = self.spans.drain(..).partition(|span| span.trace_id == id);
                self.spans = others;
                return Trace(trace);
            }
            let span = timeout(PATIENCE, self.received.recv()).await;
            let names = || self.spans.iter().map(|span| span.name.clone()).collect::<Vec<_>>();
            self.spans.push(
                span.unwrap_or_else(|_| panic!("no {name} among {:?}", names()))
                    .expect("a span"),
            );
        }
    }
}

/// The spans of one request.
struct Trace(Vec<Span>);

impl Trace {
    fn root(&self) -> &Span {
        let ids: Vec<_> = self.0.iter().map(|span| &span.span_id).collect();
        let mut roots = self.0.iter().filter(|span| !ids.contains(&&span.parent_span_id));
        let root = roots.next().expect("a first span");
        assert!(roots.next().is_none(), "one first span in {}", self.text());
        root
    }

    /// Returns the tree as text: a line for each name, indented, with equal neighbours once.
    fn text(&self) -> String {
        let mut below: HashMap<&[u8], Vec<&Span>> = HashMap::new();
        for span in &self.0 {
            below.entry(&span.parent_span_id).or_default().push(span);
        }
        fn write(span: &Span, depth: usize, below: &HashMap<&[u8], Vec<&Span>>, text: &mut Vec<String>) {
            let line = format!("{}{}", "  ".repeat(depth), span.name);
            if text.last() != Some(&line) {
                text.push(line);
            }
            let mut inner = below.get(&*span.span_id).cloned().unwrap_or_default();
            inner.sort_by_key(|span| span.start_time_unix_nano);
            inner.into_iter().for_each(|span| write(span, depth + 1, below, text));
        }
        let ids: Vec<_> = self.0.iter().map(|span| &span.span_id).collect();
        let mut text = Vec::new();
        for span in self.0.iter().filter(|span| !ids.contains(&&span.parent_span_id)) {
            write(span, 0, &below, &mut text);
        }
        text.join("\n")
    }

    fn named<'t>(&'t self, name: &'t str) -> impl Iterator<Item = &'t Span> {
        self.0.iter().filter(move |span| span.name == name)
    }
}

fn attribute<'s>(span: &'s Span, name: &str) -> Option<&'s Attribute> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    found.value.as_ref()?.value.as_ref()
}

fn text_of<'s>(span: &'s Span, name: &str) -> &'s str {
    match attribute(span, name) {
        Some(Attribute::StringValue(text)) => text,
        other => panic!("{name} of {} is {other:?}", span.name),
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends a query in a trace of the client, and returns the headers of the answer.
async fn send(client: &HttpClient, document: &str, parent: Option<&str>) -> reqwest::header::HeaderMap {
    let request = client.request("POST", "/graphql").json(&json!({ "query": document }));
    let request = parent
        .into_iter()
        .fold(request, |request, parent| request.header("traceparent", parent));
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    response.headers().clone()
}

fn sampled() -> String {
    format!("00-{TRACE}-{CLIENT_SPAN}-01")
}

#[tokio::test]
async fn a_request_is_a_tree_down_to_its_statements() {
    let mut collector = Collector::start().await;
    let app = TestApp::with_settings(collector.settings()).await;
    let ada = app.signed_in("ada").await;
    let create = r#"mutation { createPost(input: { title: "secret words", text: "b", community: "c" }) { id } }"#;
    ada.query(create, json!({})).await.at("createPost.id");
    let query = "query Feed { recentPosts(first: 5) { nodes { title author { username } } } }";

    let headers = send(&app.anonymous(), query, Some(&sampled())).await;

    let trace = collector.trace("POST /graphql").await;
    let root = trace.root();
    assert_eq!(
        (hex(&root.trace_id), hex(&root.parent_span_id)),
        (TRACE.to_owned(), CLIENT_SPAN.to_owned())
    );
    assert_eq!(
        headers["traceresponse"],
        format!("00-{TRACE}-{}-01", hex(&root.span_id))
    );
    assert_eq!(
        attribute(root, "http.response.status_code"),
        Some(&Attribute::IntValue(200))
    );
    assert_eq!(
        text_of(root, "agora.request_id"),
        headers["x-request-id"].to_str().expect("text")
    );
    let expected = "\
POST /graphql
  query
    fetch posts
      SELECT
    fetch accounts
      load
        SELECT";
    assert_eq!(trace.text(), expected);
    let operation = trace.named("query").next().expect("an operation");
    assert_eq!(text_of(operation, "graphql.operation.name"), "Feed");
    for span in &trace.0 {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    for statement in trace.named("SELECT") {
        assert!(
            text_of(statement, "db.query.text").starts_with("SELECT "),
            "{statement:?}"
        );
    }
}

#[tokio::test]
async fn a_write_belongs_to_its_request_and_shows_no_values() {
    let mut collector = Collector::start().await;
    let app = TestApp::with_settings(collector.settings()).await;
    let ada = app.signed_in("ada").await;
    let create = r#"mutation Write { createPost(input: { title: "secret words", text: "more secrets", community: "c" }) { id } }"#;

    send(&ada, create, Some(&sampled())).await;

    let trace = collector.trace("POST /graphql").await;
    let write = trace.named("write").next().expect("a write");
    let statements: Vec<_> = trace
        .0
        .iter()
        .filter(|span| span.parent_span_id == write.span_id)
        .collect();
    assert!(statements.iter().any(|span| span.name == "INSERT"), "{}", trace.text());
    let mut spans = String::new();
    for span in &trace.0 {
        spans.push_str(&format!("{span:?}"));
    }
    for secret in ["secret words", "more secrets", "Bearer"] {
        assert!(!spans.contains(secret), "{secret} is in a span");
    }
}

#[tokio::test]
async fn a_rest_request_is_named_by_its_route() {
    let mut collector = Collector::start().await;
    let app = TestApp::with_settings(collector.settings()).await;
    let client = app.anonymous();
    let get = client
        .request("GET", "/bookstore/info/2")
        .header("traceparent", sampled());
    assert_eq!(client.send(get).await.status, 200);
    let trace = collector.trace("GET /bookstore/info/{bookId}").await;
    assert_eq!(text_of(trace.root(), "url.path"), "/bookstore/info/2");
    assert!(
        trace.text().contains("\n  query\n    fetch bookstore\n      "),
        "{}",
        trace.text()
    );
}

#[tokio::test]
async fn a_failed_fetch_marks_its_spans_with_the_code() {
    let mut collector = Collector::start().await;
    let app = TestApp::with_settings(collector.settings()).await;
    let refused = "mutation { purchaseBook(id: \"book_999\") { id } }";
    send(&app.anonymous(), refused, Some(&sampled())).await;
    let trace = collector.trace("POST /graphql").await;
    for name in ["mutation", "fetch bookstore"] {
        let span = trace
            .named(name)
            .next()
            .unwrap_or_else(|| panic!("{name} in {}", trace.text()));
        let status = span.status.as_ref().expect("a status");
        assert_eq!(status.message, "UNAUTHENTICATED", "{name}");
    }
}

#[tokio::test]
async fn a_request_outside_of_a_sampled_trace_has_no_spans() {
    let mut collector = Collector::start().await;
    let mut settings = collector.settings();
    settings.telemetry.trace_sample_ratio = 0.0;
    let app = TestApp::with_settings(settings).await;
    let client = app.anonymous();
    let unsampled = format!("00-{}-{CLIENT_SPAN}-00", TRACE.replace('4', "5"));
    for parent in [None, Some(&*unsampled), Some("malformed"), Some("00-0-0-01")] {
        let headers = send(&client, "{ books(first: 1) { nodes { id } } }", parent).await;
        assert!(!headers.contains_key("traceresponse"), "{parent:?}");
    }
    send(&client, "{ books(first: 1) { nodes { id } } }", Some(&sampled())).await;
    let trace = collector.trace("POST /graphql").await;
    assert_eq!(hex(&trace.root().trace_id), TRACE);
    assert!(collector.spans.is_empty(), "{:?}", collector.spans);
}

#[tokio::test]
async fn every_request_is_sampled_at_the_ratio_of_one() {
    let mut collector = Collector::start().await;
    let mut settings = collector.settings();
    settings.telemetry.trace_sample_ratio = 1.0;
    let app = TestApp::with_settings(settings).await;
    let headers = send(&app.anonymous(), "{ books(first: 1) { nodes { id } } }", None).await;
    let trace = collector.trace("POST /graphql").await;
    let root = trace.root();
    assert!(root.parent_span_id.is_empty());
    let ids = format!("00-{}-{}-01", hex(&root.trace_id), hex(&root.span_id));
    assert_eq!(headers["traceresponse"], ids);
}

#[tokio::test]
async fn the_spans_of_a_request_have_a_bound() {
    let mut collector = Collector::start().await;
    let mut settings = collector.settings();
    settings.telemetry.trace_spans_max = 3;
    let app = TestApp::with_settings(settings).await;
    send(
        &app.anonymous(),
        "{ books { nodes { id } } stocks { nodes { id } } topVoted(first: 5) { nodes { id } } }",
        Some(&sampled()),
    )
    .await;
    assert_eq!(collector.trace("POST /graphql").await.0.len(), 3);
}

#[tokio::test]
async fn spans_that_wait_are_sent_at_the_end() {
    let mut collector = Collector::start().await;
    let mut settings = collector.settings();
    settings.telemetry.trace_delay_ms = 3_600_000;
    let app = TestApp::with_settings(settings).await;
    send(
        &app.anonymous(),
        "{ books(first: 1) { nodes { id } } }",
        Some(&sampled()),
    )
    .await;
    let _restarted = app.restart().await;
    assert_eq!(hex(&collector.trace("POST /graphql").await.root().trace_id), TRACE);
}

#[tokio::test]
async fn a_collector_that_is_away_costs_only_its_spans() {
    let away = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut settings = Settings::default();
    settings.telemetry.otlp_endpoint = format!("http://{}", away.local_addr().expect("an address"));
    settings.telemetry.trace_delay_ms = 1;
    settings.telemetry.trace_sample_ratio = 1.0;
    drop(away);
    let app = TestApp::with_settings(settings).await;
    let client = app.anonymous();
    let dropped = async || {
        let text = client.get("/metrics").await.body.as_str().expect("a text").to_owned();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("agora_spans_dropped_total "));
        line.expect("a count").parse::<u64>().expect("a number")
    };
    let all = async {
        while dropped().await == 0 {
            send(&client, "{ books(first: 1) { nodes { id } } }", None).await;
        }
    };
    timeout(PATIENCE, all).await.expect("lost spans are counted");
}
