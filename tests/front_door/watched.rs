//! The metrics of a running server, and the files for Prometheus and Grafana that use them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agora::config::{MetricsListen, Settings};
use agora::metrics::{METRICS, Metric, MetricKind};
use contract::Tx;
use futures_util::StreamExt;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use testing::Request;
use tests::{HttpClient, TestApp};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The longest wait for a change of a metric.
const PATIENCE: Duration = Duration::from_secs(60);

/// The samples of a text, by name and labels as they are written.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    async fn of(client: &HttpClient) -> Self {
        let response = client.get("/metrics").await;
        assert_eq!(response.status, 200, "{response:?}");
        let Value::String(text) = response.body else {
            panic!("the metrics are a text")
        };
        let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a series and a value");
            (series.to_owned(), value.parse().expect("a number"))
        });
        Self(samples.collect())
    }

    fn value(&self, series: &str) -> f64 {
        let known = || self.0.keys().cloned().collect::<Vec<_>>().join("\n");
        *self
            .0
            .get(series)
            .unwrap_or_else(|| panic!("no {series} in\n{}", known()))
    }

    /// The number that a series has more than in an earlier scrape, which may lack it.
    fn since(&self, before: &Self, series: &str) -> f64 {
        self.value(series) - before.0.get(series).copied().unwrap_or_default()
    }
}

/// Returns the metric of a series, without the suffix of a distribution.
fn metric_of(series: &str) -> Option<&'static Metric> {
    let name = series.split('{').next().unwrap_or_default();
    METRICS.iter().copied().find(|metric| {
        let suffix = name.strip_prefix(metric.name);
        match metric.kind {
            MetricKind::Histogram => matches!(suffix, Some("_bucket" | "_sum" | "_count")),
            MetricKind::Counter | MetricKind::Gauge => suffix == Some(""),
        }
    })
}

const STOCK: &str = "query Look($name: String!) { stock(name: $name) { name price quantity } }";

#[tokio::test]
async fn operations_are_counted_by_kind_transport_and_code() {
    let app = TestApp::new().await;
    let client = app.anonymous();
    let before = Scrape::of(&client).await;
    for _ in 0..3 {
        client
            .query(STOCK, json!({ "name": "GameStart" }))
            .await
            .at("stock.name");
    }
    client.query("{ nothing }", json!({})).await;
    let refused = client
        .query("mutation { purchaseBook(id: \"book_999\") { id } }", json!({}))
        .await;
    client.get("/bazaar/stocks/GameStart").await;
    client.get("/bazaar/stocks/Nothing").await;
    client.post("/bookstore/purchase/2", json!({})).await;

    let after = Scrape::of(&client).await;
    let count = |labels: &str| after.since(&before, &format!("agora_operation_duration_seconds_count{{{labels}}}"));
    assert_eq!(count("kind=\"query\",transport=\"http\""), 4.0);
    assert_eq!(count("kind=\"mutation\",transport=\"http\""), 1.0);
    assert_eq!(count("kind=\"query\",transport=\"rest\""), 2.0);
    assert_eq!(count("kind=\"mutation\",transport=\"rest\""), 1.0);
    let errors = |labels: &str| after.since(&before, &format!("agora_operation_errors_total{{{labels}}}"));
    assert_eq!(
        errors("kind=\"query\",transport=\"http\",code=\"GRAPHQL_VALIDATION_FAILED\""),
        1.0
    );
    let code = refused.code();
    assert_eq!(
        errors(&format!("kind=\"mutation\",transport=\"http\",code=\"{code}\"")),
        1.0
    );
    let rest = |labels: &str| after.since(&before, &format!("agora_rest_requests_total{{{labels}}}"));
    assert_eq!(rest("mount=\"bazaar\",class=\"2xx\""), 1.0);
    assert_eq!(rest("mount=\"bazaar\",class=\"4xx\""), 1.0);
    assert_eq!(rest("mount=\"bookstore\",class=\"2xx\""), 1.0);
    // The scrape before is a response too; the one after is not counted in its own text.
    assert_eq!(after.since(&before, "agora_http_responses_total{class=\"2xx\"}"), 8.0);
    assert_eq!(after.since(&before, "agora_http_responses_total{class=\"4xx\"}"), 1.0);
}

