//! `agora order-replica` and `agora order-members`: replicas as processes, with a catalog in this one.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use order_log::{SharedSecret, catalog_routes};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

use crate::sqlite_catalog::SqliteCatalog;
use crate::{Server, agora, printed, run, text};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The longest time that a test waits for an event.
const PATIENCE: Duration = Duration::from_secs(120);

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
struct Around {
    folder: TempDir,
    catalog: String,
    /// Bound with `SO_REUSEADDR`, so that no other process gets the ports, while the replicas can still bind them.
    _ports: Vec<TcpSocket>,
    addresses: BTreeMap<u64, SocketAddr>,
    _runtime: Runtime,
}

impl Around {
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
        let around = Self {
            folder,
            catalog,
            _ports: ports,
            addresses,
            _runtime: runtime,
        };
        fs::write(around.credential(), SECRET).expect("a file");
        fs::set_permissions(around.credential(), fs::Permissions::from_mode(0o600)).expect("its mode");
        around
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

/// Sends a request over a connection of its own and returns the status and the body.
fn send(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the replica listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let mut request = format!(
        "{line} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    if !headers.iter().any(|(name, _)| *name == "host") {
        request.push_str("host: 127.0.0.1\r\n");
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-type: application/json\r\n\r\n{body}"));
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).expect("a status").parse().expect("a number");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    (status, body.to_owned())
}

#[test]
fn replicas_run_are_added_and_removed_by_commands() {
    let around = Around::new(4);
    let three = around.peers(1..=3);
    let mut running: BTreeMap<u64, Process> = (1..=3).map(|id| (id, around.start(id, &three, &[]))).collect();
    for process in running.values() {
        process.ready();
    }
    let health = around.send(1, "GET /health", &[], "");
    assert_eq!(health, (200, r#"{"status":"ok"}"#.to_owned()));
    assert_eq!(
        [1, 2, 3].map(|id| around.buy(id)),
        [0, 1, 2],
        "consecutive numbers from every replica"
    );
    let listed = around.members(2, &["list"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 4, "{listed}");
    assert_eq!(listed.matches(" alive ").count(), 3, "{listed}");
    assert_eq!(listed.matches(" leader ").count(), 1, "{listed}");

    // A fourth replica refuses clients until it is a member.
    let fourth = around.start(4, "", &["--joins"]);
    let late = Instant::now() + PATIENCE;
    while TcpStream::connect(around.addresses[&4]).is_err() {
        assert!(Instant::now() < late, "the fourth replica does not listen");
        thread::yield_now();
    }
    assert_eq!(around.send(4, "GET /health", &[], "").0, 503);
    assert_eq!(around.send(4, "GET /orders/0", &[], "").0, 503);
    let added = around.members(1, &["add", "--id", "4", "--url", &around.url(4)]);
    assert_eq!(added, "replica 4 takes part\n");
    fourth.ready();
    assert_eq!(around.send(4, "GET /orders/0", &[], "").0, 200);

    // A lost replica is removed, and the others continue.
    let lost = running.remove(&2).unwrap();
    lost.signal("-KILL");
    assert!(!lost.ended().success());
    let removed = around.members(3, &["remove", "--id", "2"]);
    assert!(removed.starts_with("replica 2 takes no part any more"), "{removed}");
    assert_eq!(around.members(3, &["remove", "--id", "2"]), "replica 2 takes no part\n");
    let listed = around.members(4, &["list"]);
    assert!(!listed.contains("\n2 "), "{listed}");
    assert_eq!(listed.matches(" alive ").count(), 3, "{listed}");
    assert_eq!(around.buy(4), 3);

    running.insert(4, fourth);
    for process in running.into_values() {
        process.signal("-TERM");
        assert!(process.ended().success(), "SIGTERM was not a clean end");
    }
}

#[test]
fn a_replica_answers_authorized_callers_only() {
    let around = Around::new(1);
    let alone = around.start(1, &around.peers([1]), &["--ends-with-input"]);
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
        let (status, body) = around.send(1, line, headers, buy);
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
    let around = Around::new(2);
    let first = around.start(1, &around.peers([1]), &[]);
    first.ready();
    // Another address, but the same file.
    let address = around.addresses[&2].to_string();
    let peers = around.peers([1]);
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
    let more = ["--catalog", &around.catalog, "--credential", "credential"];
    let refused = run(around.folder.path(), &[&arguments[..], &more].concat(), "");
    assert!(!refused.status.success());
    let said = text(&refused.stderr);
    assert!(said.contains("another process has replica 1 open"), "{said}");
}

/// A demo with three replicas, in which prices do not move, so that no automated order triggers.
struct Demo(Server);

const DEMO: [&str; 5] = ["demo", "--order-replicas", "3", "--price-feed-ms", "0"];

impl Demo {
    fn start(folder: &Path) -> Self {
        Self(Server::start_with(folder, &DEMO, 0))
    }

    fn send(&self, line: &str, body: &Value) -> (u16, Value) {
        self.send_with(&[], line, body)
    }

    fn send_with(&self, headers: &[(&str, &str)], line: &str, body: &Value) -> (u16, Value) {
        let address = self.0.url.trim_start_matches("http://").parse().expect("an address");
        let (status, body) = send(address, line, headers, &body.to_string());
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    /// Trades through a route with an idempotency key, retrying while there is no leader, and returns the number.
    fn trade(&self, key: &str, line: &str, pointer: &str) -> i64 {
        let trade = json!({ "name": "GameStart", "quantity": 1, "type": "sell" });
        let mut number = None;
        eventually("a trade is answered", || {
            let (status, body) = self.send_with(&[("idempotency-key", key)], line, &trade);
            number = body.pointer(pointer).and_then(Value::as_i64);
            assert!(status == 503 || number.is_some(), "{line}: {status} {body}");
            number.is_some()
        });
        number.expect("a number")
    }

    fn children(&self) -> BTreeMap<u64, u32> {
        children_of(self.0.child.id())
    }

    /// Waits until a replica has that many trades, and returns its whole ledger.
    fn ledger(&self, id: u64, trades: usize) -> Value {
        let mut ledger = Value::Null;
        eventually("the replica has every trade", || {
            let (status, answered) = self.send(&format!("POST /bazaar/order/{id}/sync"), &json!({ "lastID": -1 }));
            ledger = answered["transactions"].clone();
            status == 200 && ledger.as_object().is_some_and(|ledger| ledger.len() == trades)
        });
        ledger
    }
}

/// Returns the process ids of a server's replicas, by replica id.
fn children_of(server: u32) -> BTreeMap<u64, u32> {
    let mut found = BTreeMap::new();
    // A server that has ended has no children.
    let tasks = fs::read_dir(format!("/proc/{server}/task")).into_iter().flatten();
    for task in tasks.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for pid in children.split_whitespace() {
            let told = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = told.split('\0').skip_while(|word| *word != "--id").skip(1);
            if let Some(id) = words.next().and_then(|id| id.parse().ok()) {
                found.insert(id, pid.parse().expect("a number"));
            }
        }
    }
    found
}

fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < late, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process runs; a zombie, which waits for its parent, does not.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

#[test]
fn a_normal_start_of_replicas_logs_no_error_and_no_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = fs::File::create(&path).expect("a file");
    let arguments = ["demo", "--order-replicas", "3"];
    let demo = Demo(Server::start_logging(folder.path(), &arguments, 0, log.into()));
    for id in 1..=3 {
        eventually("the replica is ready", || {
            demo.send(&format!("GET /bazaar/order/{id}/ping"), &Value::Null).0 == 200
        });
    }
    demo.trade("once", "POST /bazaar/orders", "/data/order_number");
    assert!(demo.0.stop(), "SIGTERM was not a clean end");
    let log = fs::read_to_string(path).expect("a log");
    assert!(log.contains("the replica has caught up"), "{log}");
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}

/// The replicas' files of a stopped demo.
struct Files(PathBuf);

impl Files {
    fn of(folder: &Path) -> Self {
        Self(folder.join("data/demo/orders"))
    }

    fn copy_to(&self, to: &Path) {
        let copied = Command::new("cp").arg("-a").arg(&self.0).arg(to).status();
        assert!(copied.expect("cp").success());
    }

    /// Replaces the file of a replica, and its write-ahead log, by an older copy.
    fn put_back(&self, from: &Path, id: u64) {
        for added in ["", "-wal", "-shm"] {
            let name = format!("orders-{id}.sqlite{added}");
            let _ = fs::remove_file(self.0.join(&name));
            if from.join(&name).exists() && added != "-shm" {
                fs::copy(from.join(&name), self.0.join(&name)).expect("an older copy");
            }
        }
    }

    fn number(&self, id: u64, sql: &str) -> i64 {
        let db = rusqlite::Connection::open(self.0.join(format!("orders-{id}.sqlite"))).expect("a file");
        db.query_row(sql, [], |row| row.get(0)).expect("a number")
    }

    /// Returns the number of orders in a replica that came from the database's table and not from a trade.
    fn of_table(&self, id: u64) -> i64 {
        self.number(id, "SELECT count(*) FROM exchange_order WHERE key LIKE 'table:%'")
    }

    /// Whether a replica knows the current progress of another one.
    fn knows(&self, id: u64, other: u64) -> bool {
        let told =
            format!("SELECT coalesce(max(value ->> '$.log.index'), -1) FROM fact WHERE name = 'reached by {other}'");
        self.number(id, &told) >= self.number(other, "SELECT max(log_index) FROM log")
    }
}

#[test]
fn only_replicas_restored_together_get_their_orders_again() {
    let folder = tempfile::tempdir().unwrap();
    let (files, old) = (Files::of(folder.path()), folder.path().join("old"));
    let trade = |demo: &Demo, key: &str| demo.trade(key, "POST /bazaar/orders", "/data/order_number");
    let demo = Demo::start(folder.path());
    let first = trade(&demo, "1");
    assert!(demo.0.stop());
    files.copy_to(&old);
    let demo = Demo::start(folder.path());
    assert_eq!((trade(&demo, "2"), trade(&demo, "3")), (first + 1, first + 2));
    assert!(demo.0.stop());

    for id in 1..=3 {
        files.put_back(&old, id);
    }
    let demo = Demo::start(folder.path());
    assert_eq!(trade(&demo, "2"), first + 1, "the database kept it");
    assert_eq!(trade(&demo, "4"), first + 3);
    let trades = usize::try_from(first).unwrap() + 4;
    let ledger = demo.ledger(1, trades);
    assert_eq!(
        [demo.ledger(2, trades), demo.ledger(3, trades)],
        [ledger.clone(), ledger]
    );
    eventually("the others know how far it is", || {
        files.knows(1, 2) && files.knows(3, 2)
    });
    assert!(demo.0.stop());
    for id in 1..=3 {
        assert_eq!(files.of_table(id), 0, "the orders have the keys they had");
    }

    files.put_back(&old, 2);
    let path = folder.path().join("log");
    let log = fs::File::create(&path).expect("a file");
    let quick = [&DEMO[..], &["--order-restart-ms", "50"]].concat();
    let demo = Demo(Server::start_logging(folder.path(), &quick, 0, log.into()));
    assert_eq!(trade(&demo, "5"), first + 4);
    let said = || fs::read_to_string(&path).expect("a log");
    eventually("the replica is started again and again, each time later", || {
        ["again_in=50ms", "again_in=100ms", "again_in=200ms"]
            .iter()
            .all(|rest| said().contains(rest))
    });
    let said = said();
    assert!(
        said.contains("an older copy") && said.contains("Move the folder `orders` away"),
        "{said}"
    );
    assert_eq!(trade(&demo, "6"), first + 5);
    assert!(demo.0.stop());
}

/// The times at which a test kills first starts, in milliseconds: each row is a folder of its own.
const KILLED_AFTER_MS: [[u64; 4]; 2] = [[30, 90, 200, 400], [600, 250, 120, 60]];

#[test]
fn a_folder_killed_at_its_first_starts_starts_all_replicas() {
    for moments in KILLED_AFTER_MS {
        let folder = tempfile::tempdir().unwrap();
        for moment in moments {
            let arguments = [&DEMO[..], &["--listen", "127.0.0.1:0"]].concat();
            let mut command = agora(folder.path(), &arguments);
            let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let mut server = started.expect("the program starts");
            thread::sleep(Duration::from_millis(moment));
            let replicas = children_of(server.id());
            server.kill().expect("it runs");
            for pid in replicas.values() {
                // A replica that has ended with its server needs no kill.
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).output();
            }
            server.wait().expect("its end");
        }
        let demo = Demo::start(folder.path());
        demo.trade("1", "POST /bazaar/orders", "/data/order_number");
        eventually("all are alive", || {
            let replicas = demo.0.graphql("{ orderReplicas { alive } }", None);
            let replicas = replicas["data"]["orderReplicas"].as_array().unwrap().clone();
            replicas.len() == 3 && replicas.iter().all(|replica| replica["alive"] == true)
        });
        assert!(demo.0.stop());
    }
}

#[test]
fn a_hung_replica_fails_its_ping_in_time_and_trades_continue() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let first = demo.trade("1", "POST /bazaar/orders", "/data/order_number");
    for (id, pid) in demo.children() {
        let signal = |name: &str| {
            let sent = Command::new("kill").args([name, &pid.to_string()]).status();
            assert!(sent.expect("kill").success());
        };
        let ping = || demo.send(&format!("GET /bazaar/order/{id}/ping"), &Value::Null).0;
        eventually("the replica is there", || ping() == 200);
        signal("-STOP");
        let asked = Instant::now();
        assert_eq!(ping(), 503);
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        let number = i64::try_from(id).unwrap();
        let key = format!("while {id} hangs");
        assert_eq!(
            demo.trade(&key, "POST /bazaar/orders", "/data/order_number"),
            first + number
        );
        signal("-CONT");
        eventually("the replica is back", || ping() == 200);
    }
    assert!(demo.0.stop());
}

#[test]
fn a_demo_trades_through_its_three_replicas_and_stops_them() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let login = r#"mutation { login(login: "admin", password: "agora-demo-2026") { token } }"#;
    let login = demo.0.graphql(login, None);
    let admin = login["data"]["login"]["token"].as_str();
    // The sample data contains trades.
    let first = demo.trade("trade 1", "POST /bazaar/orders", "/data/order_number");
    let by_graph = "mutation { trade(stock: \"FishCo\", side: BUY, quantity: 1) { number } }";
    let by_graph = demo.0.graphql(by_graph, admin);
    assert_eq!(by_graph["data"]["trade"]["number"], first + 1, "{by_graph}");
    for (id, number) in (1..=3).zip(first + 2..) {
        let line = format!("POST /bazaar/order/{id}/buy");
        assert_eq!(demo.trade(&line, &line, "/order_number"), number);
    }
    let trades = usize::try_from(first).unwrap() + 5;
    let ledger = demo.ledger(1, trades);
    for number in 0..trades {
        assert!(
            ledger[number.to_string()].is_object(),
            "{number} is missing in {ledger}"
        );
    }
    assert_eq!(
        [demo.ledger(2, trades), demo.ledger(3, trades)],
        [ledger.clone(), ledger]
    );
    for number in first..first + 5 {
        for id in 1..=3 {
            let (status, order) = demo.send(&format!("GET /bazaar/order/{id}/orders/{number}"), &Value::Null);
            assert_eq!((status, &order["number"]), (200, &json!(number)));
        }
        let (status, order) = demo.send(&format!("GET /bazaar/orders/{number}"), &Value::Null);
        assert_eq!((status, &order["data"]["number"]), (200, &json!(number)));
    }

