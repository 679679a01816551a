//! A replica in its own process: this test program, started again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use order_log::{ClientAccess, NodeConfig, OrderLogSettings, Replica, ReplicaId};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::cluster::{settings, test_dependencies};
use crate::sqlite_catalog::SqliteCatalog;

/// The configuration of the process.
#[derive(Clone, Serialize, Deserialize)]
pub struct ProcessConfig {
    pub id: ReplicaId,
    /// The folder of its file and of the catalog's.
    pub folder: PathBuf,
    /// The address where it listens.
    pub address: String,
    /// The addresses at which it reaches all replicas.
    pub urls: BTreeMap<ReplicaId, String>,
    pub times: Times,
}

/// The timeouts by which the replicas detect a dead leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    pub heartbeat: Duration,
    pub election_timeout: Duration,
}

impl Times {
    /// Short timeouts for short trials, but long enough that a replica that waits for a busy processor is not
    /// considered dead.
    pub fn of_tests() -> Self {
        Self {
            heartbeat: Duration::from_millis(60),
            election_timeout: Duration::from_millis(250),
        }
    }

    pub fn of(settings: &OrderLogSettings) -> Self {
        Self {
            heartbeat: settings.heartbeat,
            election_timeout: settings.election_timeout,
        }
    }
}

/// The environment variable with the configuration.
const CHILD: &str = "ORDER_LOG_TEST_CHILD";

/// Not a test of its own: the replica that the other tests start.
#[test]
#[ignore = "started by the tests that do harm to it"]
fn child_that_serves_until_it_is_killed() {
    let Some(config) = std::env::var_os(CHILD) else { return };
    let config = serde_json::from_str(config.to_str().expect("text")).expect("JSON");
    // A child ends with its test, however that ends.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(serve(config));
}

async fn serve(config: ProcessConfig) {
    let listener = TcpListener::bind(&config.address).await.expect("the port");
    let catalog = SqliteCatalog::open(&config.folder.join("catalog.sqlite"), &[]).expect("a catalog");
    let settings = OrderLogSettings {
        heartbeat: config.times.heartbeat,
        election_timeout: config.times.election_timeout,
        ..settings()
    };
    let node_config = NodeConfig {
        id: config.id,
        folder: config.folder,
        urls: config.urls,
        joins: false,
    };
    let replica = Replica::open(node_config, settings, test_dependencies(catalog)).await;
    let replica = replica.expect("a replica");
    let failed = replica.clone();
    let served = replica.serve(listener, ClientAccess::Open, async move { failed.stopped().await });
    served.await.expect("the replica serves");
}

/// The command line of this test program that runs one otherwise ignored case.
pub fn this_test(case: &str) -> Vec<String> {
    let program = std::env::current_exe().expect("this test");
    let program = program.to_str().expect("a path that is text").to_owned();
    [&program, "--exact", case, "--ignored", "--nocapture"]
        .map(str::to_owned)
        .to_vec()
}

/// A running replica.
pub struct Process(Child);

impl Process {
    /// Starts a replica; `before` is the prefix of its command line.
    pub fn start(config: &ProcessConfig, before: &[String]) -> Self {
        let line = [
            before,
            &this_test("faults::process::child_that_serves_until_it_is_killed"),
        ]
        .concat();
        let child = Command::new(&line[0])
            .args(&line[1..])
            .env(CHILD, serde_json::to_string(config).expect("JSON"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the replica starts"))
    }

    /// Kills it with `kill -9` and waits for its end.
    pub fn kill(&mut self) {
        self.0.kill().expect("a running replica");
        self.0.wait().expect("its end");
    }

    /// Stops it at an arbitrary point.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it continue as if no time had passed.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -$0 $1", name, &id]).status();
        assert!(sent.expect("a shell").success(), "{name} was not sent");
    }
}

impl Drop for Process {
    /// Leaves no replica behind when a test fails. This kills a paused replica, too.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