#[tokio::test]
async fn fetches_commits_and_caches_are_counted_where_they_happen() {
    let app = TestApp::new().await;
    let client = app.anonymous();
    let before = Scrape::of(&client).await;
    for _ in 0..2 {
        client
            .query(STOCK, json!({ "name": "GameStart" }))
            .await
            .at("stock.name");
    }
    client.post("/bookstore/purchase/2", json!({})).await;
    let after = Scrape::of(&client).await;
    let more = |series: &str| after.since(&before, series);
    // The second look-up was cached.
    assert_eq!(
        more("agora_subgraph_fetch_duration_seconds_count{subgraph=\"exchange\"}"),
        1.0
    );
    assert!(more("agora_subgraph_fetch_duration_seconds_count{subgraph=\"bookstore\"}") >= 1.0);
    assert_eq!(more("agora_entity_cache_hits_total"), 1.0);
    assert!(more("agora_document_cache_misses_total") >= 1.0);
    assert!(more("agora_document_cache_hits_total") >= 1.0);
    assert!(more("agora_plan_cache_hits_total") >= 1.0);
    let commits = more("agora_commit_writes_count");
    assert!(commits >= 1.0);
    assert!(more("agora_commit_writes_bucket{le=\"1\"}") >= 1.0);
    assert!(more("agora_write_wait_seconds_count") >= commits);
    assert!(more("agora_reads_total") >= 1.0);
    assert!(more("agora_events_total") >= 1.0);
    assert_eq!(after.value("agora_write_queue_length"), 0.0);
}

#[tokio::test]
async fn open_subscriptions_and_their_answers_are_counted() {
    let app = TestApp::new().await;
    let client = app.anonymous();
    let before = Scrape::of(&client).await;
    let document = "subscription { bookChanged { id } }";
    let mut answers = client.subscribe(document, json!({})).await;
    client.post("/bookstore/purchase/2", json!({})).await;
    answers.next().await.expect("an answer").at("bookChanged.id");
    let after = Scrape::of(&client).await;
    assert_eq!(
        after.value("agora_subscriptions_open"),
        before.value("agora_subscriptions_open") + 1.0
    );
    assert_eq!(
        after.since(&before, "agora_subscription_answers_total{transport=\"sse\"}"),
        1.0
    );
}

#[tokio::test]
async fn metrics_are_for_operators_and_callers_on_this_machine() {
    let app = TestApp::new().await;
    // A proxy passes it on, so the caller is on another machine.
    let ask = async |client: &HttpClient| {
        let request = client.request("GET", "/metrics").header("x-forwarded-for", "192.0.2.7");
        client.send(request).await.status
    };
    assert_eq!(ask(&app.anonymous()).await, 401);
    assert_eq!(ask(&app.signed_in("ada").await).await, 403);
    assert_eq!(ask(&app.signed_in("admin").await).await, 200);
    assert_eq!(app.anonymous().get("/metrics").await.status, 200);
}

#[tokio::test]
async fn metrics_with_an_address_of_their_own_are_only_there() {
    let mut settings = Settings::default();
    settings.telemetry.metrics_listen = "9464".parse::<MetricsListen>().expect("a port");
    let app = TestApp::with_settings(settings).await;
    assert_eq!(app.anonymous().get("/metrics").await.status, 404);
    assert_eq!(app.signed_in("admin").await.get("/metrics").await.status, 404);

    let own = HttpClient::new(&app.serve_metrics().await);
    let request = own.request("GET", "/metrics").header("x-forwarded-for", "192.0.2.7");
    assert_eq!(own.send(request).await.status, 200);
    assert_eq!(own.get("/graphql").await.status, 404);
}

#[tokio::test]
async fn a_server_exposes_each_metric_once_and_no_other() {
    let app = TestApp::new().await;
    let client = app.anonymous();
    // Errors have a sample once there is one.
    client.query("{ nothing }", json!({})).await;
    client
        .query("mutation { purchaseBook(id: \"book_999\") { id } }", json!({}))
        .await;
    let scrape = Scrape::of(&client).await;
    let mut seen = BTreeSet::new();
    for series in scrape.0.keys() {
        let metric = metric_of(series).unwrap_or_else(|| panic!("{series} is not in the list"));
        seen.insert(metric.name);
    }
    let is_expected = |metric: &&&Metric| metric.condition.is_none() || metric.condition == Some("on Linux");
    for metric in METRICS.iter().filter(is_expected) {
        assert!(seen.contains(metric.name), "{} is missing", metric.name);
    }
    let response = client.get("/metrics").await;
    let text = response.body.as_str().expect("a text");
    for metric in METRICS {
        let types = text.matches(&format!("# TYPE {} ", metric.name)).count();
        assert!(types <= 1, "{} is written in {types} parts", metric.name);
    }
    is_cumulative(text);
}

/// Checks that the buckets of each distribution never fall and end with the count.
fn is_cumulative(text: &str) {
    let mut last = 0.0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').expect("a sample");
        let value: f64 = value.parse().expect("a number");
        if series.contains("_bucket{") {
            assert!(value >= last, "{line} is below {last}");
            last = value;
        } else {
            assert!(!series.contains("_count") || value == last, "{line} is not {last}");
            if !series.contains("_sum") {
                last = 0.0;
            }
        }
    }
}

