//! `agora order-replica` and `agora order-members`: replicas as processes, with a catalog in this one.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use order_log::{SharedSecret, catalog_routes};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

use super::{PATIENCE, eventually};
use crate::http::send;
use crate::sqlite_catalog::SqliteCatalog;
use crate::{agora, printed, run, text};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A replica in a process of its own; dropping it kills the process.
struct Process {
    child: Child,
    said: mpsc::Receiver<String>,
}

impl Process {
    /// Waits until it reports that it has caught up.
    fn ready(&self) {
        let line = self.said.recv_timeout(PATIENCE).expect("the replica catches up");
        assert!(line.contains("is ready at http://127.0.0.1:"), "{line}");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill");
        assert!(sent.success());
    }

    fn ended(mut self) -> ExitStatus {
        let late = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < late, "the replica does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The environment of the replicas.
struct Environment {
    folder: TempDir,
    catalog: String,
    /// Bound with `SO_REUSEADDR`, so that no other process gets the ports, while the replicas can still bind them.
    _ports: Vec<TcpSocket>,
    addresses: BTreeMap<u64, SocketAddr>,
    _runtime: Runtime,
}

impl Environment {
    fn new(replicas: u64) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let stocks = [("GameStart", 1599, 1_000)];
        let catalog = SqliteCatalog::open(&folder.path().join("catalog.sqlite"), &stocks).expect("a catalog");
        let credentials = Arc::new(SharedSecret(SECRET.to_owned()));
        let routes = catalog_routes(Arc::new(catalog), credentials, order_log::OrderLogSettings::default());
        let inside = runtime.enter();
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a port");
        let catalog = format!("http://{}", listener.local_addr().expect("an address"));
        runtime.spawn(async move { axum::serve(listener, routes).await });
        let (mut ports, mut addresses) = (Vec::new(), BTreeMap::new());
        for id in 1..=replicas {
            let port = TcpSocket::new_v4().expect("a socket");
            port.set_reuseaddr(true).expect("an option");
            port.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
            addresses.insert(id, port.local_addr().expect("an address"));
            ports.push(port);
        }
        drop(inside);
        let environment = Self {
            folder,
            catalog,
            _ports: ports,
            addresses,
            _runtime: runtime,
        };
        fs::write(environment.credential(), SECRET).expect("a file");
        fs::set_permissions(environment.credential(), fs::Permissions::from_mode(0o600)).expect("its mode");
        environment
    }

    fn credential(&self) -> PathBuf {
        self.folder.path().join("credential")
    }

    fn url(&self, id: u64) -> String {
        format!("http://{}", self.addresses[&id])
    }

    fn peers(&self, ids: impl IntoIterator<Item = u64>) -> String {
        let peers: Vec<String> = ids.into_iter().map(|id| format!("{id}={}", self.url(id))).collect();
        peers.join(",")
    }

    /// Starts a replica.
    fn start(&self, id: u64, peers: &str, more: &[&str]) -> Process {
        let (id_text, address) = (id.to_string(), self.addresses[&id].to_string());
        let data = format!("replica-{id}");
        let mut arguments = vec!["order-replica", "--id", &id_text, "--listen", &address, "--data", &data];
        arguments.extend(["--catalog", &self.catalog, "--credential", "credential"]);
        if !peers.is_empty() {
            arguments.extend(["--peer", peers]);
        }
        arguments.extend(more);
        let mut child = agora(self.folder.path(), &arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the replica starts");
        let (say, said) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| say.send(line)));
        Process { child, said }
    }

    /// Runs `agora order-members` through one replica.
    fn members(&self, through: u64, arguments: &[&str]) -> String {
        let peer = self.peers([through]);
        let way = ["--peer", &peer, "--credential", "credential"];
        let arguments = [&["order-members"][..], arguments, &way].concat();
        printed(self.folder.path(), &arguments, "")
    }

    fn send(&self, id: u64, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        send(self.addresses[&id], line, headers, body)
    }

