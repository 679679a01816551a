//! Acknowledged means recorded: whichever replica is killed while it leads, every answered order is there exactly once, on
//! all replicas, and the catalog agrees.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use order_log::order::Side;
use order_log::{Access, Catalog, Place, Replica, ReplicaId, SqliteCatalog, Status};
use rand::Rng;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cluster::{SECRET, settings, surroundings, within};

const KILLS: usize = 20;
/// Trades at once.
const CLIENTS: usize = 8;
/// Tells the child its id, its folder and where all replicas are.
const CHILD: &str = "ORDER_LOG_TEST_CHILD";
const SHARES: i64 = 1_000_000;

/// No test of its own: the replica that the test below starts and kills.
#[test]
#[ignore = "started and killed by every_acknowledged_order_survives_the_leaders_death"]
fn child_that_serves_until_it_is_killed() {
    let Some(told) = std::env::var_os(CHILD) else { return };
    let told: (ReplicaId, PathBuf, BTreeMap<ReplicaId, String>) =
        serde_json::from_str(told.to_str().expect("text")).expect("JSON");
    // Whatever becomes of the test, its children do not outlive it.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(serve(told.0, told.1, told.2));
}

async fn serve(id: ReplicaId, folder: PathBuf, urls: BTreeMap<ReplicaId, String>) {
    let listener = TcpListener::bind(urls[&id].trim_start_matches("http://"));
    let listener = listener.await.expect("the port");
    let around = surroundings(catalog(&folder));
    let place = Place {
        id,
        folder,
        urls,
        joins: false,
    };
    let replica = Replica::open(place, settings(), around).await.expect("a replica");
    let failed = replica.clone();
    let served = replica.serve(listener, Access::Open, async move { failed.stopped().await });
    served.await.expect("the replica serves");
}

fn catalog(folder: &Path) -> SqliteCatalog {
    let stocks = [("GameStart", 1599, SHARES), ("FishCo", 1999, SHARES)];
    SqliteCatalog::open(&folder.join("catalog.sqlite"), &stocks).expect("a catalog")
}

/// A replica in a process of its own.
struct Process(Child);

impl Process {
    fn start(id: ReplicaId, folder: &Path, urls: &BTreeMap<ReplicaId, String>) -> Self {
        let told = serde_json::to_string(&(id, folder, urls)).expect("JSON");
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args([
                "--exact",
                "killed::child_that_serves_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(CHILD, told)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the replica starts"))
    }

    fn kill(&mut self) {
        self.0.kill().expect("a running replica");
        self.0.wait().expect("its end");
    }
}

impl Drop for Process {
    /// A test that fails leaves no replica behind.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One trade under a key, and the number it was answered.
#[derive(Clone, Debug)]
struct Acknowledged {
    key: String,
    name: &'static str,
    side: Side,
    quantity: i64,
    number: i64,
}

/// The way to the replicas.
#[derive(Clone)]
struct Front {
    http: reqwest::Client,
    urls: Arc<BTreeMap<ReplicaId, String>>,
}

impl Front {
    /// An answer, if there is one in time: nobody waits for a dead replica to hang up.
    async fn sent(&self, request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        let exchange = async {
            let response = request.bearer_auth(SECRET).send().await.ok()?;
            Some((response.status().as_u16(), response.json().await.ok()?))
        };
        tokio::time::timeout(Duration::from_secs(5), exchange).await.ok()?
    }

    async fn status(&self, id: ReplicaId) -> Option<Status> {
        let (_, status) = self
            .sent(self.http.get(format!("{}/raft/status", self.urls[&id])))
            .await?;
        serde_json::from_value(status).ok()
    }

    async fn leader(&self) -> ReplicaId {
        let leader = async {
            loop {
                let mut leaders = Vec::new();
                for id in self.urls.keys() {
                    leaders.extend(self.status(*id).await.filter(|status| status.leader));
                }
                if let Some(leader) = leaders.iter().max_by_key(|status| status.term) {
                    return leader.id;
                }
                tokio::task::yield_now().await;
            }
        };
        within("somebody leads", leader).await
    }

