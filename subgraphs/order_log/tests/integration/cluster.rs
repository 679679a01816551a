//! Replicas in this process, each with its own file, port and server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use order_log::command::{CommandOutcome, LogCommand};
use order_log::{
    ClientAccess, Dependencies, FrontEnd, NodeConfig, OrderLogSettings, Replica, ReplicaId, SetupError, SharedSecret,
    StoreError,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::sqlite_catalog::SqliteCatalog;

/// The secret that the replicas of the tests share.
pub const SECRET: &str = "a secret that all replicas of the test share";
/// The stocks of the test's catalog.
pub const STOCKS: &[(&str, i64, i64)] = &[("GameStart", 1599, 100), ("FishCo", 1999, 100)];
/// The timeout of every wait in these tests.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running replica.
pub struct RunningReplica {
    pub replica: Replica,
    pub url: String,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl RunningReplica {
    pub async fn start(
        node_config: NodeConfig,
        settings: OrderLogSettings,
        dependencies: Dependencies,
        listener: TcpListener,
    ) -> Self {
        let url = node_config.urls[&node_config.id].clone();
        // Tasks of a replica that was stopped in this process may still hold the file.
        let opened = within("the file is free", async {
            loop {
                match Replica::open(node_config.clone(), settings.clone(), dependencies.clone()).await {
                    Err(SetupError::Store(StoreError::InUse(_))) => tokio::task::yield_now().await,
                    opened => return opened,
                }
            }
        });
        let replica = opened.await.expect("a replica");
        let stop = CancellationToken::new();
        let (serving, stopped) = (replica.clone(), stop.clone());
        let server = tokio::spawn(async move {
            let shutdown = async move { stopped.cancelled().await };
            serving.serve(listener, ClientAccess::Open, shutdown).await
        });
        Self {
            replica,
            url,
            stop,
            server,
        }
    }

    /// Stops the replica abruptly, as a crash would.
    pub async fn stop(self) {
        self.server.abort();
        let _ = self.server.await;
        self.stop.cancel();
        self.replica.close().await;
    }
}

/// Three replicas, a catalog and a clock.
pub struct Cluster {
    pub running: BTreeMap<ReplicaId, RunningReplica>,
    pub catalog: SqliteCatalog,
    pub folder: TempDir,
    pub settings: OrderLogSettings,
    http: reqwest::Client,
}

/// An answer: its status and its JSON.
pub type JsonAnswer = (u16, Value);

pub fn settings() -> OrderLogSettings {
    OrderLogSettings {
        heartbeat: Duration::from_millis(100),
        election_timeout: Duration::from_millis(400),
        orphan_scan_interval: Duration::from_millis(300),
        ..OrderLogSettings::default()
    }
}

/// The dependencies of every replica; the clock counts its calls.
pub fn test_dependencies(catalog: SqliteCatalog) -> Dependencies {
    let clock = AtomicI64::new(0);
    Dependencies {
        credentials: Arc::new(SharedSecret(SECRET.to_owned())),
        catalog: Arc::new(catalog),
        now_us: Arc::new(move || clock.fetch_add(1, Ordering::Relaxed)),
    }
}

pub fn catalog(folder: &Path) -> SqliteCatalog {
    SqliteCatalog::open(&folder.join("catalog.sqlite"), STOCKS).expect("a catalog")
}

impl Cluster {
    /// Three replicas that have caught up.
    pub async fn of_three() -> Self {
        Self::with(settings()).await
    }

    pub async fn with(settings: OrderLogSettings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut cluster = Self {
            running: BTreeMap::new(),
            catalog: catalog(folder.path()),
            folder,
            settings,
            http: reqwest::Client::new(),
        };
        let mut listeners = BTreeMap::new();
        for id in 1..=3 {
            listeners.insert(id, TcpListener::bind("127.0.0.1:0").await.expect("a port"));
        }
        let urls: BTreeMap<_, _> = listeners.iter().map(|(id, listener)| (*id, url(listener))).collect();
        for (id, listener) in listeners {
            cluster.start(id, urls.clone(), false, listener).await;
        }
        cluster.ready().await;
        cluster
    }

    pub async fn start(
        &mut self,
        id: ReplicaId,
        urls: BTreeMap<ReplicaId, String>,
        joins: bool,
        listener: TcpListener,
    ) {
        let node_config = NodeConfig {
            id,
            folder: self.folder.path().to_owned(),
            urls,
            joins,
        };
        let dependencies = test_dependencies(self.catalog.clone());
        let running = RunningReplica::start(node_config, self.settings.clone(), dependencies, listener).await;
        self.running.insert(id, running);
    }

    /// Waits until every replica has caught up.
    pub async fn ready(&self) {
        for running in self.running.values() {
            within("a replica catches up", running.replica.ready()).await;
        }
    }

    pub fn urls(&self) -> BTreeMap<ReplicaId, String> {
        self.running
            .iter()
            .map(|(id, running)| (*id, running.url.clone()))
            .collect()
    }

    /// The replica that leads, once one does.
    pub async fn leader(&self) -> ReplicaId {
        within("a leader is elected", async {
            loop {
                for (id, running) in &self.running {
                    if running.replica.leader() == Some(*id) {
                        return *id;
                    }
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// A replica that does not lead.
    pub async fn follower(&self) -> ReplicaId {
        let leader = self.leader().await;
        self.running
            .keys()
            .copied()
            .find(|id| *id != leader)
            .expect("a follower")
    }

    pub fn replica(&self, id: ReplicaId) -> &Replica {
        &self.running[&id].replica
    }

    pub async fn stop(&mut self, id: ReplicaId) {
        self.running.remove(&id).expect("a running replica").stop().await;
    }

    /// Starts a stopped replica again at its address.
    pub async fn start_again(&mut self, id: ReplicaId, urls: BTreeMap<ReplicaId, String>) {
        let address = urls[&id].trim_start_matches("http://").to_owned();
        let listener = within("the port is free", async {
            loop {
                match TcpListener::bind(&address).await {
                    Ok(listener) => return listener,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        let listener = listener.await;
        self.start(id, urls, false, listener).await;
    }

    /// Waits until every replica has applied that order, and returns their ledgers.
    pub async fn ledgers(&self, last: i64) -> Vec<Vec<order_log::command::NumberedTrade>> {
        let mut ledgers = Vec::new();
        for running in self.running.values() {
            let order = within("a replica applies", async {
                while running.replica.status().await.expect("a status").applied < last {
                    tokio::task::yield_now().await;
                }
            });
            order.await;
            ledgers.push(running.replica.trades_after(-1).await.expect("a ledger"));
        }
        ledgers
    }

    pub async fn get(&self, id: ReplicaId, path: &str) -> JsonAnswer {
        sent(self.http.get(format!("{}{path}", self.running[&id].url))).await
    }

    pub async fn post(&self, id: ReplicaId, path: &str, body: Value) -> JsonAnswer {
        sent(self.http.post(format!("{}{path}", self.running[&id].url)).json(&body)).await
    }

    /// Trades under a key.
    pub async fn trade(&self, id: ReplicaId, path: &str, key: &str, quantity: i64) -> JsonAnswer {
        let body = json!({ "name": "GameStart", "quantity": quantity });
        let request = self.http.post(format!("{}{path}", self.running[&id].url)).json(&body);
        sent(request.header("Idempotency-Key", key)).await
    }

    pub fn request(&self, method: reqwest::Method, id: ReplicaId, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.running[&id].url))
    }
}

pub async fn sent(request: reqwest::RequestBuilder) -> JsonAnswer {
    let answer = async {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.bytes().await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    };
    within("an answer", answer).await
}

pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// Commits commands, and retries under their keys while no replica is known to lead: on a busy machine a leader may
/// lose its leadership for a moment.
pub async fn decided(front_end: &FrontEnd, commands: &[LogCommand]) -> Vec<CommandOutcome> {
    let decided = async {
        loop {
            match front_end.commit(commands, Instant::now() + PATIENCE).await {
                Err(order_log::Error::Unavailable | order_log::Error::NoLeader) => tokio::task::yield_now().await,
                decided => return decided.expect("outcomes"),
            }
        }
    };
    within("commands are decided", decided).await
}

pub fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// The configuration of a replica that is the only one.
pub fn single_node(folder: &Path, listener: &TcpListener) -> NodeConfig {
    NodeConfig {
        id: 1,
        folder: folder.to_owned(),
        urls: BTreeMap::from([(1, url(listener))]),
        joins: false,
    }
}