#[tokio::test]
async fn no_label_comes_from_a_client() {
    let app = TestApp::new().await;
    let client = app.anonymous();
    let send = async |word: &str| {
        let document = format!("query {word} {{ stock(name: \"{word}\") {{ name }} }}");
        client
            .send(
                client
                    .request("POST", "/graphql")
                    .json(&json!({ "query": document, "operationName": word })),
            )
            .await;
        client
            .execute(Request::new("{ nothing }", json!({})).operation(word))
            .await;
        for path in ["/bazaar/stocks/", "/bookstore/", "/", "/community/posts/"] {
            client.get(&format!("{path}{word}")).await;
        }
        client
            .send(client.request("GET", "/graphql").header("x-request-id", word))
            .await;
    };
    send("first").await;
    let before: BTreeSet<_> = Scrape::of(&client).await.0.into_keys().collect();
    for word in ["second", "third", "injected_value"] {
        send(word).await;
    }
    let after: BTreeSet<_> = Scrape::of(&client).await.0.into_keys().collect();
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test]
async fn a_server_reports_when_its_ledger_does_not_add_up() {
    let mut settings = Settings::default();
    settings.workers.ledger_check_ms = 1;
    let app = TestApp::with_settings(settings).await;
    let client = app.anonymous();
    let series = "agora_ledger_check_deviations";
    assert!(
        !Scrape::of(&client).await.0.contains_key(series),
        "nothing is checked yet"
    );

    let shutdown = CancellationToken::new();
    let workers = app.start_workers(&shutdown);
    assert_eq!(eventually(&client, series, |_| true).await, 0.0);
    let wrong = "UPDATE wallet SET balance_minor = balance_minor + 1 WHERE id = (SELECT min(id) FROM wallet)";
    let damage = async |tx: &Tx| Ok(tx.execute_unprepared(wrong).await?);
    app.services().db.write(damage).await.expect("a change");
    assert_eq!(eventually(&client, series, |deviations| deviations > 0.0).await, 1.0);
    let checked = "agora_ledger_check_timestamp_seconds";
    assert_eq!(
        Scrape::of(&client).await.value(checked),
        (tests::START_US / 1_000_000) as f64
    );

    shutdown.cancel();
    workers.join().await;
}

/// Returns the value of a series as soon as it has one that `fits`.
async fn eventually(client: &HttpClient, series: &str, fits: impl Fn(f64) -> bool) -> f64 {
    let value = async {
        loop {
            if let Some(value) = Scrape::of(client).await.0.get(series).filter(|value| fits(**value)) {
                return *value;
            }
        }
    };
    timeout(PATIENCE, value).await.expect("the metric changes")
}

/// The files for Prometheus and Grafana.
const FILES: [(&str, &str); 2] = [
    (
        "dashboard.json",
        include_str!("../../deploy/observability/dashboard.json"),
    ),
    ("alerts.yaml", include_str!("../../deploy/observability/alerts.yaml")),
];

/// A metric that a file uses, and the labels that it selects by.
struct Use<'t> {
    name: &'t str,
    labels: Vec<(&'t str, Vec<&'t str>)>,
}

/// Returns the uses of metrics in a text: names that begin as ours do, with the selector behind them.
fn uses(text: &str) -> Vec<Use<'_>> {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let mut found = Vec::new();
    for (at, _) in text.match_indices(['a', 'p']) {
        let rest = &text[at..];
        let begins = rest.starts_with("agora_") || rest.starts_with("process_");
        if !begins || at > 0 && is_part(text.as_bytes()[at - 1]) {
            continue;
        }
        let end = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let selector = rest[end..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let labels = selector
            .map_or("", |(selector, _)| selector)
            .split(',')
            .filter_map(|label| {
                let (label, value) = label.split_once('=')?;
                let values = value.trim_matches(['~', '\\', '"']).split('|').collect();
                Some((label.trim(), values))
            });
        found.push(Use {
            name: &rest[..end],
            labels: labels.collect(),
        });
    }
    found
}

#[tokio::test]
async fn dashboard_and_alerts_use_metrics_that_a_server_exposes() {
    let app = TestApp::new().await;
    let scrape = Scrape::of(&app.anonymous()).await;
    for (file, text) in FILES {
        let uses = uses(text);
        assert!(uses.len() > 10, "{file} uses metrics");
        for Use { name, labels } in uses {
            let metric = metric_of(name).unwrap_or_else(|| panic!("{file} uses {name}, which is not exposed"));
            for (label, values) in labels {
                if matches!(label, "instance" | "job") {
                    continue;
                }
                assert!(metric.labels.contains(&label), "{file}: {name} has no label {label}");
                // The code of an error appears with the first such error.
                for value in values.into_iter().filter(|_| label != "code") {
                    let pair = format!("{label}=\"{value}\"");
                    let is_there = |series: &String| metric_of(series) == Some(metric) && series.contains(&pair);
                    assert!(scrape.0.keys().any(is_there), "{file}: {name} never has {pair}");
                }
            }
        }
    }
}

#[test]
fn the_dashboard_shows_every_metric() {
    let shown: Vec<_> = uses(FILES[0].1)
        .iter()
        .filter_map(|used| metric_of(used.name))
        .collect();
    for metric in METRICS {
        assert!(shown.contains(metric), "{} is on no panel", metric.name);
    }
}