    /// Sends a trade to one replica after the other until it is answered.
    async fn traded(&self, first: usize, key: &str, name: &str, side: Side, quantity: i64) -> i64 {
        let body = json!({ "name": name, "quantity": quantity });
        let answered = async {
            for url in self.urls.values().cycle().skip(first) {
                let request = self.http.post(format!("{url}/{}", side.as_str())).json(&body);
                match self.sent(request.header("Idempotency-Key", key)).await {
                    Some((200, answer)) => return answer["order_number"].as_i64().expect("a number"),
                    None | Some((503, _)) => tokio::task::yield_now().await,
                    Some(other) => panic!("{key}: {other:?}"),
                }
            }
            unreachable!("the replicas go round for ever")
        };
        within("a trade is answered", answered).await
    }
}

/// Trades until told to stop, and waits for the answer of the last one.
async fn client(
    front: Front,
    client: usize,
    stop: Arc<AtomicBool>,
    answered: watch::Sender<usize>,
) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    for n in 0_usize.. {
        if stop.load(SeqCst) {
            break;
        }
        let key = format!("client {client} trade {n}");
        let name = if n.is_multiple_of(3) { "FishCo" } else { "GameStart" };
        let side = if (client + n).is_multiple_of(2) {
            Side::Buy
        } else {
            Side::Sell
        };
        let quantity = 1 + i64::try_from(n % 5).expect("few");
        let number = front.traded(client + n, &key, name, side, quantity).await;
        acknowledged.push(Acknowledged {
            key,
            name,
            side,
            quantity,
            number,
        });
        answered.send_modify(|answered| *answered += 1);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_order_survives_the_leaders_death() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = catalog(folder.path());
    let urls = Arc::new(free_addresses().await);
    let front = Front {
        http: reqwest::Client::new(),
        urls: urls.clone(),
    };
    let start = |id| Process::start(id, folder.path(), &urls);
    let mut processes: HashMap<_, _> = urls.keys().map(|id| (*id, start(*id))).collect();

    let (stop, answers) = (Arc::new(AtomicBool::new(false)), watch::Sender::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| tokio::spawn(client(front.clone(), n, stop.clone(), answers.clone())))
        .collect();
    let mut answered = answers.subscribe();
    for _ in 0..KILLS {
        let leader = front.leader().await;
        // A moment is a number of answers: whatever the leader is in the middle of then, it dies in.
        let moment = *answered.borrow() + rand::rng().random_range(1..30);
        let reached = answered.wait_for(|answered| *answered >= moment);
        within("trades go on", reached).await.expect("clients");
        processes.get_mut(&leader).expect("the leader").kill();
        // One that is back at once goes on leading; the others take over from one that stays away.
        if rand::rng().random() {
            assert_ne!(front.leader().await, leader);
        }
        processes.insert(leader, start(leader));
    }
    stop.store(true, SeqCst);
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.extend(client.await.expect("a client"));
    }

    let last = i64::try_from(acknowledged.len()).expect("few") - 1;
    for id in urls.keys() {
        let applied = async {
            while front
                .status(*id)
                .await
                .is_none_or(|status| !status.ready || status.applied < last)
            {
                tokio::task::yield_now().await;
            }
        };
        within("a replica catches up", applied).await;
    }
    let settled = async {
        while !catalog.reserved(None, 1).await.expect("a catalog").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    within("reservations are settled", settled).await;
    processes.clear();
    check(folder.path(), &acknowledged);
    for name in ["GameStart", "FishCo"] {
        let left = catalog.quantity(name).await.expect("a catalog");
        assert_eq!(left, Some((left_of(name, &acknowledged), 0)), "{name}");
    }
}

/// Every ledger holds what was answered, each once, without gaps, and nothing else.
fn check(folder: &Path, acknowledged: &[Acknowledged]) {
    let ledgers: Vec<_> = (1..=3).map(|id| ledger(folder, id)).collect();
    assert!(ledgers.iter().all(|ledger| *ledger == ledgers[0]), "the ledgers differ");
    let mut expected: Vec<_> = acknowledged.iter().collect();
    expected.sort_by_key(|order| order.number);
    let numbers: Vec<_> = expected.iter().map(|order| order.number).collect();
    let dense: Vec<_> = (0..i64::try_from(expected.len()).expect("few")).collect();
    assert_eq!(numbers, dense);
    assert_eq!(ledgers[0].len(), expected.len(), "an order that nobody asked for");
    for (row, order) in ledgers[0].iter().zip(expected) {
        let side = order.side.as_str();
        let beginning = format!(
            "{}|k:{}|{}|{side}|{}|",
            order.number, order.key, order.name, order.quantity
        );
        assert!(row.starts_with(&beginning), "{row} is not {beginning}");
    }
    let attempts: HashSet<_> = ledgers[0].iter().map(|row| row.rsplit('|').next()).collect();
    assert_eq!(attempts.len(), ledgers[0].len());
}

/// A replica's ledger, all of it, line by line.
fn ledger(folder: &Path, id: ReplicaId) -> Vec<String> {
    let path = folder.join(format!("orders-{id}.sqlite"));
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a file");
    let sql =
        "SELECT number || '|' || key || '|' || name || '|' || side || '|' || quantity || '|' || price_minor || '|'
            || currency || '|' || coalesce(trader_id, '') || '|' || at_us || '|' || attempt
        FROM exchange_order ORDER BY number";
    let mut rows = db.prepare(sql).expect("a table");
    let rows = rows.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn left_of(name: &str, acknowledged: &[Acknowledged]) -> i64 {
    let moved = acknowledged.iter().filter(|order| order.name == name);
    let moved = moved.map(|order| match order.side {
        Side::Buy => -order.quantity,
        Side::Sell => order.quantity,
    });
    SHARES + moved.sum::<i64>()
}

async fn free_addresses() -> BTreeMap<ReplicaId, String> {
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    }
    (1..)
        .zip(&listeners)
        .map(|(id, listener)| (id, crate::cluster::url(listener)))
        .collect()
}
