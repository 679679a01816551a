//! Support for tests: a real server on a loopback port over a fresh data folder, and callers that send it requests.

mod audit;
mod client;

pub use self::audit::{Audit, verify};
pub use client::{HttpClient, Response};

use std::sync::Arc;
use std::time::Duration;

use agora::app::App;
use agora::config::Settings;
use agora::http;
use agora::rest;
use agora::rest_access::AnonymousAccess;
use agora::workers::Workers;
use contract::ManualClock;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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

    /// Starts a server over an existing data folder, `data` in `folder`, at that time in microseconds.
    pub async fn over(folder: TempDir, now_us: i64) -> Self {
        Self::start(
            Settings::default(),
            Arc::new(folder),
            Arc::new(ManualClock::at_us(now_us)),
        )
        .await
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

    /// Serves the metrics at an address of their own, as `--metrics-listen` does, and returns `http://127.0.0.1:PORT`.
    pub async fn serve_metrics(&self) -> String {
        serve(&self.app, self.app.metrics_router()).await.0
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

    /// Starts the tasks beside the requests, with the settings of this server. They end with the token.
    pub fn start_workers(&self, shutdown: &CancellationToken) -> Workers {
        let app = &self.app;
        Workers::start(
            &app.services,
            &app.ledger_check,
            &self.settings.workers,
            shutdown,
            false,
        )
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
    pub fn anonymous(&self) -> HttpClient {
        HttpClient::new(&self.url)
    }

    /// Returns a person of the demo, signed in.
    pub async fn signed_in(&self, username: &str) -> HttpClient {
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
