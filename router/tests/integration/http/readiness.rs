//! `GET /ready`: each check, while its part works and while it fails.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;

use agora::app::App;
use agora::config::{OrderReplicas, Settings};
use agora::http::{self, FrontConfig};
use agora::readiness::Readiness;
use agora::rest_access::AnonymousAccess;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use contract::{Bus, Event, EventStream, SystemClock, Topic};
use futures_util::StreamExt;
use futures_util::stream;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

async fn open(settings: Settings) -> (App, Settings, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings;
    settings.server.data = folder.path().join("data");
    let app = App::open(&settings, Arc::new(SystemClock)).await.unwrap();
    (app, settings, folder)
}

fn router(app: &App, settings: &Settings) -> Router {
    app.router(settings, AnonymousAccess::Loopback, false)
}

async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path)
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Returns the names of the checks that fail. The status and the word fit them.
async fn failed(router: &Router) -> Vec<String> {
    let (status, body) = get(router, "/ready").await;
    let checks = body["checks"].as_array().expect("checks");
    let failed = checks.iter().filter(|check| check["status"] != "ok");
    let failed: Vec<String> = failed
        .map(|check| {
            assert!(check["reason"].is_string(), "{check}");
            check["name"].as_str().expect("a name").to_owned()
        })
        .collect();
    let expected = if failed.is_empty() {
        (200, "ready")
    } else {
        (503, "not ready")
    };
    assert_eq!(
        (status.as_u16(), body["status"].as_str()),
        (expected.0, Some(expected.1))
    );
    failed
}

#[tokio::test]
async fn a_server_is_ready_once_it_is_open() {
    let (app, settings, _folder) = open(Settings::default()).await;
    let (status, body) = get(&router(&app, &settings), "/ready").await;
    assert_eq!(status, StatusCode::OK);
    let ok = |name| json!({ "name": name, "status": "ok" });
    let checks = ["serving", "storage", "database", "migrations", "events"].map(ok);
    assert_eq!(body, json!({ "status": "ready", "checks": checks }));
}

#[tokio::test]
async fn a_server_that_shuts_down_is_not_ready() {
    let (app, settings, _folder) = open(Settings::default()).await;
    let router = router(&app, &settings);
    assert!(failed(&router).await.is_empty());
    app.gateway.draining.cancel();
    assert_eq!(failed(&router).await, ["serving"]);
    assert_eq!(get(&router, "/health").await.0, StatusCode::OK, "it still serves");
    app.gateway.shutdown.cancel();
    assert_eq!(failed(&router).await, ["serving"]);
}

#[tokio::test]
async fn a_server_with_damaged_storage_is_not_ready() {
    let (app, settings, _folder) = open(Settings::default()).await;
    let router = router(&app, &settings);
    app.services.db.storage().record_damage("a test says so".to_owned());
    assert_eq!(failed(&router).await, ["storage"]);
    let (status, _) = get(&router, "/health").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_not_ready() {
    let (app, settings, _folder) = open(Settings::default()).await;
    let router = router(&app, &settings);
    app.services.db.close().await.unwrap();
    let mut failed = failed(&router).await;
    // The files of a closed database may count as removed.
    failed.retain(|name| name != "storage");
    assert_eq!(failed, ["database", "migrations"]);
    let (_, body) = get(&router, "/ready").await;
    assert!(
        !body.to_string().contains("agora.db"),
        "a stranger learns no file name: {body}"
    );
}

#[tokio::test]
async fn tables_of_another_program_are_not_ready() {
    let (app, settings, _folder) = open(Settings::default()).await;
    let router = router(&app, &settings);
    let other = rusqlite::Connection::open(settings.server.data.join("agora.db")).unwrap();
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_newer', 0)";
    other.execute(newer, []).unwrap();
    assert_eq!(failed(&router).await, ["migrations"]);
    other
        .execute("DELETE FROM seaql_migrations WHERE version = 'm9999_newer'", [])
        .unwrap();
    assert!(failed(&router).await.is_empty());
}

/// A bus that loses every event.
struct SilentBus;

impl Bus for SilentBus {
    fn publish(&self, _: Event) {}

    fn subscribe_to(&self, _: Topic) -> EventStream {
        stream::pending().boxed()
    }
}

#[tokio::test]
async fn a_bus_that_delivers_nothing_is_not_ready() {
    let (app, _settings, _folder) = open(Settings::default()).await;
    let mut services = app.services.clone();
    services.bus = Arc::new(SilentBus);
    let (gateway, time_max) = (&app.gateway, Duration::from_millis(50));
    let readiness = Readiness::new(&services, None, gateway, time_max);
    let front = FrontConfig {
        readiness: Some(readiness),
        ..FrontConfig::default()
    };
    assert_eq!(failed(&http::router(gateway, front)).await, ["events"]);
}

#[tokio::test]
async fn order_replicas_without_a_leader_are_not_ready() {
    // Nothing listens there: the port was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let secret = tempfile::tempdir().unwrap();
    let credential = secret.path().join("credential");
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.create_new(true).write(true).mode(0o600).open(&credential).unwrap();
    std::io::Write::write_all(&mut file, "0123456789abcdef".repeat(4).as_bytes()).unwrap();
    let mut settings = Settings::default();
    settings.orders.order_credential = credential;
    settings.orders.order_replicas = OrderReplicas::External(BTreeMap::from([(1, url)]));
    settings.server.ready_ms_max = 200;
    let (app, settings, _folder) = open(settings).await;
    assert_eq!(failed(&router(&app, &settings)).await, ["order_leader"]);
}

#[tokio::test]
async fn readiness_and_health_are_answered_at_the_limit_of_requests() {
    let mut settings = Settings::default();
    settings.limits.requests_max = 1;
    let (app, settings, _folder) = open(settings).await;
    let router = router(&app, &settings);
    let _all = app.gateway.permits.requests.try_acquire().unwrap();
    assert_eq!(get(&router, "/cache").await.0, StatusCode::SERVICE_UNAVAILABLE);
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(get(&router, path).await.0, StatusCode::OK, "{path}");
    }
}