    // A killed replica comes back and catches up; meanwhile the others continue.
    let before = demo.children();
    assert_eq!(before.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    let killed = Command::new("kill")
        .args(["-KILL", &before[&2].to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(
        demo.trade("trade 2", "POST /bazaar/orders", "/data/order_number"),
        first + 5
    );
    eventually("the replica is started again", || {
        demo.children().get(&2).is_some_and(|pid| *pid != before[&2])
    });
    assert_eq!(demo.ledger(2, trades + 1), demo.ledger(1, trades + 1));
    eventually("all are alive", || {
        let replicas = demo.0.graphql("{ orderReplicas { id alive leader } }", None);
        let replicas = replicas["data"]["orderReplicas"].as_array().unwrap().clone();
        let of = |member: &str| replicas.iter().filter(|replica| replica[member] == true).count();
        (replicas.len(), of("alive"), of("leader")) == (3, 3, 1)
    });

    // SIGTERM ends all of them, and their numbers continue after a restart.
    let children = demo.children();
    assert!(demo.0.stop(), "SIGTERM was not a clean end");
    assert!(
        children.values().all(|pid| !runs(*pid)),
        "a replica outlived its server"
    );
    let demo = Demo::start(folder.path());
    assert_eq!(
        demo.trade("trade 3", "POST /bazaar/orders", "/data/order_number"),
        first + 6
    );

    // So does SIGKILL, which no process can handle: dropping the server sends it.
    let children = demo.children();
    assert_eq!(children.len(), 3);
    drop(demo);
    eventually("no replica outlives its server", || {
        !children.values().any(|pid| runs(*pid))
    });
}
