//! A demo server with three replicas as its children.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::eventually;
use crate::Server;
use crate::http::send;

/// A demo with three replicas, in which prices do not move, so that no automated order triggers.
pub(super) struct Demo(pub(super) Server);

pub(super) const DEMO: [&str; 5] = ["demo", "--order-replicas", "3", "--price-feed-ms", "0"];

impl Demo {
    pub(super) fn start(folder: &Path) -> Self {
        Self(Server::start_with(folder, &DEMO, 0))
    }

    pub(super) fn send(&self, line: &str, body: &Value) -> (u16, Value) {
        self.send_with(&[], line, body)
    }

    fn send_with(&self, headers: &[(&str, &str)], line: &str, body: &Value) -> (u16, Value) {
        let address = self.0.url.trim_start_matches("http://").parse().expect("an address");
        let (status, body) = send(address, line, headers, &body.to_string());
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    /// Trades through a route with an idempotency key, retrying while there is no leader, and returns the number.
    pub(super) fn trade(&self, key: &str, line: &str, pointer: &str) -> i64 {
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

    /// Kills a replica with `kill -9`.
    pub(super) fn kill(&self, id: u64) {
        let pid = self.children()[&id].to_string();
        let killed = Command::new("kill").args(["-KILL", &pid]).status();
        assert!(killed.expect("kill").success());
    }

    /// Waits until a replica has that many trades, and returns its whole ledger.
    pub(super) fn ledger(&self, id: u64, trades: usize) -> Value {
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
pub(super) fn children_of(server: u32) -> BTreeMap<u64, u32> {
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
#[test]
fn a_hung_replica_fails_its_ping_in_time_and_trades_continue() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let first = demo.trade("1", "POST /bazaar/orders", "/data/order_number");
    // A new replica becomes active when all others have admitted it, so none may hang before that.
    for id in demo.children().into_keys() {
        demo.ledger(id, usize::try_from(first).unwrap() + 1);
    }
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
    demo.kill(2);
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