    /// Buys a share at a replica and returns the number of the order.
    fn buy(&self, id: u64) -> i64 {
        let (status, body) = self.send(
            id,
            "POST /buy",
            &[],
            &json!({ "name": "GameStart", "quantity": 1 }).to_string(),
        );
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        assert_eq!(status, 200, "{body}");
        body["order_number"].as_i64().expect("a number")
    }
}

#[test]
fn a_replica_with_a_json_log_prints_nothing_else() {
    let environment = Environment::new(1);
    let process = environment.start(1, &environment.peers([1]), &["--log-format", "json"]);
    eventually("the replica is ready", || {
        TcpStream::connect(environment.addresses[&1]).is_ok() && environment.send(1, "GET /health", &[], "").0 == 200
    });
    process.signal("-TERM");
    // Its standard output ends with it, without a line.
    let printed = process.said.recv_timeout(PATIENCE);
    assert_eq!(printed, Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn replicas_run_are_added_and_removed_by_commands() {
    let environment = Environment::new(4);
    let three = environment.peers(1..=3);
    let mut running: BTreeMap<u64, Process> = (1..=3).map(|id| (id, environment.start(id, &three, &[]))).collect();
    for process in running.values() {
        process.ready();
    }
    let health = environment.send(1, "GET /health", &[], "");
    assert_eq!(health, (200, r#"{"status":"ok"}"#.to_owned()));
    assert_eq!(
        [1, 2, 3].map(|id| environment.buy(id)),
        [0, 1, 2],
        "consecutive numbers from every replica"
    );
    let listed = environment.members(2, &["list"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 4, "{listed}");
    assert_eq!(listed.matches(" alive ").count(), 3, "{listed}");
    assert_eq!(listed.matches(" leader ").count(), 1, "{listed}");

    // A fourth replica refuses clients until it is a member.
    let fourth = environment.start(4, "", &["--joins"]);
    let late = Instant::now() + PATIENCE;
    while TcpStream::connect(environment.addresses[&4]).is_err() {
        assert!(Instant::now() < late, "the fourth replica does not listen");
        thread::yield_now();
    }
    assert_eq!(environment.send(4, "GET /health", &[], "").0, 503);
    assert_eq!(environment.send(4, "GET /orders/0", &[], "").0, 503);
    let added = environment.members(1, &["add", "--id", "4", "--url", &environment.url(4)]);
    assert_eq!(added, "replica 4 is a member\n");
    fourth.ready();
    assert_eq!(environment.send(4, "GET /orders/0", &[], "").0, 200);

    // A lost replica is removed, and the others continue.
    let lost = running.remove(&2).unwrap();
    lost.signal("-KILL");
    assert!(!lost.ended().success());
    let removed = environment.members(3, &["remove", "--id", "2"]);
    assert!(removed.starts_with("replica 2 is no longer a member"), "{removed}");
    assert_eq!(
        environment.members(3, &["remove", "--id", "2"]),
        "replica 2 is not a member\n"
    );
    let listed = environment.members(4, &["list"]);
    assert!(!listed.contains("\n2 "), "{listed}");
    assert_eq!(listed.matches(" alive ").count(), 3, "{listed}");
    assert_eq!(environment.buy(4), 3);

    running.insert(4, fourth);
    for process in running.into_values() {
        process.signal("-TERM");
        assert!(process.ended().success(), "SIGTERM was not a clean end");
    }
}

#[test]
fn a_replica_answers_authorized_callers_only() {
    let environment = Environment::new(1);
    let alone = environment.start(1, &environment.peers([1]), &["--ends-with-input"]);
    alone.ready();
    let bearer = format!("Bearer {SECRET}");
    let token = ("authorization", bearer.as_str());
    let away = ("host", "agora.example");
    let buy = r#"{"name":"GameStart","quantity":1}"#;
    for (line, headers, wanted) in [
        ("POST /buy", &[][..], 200),
        ("POST /buy", &[("host", "localhost:4100")], 200),
        ("POST /buy", &[away], 401),
        ("POST /buy", &[("x-forwarded-for", "10.0.0.1")], 401),
        ("POST /buy", &[away, token], 200),
        ("POST /buy", &[("origin", "https://elsewhere.example")], 403),
        ("POST /buy", &[("sec-fetch-site", "cross-site")], 403),
        ("GET /ping", &[("sec-fetch-site", "cross-site")], 200),
        // The routes between replicas require the credential.
        ("GET /raft/status", &[], 401),
        ("GET /raft/members", &[], 401),
        ("POST /raft/members", &[], 401),
        ("GET /raft/status", &[token], 200),
        (
            "GET /raft/status",
            &[("authorization", "Bearer fedcba9876543210fedcba9876543210")],
            401,
        ),
        ("GET /nowhere", &[], 404),
    ] {
        let (status, body) = environment.send(1, line, headers, buy);
        assert_eq!(status, wanted, "{line} {headers:?}: {body}");
        if line.starts_with("POST /buy") && wanted != 200 {
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["error"]["code"], wanted, "the document's envelope");
        }
    }
    // Its input ends, as when the parent process has ended.
    let mut alone = alone;
    drop(alone.child.stdin.take());
    assert!(alone.ended().success());
}

#[test]
fn a_replica_reports_each_wrong_argument() {
    let folder = tempfile::tempdir().unwrap();
    for (name, mode) in [("good", 0o600), ("open", 0o644)] {
        let path = folder.path().join(name);
        fs::write(&path, SECRET).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let peer = ["--peer", "1=http://127.0.0.1:1"];
    let catalog = ["--catalog", "http://127.0.0.1:1"];
    let good = ["--credential", "good"];
    for (arguments, why) in [
        (
            [&["--id", "1"], &peer[..], &catalog, &[]].concat(),
            "orders.order_credential: is needed",
        ),
        (
            [&["--id", "1"], &peer[..], &catalog, &["--credential", "open"]].concat(),
            "has to be 0600",
        ),
        (
            [&["--id", "1"], &peer[..], &catalog, &["--credential", "none"]].concat(),
            "No such file",
        ),
        (
            [&["--id", "2"], &peer[..], &catalog, &good].concat(),
            "where replica 2 itself is",
        ),
        ([&["--id", "0"], &peer[..], &catalog, &good].concat(), "no replica's id"),
        (
            [&["--id", "1"], &peer[..], &peer, &catalog, &good].concat(),
            "replica 1 is named twice",
        ),
        (
            [&["--id", "1"], &peer[..], &["--catalog", "127.0.0.1:1"], &good].concat(),
            "no address such as",
        ),
        (
            [&["--id", "1"], &peer[..], &catalog, &["--order-election-ms", "10"]].concat(),
            "replicas.order_election_ms: must be more than order_heartbeat_ms",
        ),
    ] {
        let refused = run(folder.path(), &[&["order-replica"], &arguments[..]].concat(), "");
        assert!(!refused.status.success(), "{arguments:?}");
        let said = text(&refused.stderr);
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    let without_peer = ["order-members", "list", "--credential", "good"];
    let refused = run(folder.path(), &without_peer, "");
    assert!(text(&refused.stderr).contains("peer: is needed"), "{refused:?}");
}

#[test]
fn a_replica_exits_when_its_file_is_open_elsewhere() {
    let environment = Environment::new(2);
    let first = environment.start(1, &environment.peers([1]), &[]);
    first.ready();
    // Another address, but the same file.
    let address = environment.addresses[&2].to_string();
    let peers = environment.peers([1]);
    let arguments = [
        "order-replica",
        "--id",
        "1",
        "--listen",
        &address,
        "--data",
        "replica-1",
        "--peer",
        &peers,
    ];
    let more = ["--catalog", &environment.catalog, "--credential", "credential"];
    let refused = run(environment.folder.path(), &[&arguments[..], &more].concat(), "");
    assert!(!refused.status.success());
    let said = text(&refused.stderr);
    assert!(said.contains("another process has replica 1 open"), "{said}");
}
