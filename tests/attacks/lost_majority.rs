//! A majority of the order service's replicas hangs. Trades fail at once, the other systems answer as before, and an
//! operation that was answered with an error has not happened and never will.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testing::within;
use tests::HttpClient;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::target::Target;
use super::wire::{address_of, post, sent};
use crate::server::Server;

/// The longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(60);
/// More trades than the server has places for requests. All of them arrive within less than the ten seconds that a
/// request may wait.
const TRADES: usize = 1_100;
/// The interval between two trades.
const BETWEEN_TRADES: Duration = Duration::from_millis(7);
/// The clients that trade when the majority is lost.
const CLIENTS: usize = 48;

/// A server with three replicas, of which a majority can be stopped.
struct ReplicatedServer {
    target: Target,
    data: PathBuf,
    trader: HttpClient,
}

impl ReplicatedServer {
    async fn start() -> Self {
        let mut data = PathBuf::new();
        let target = Target::start_with(|folder| {
            folder.clone_into(&mut data);
            Server::with_quiet_replicas(folder, 3)
        });
        let trader = HttpClient::new(target.url());
        let replicated = Self { target, data, trader };
        replicated.trades_again().await;
        replicated
    }

    /// Sends a trade under a key until it succeeds.
    async fn trades_again(&self) {
        let key = format!("key {:?}", Instant::now());
        let traded = async { while trade(&self.trader, "MenhirCo", "sell", Some(&key)).await.status != 200 {} };
        within(PATIENCE, "trades are taken", traded).await;
    }

    /// Stops the leader and one other replica until the returned value is dropped.
    async fn stop_a_majority(&self) -> StoppedProcesses {
        let found = async {
            loop {
                let asked = HttpClient::new(self.target.url());
                let all = asked.query("{ orderReplicas { id leader } }", json!({})).await;
                let all = all.at("orderReplicas").as_array().expect("a list").clone();
                if let Some(leader) = all.iter().find(|replica| replica["leader"] == true) {
                    return testing::number_of(leader["id"].as_str().expect("an id")).to_string();
                }
            }
        };
        let leader = within(PATIENCE, "a leader is elected", found).await;
        let other = if leader == "1" { "2" } else { "1" };
        StoppedProcesses::of([&*leader, other].map(|id| pid(&self.data, id)))
    }

    /// Sends trades under keys until one fails without a wait: by then the server knows that the majority is lost. Until
    /// then it may send a trade to a replica, and a trade without a key would wait for its outcome.
    async fn loss_is_noticed(&self) {
        let noticed = async {
            loop {
                let key = format!("key {:?}", Instant::now());
                let answered = trade(&self.trader, "MenhirCo", "sell", Some(&key)).await;
                if answered.status == 503 && !answered.is_outcome_unknown {
                    return;
                }
            }
        };
        within(PATIENCE, "the loss is noticed", noticed).await;
    }

    /// Returns the number of trades of that stock.
    async fn traded(&self, stock: &str) -> usize {
        let asked = HttpClient::new(self.target.url());
        let all = asked.post("/bazaar/order/3/sync", json!({ "lastID": -1 })).await;
        let all = all.body["transactions"].as_object().expect("transactions").clone();
        all.values().filter(|trade| trade["name"] == stock).count()
    }

    /// Waits until replica 3 has applied every trade of the table.
    async fn settled(&self) {
        let settled = async {
            loop {
                let audit = tests::Audit::open(&self.data);
                let open = audit.number("SELECT count(*) FROM reservation WHERE state = 'RESERVED'");
                let last = audit.number("SELECT coalesce(max(number), -1) FROM exchange_order");
                let asked = HttpClient::new(self.target.url());
                let all = asked.query("{ orderReplicas { applied } }", json!({})).await;
                let third = all.at("orderReplicas.2.applied").as_i64();
                if open == 0 && third == Some(last) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        within(PATIENCE, "every trade has its number", settled).await;
    }
}

fn pid(data: &Path, id: &str) -> String {
    let pid = std::fs::read_to_string(data.join(format!("replica-{id}.pid")));
    pid.expect("a replica").trim().to_owned()
}

/// StoppedProcesses processes. Dropping this value continues them, even when the test fails.
struct StoppedProcesses(Vec<String>);

impl StoppedProcesses {
    fn of(pids: impl IntoIterator<Item = String>) -> Self {
        let stopped = Self(pids.into_iter().collect());
        stopped.signal("-STOP");
        stopped
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).args(&self.0).status();
        assert!(sent.expect("kill").success());
    }
}

impl Drop for StoppedProcesses {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

/// The response to a trade.
struct TradeReply {
    status: u16,
    is_outcome_unknown: bool,
}

async fn trade(trader: &HttpClient, stock: &str, side: &str, key: Option<&str>) -> TradeReply {
    let request = trader.request("POST", "/bazaar/orders");
    let request = request.json(&json!({ "name": stock, "quantity": 1, "type": side }));
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let body: Value = response.json().await.expect("JSON");
    let answered = TradeReply {
        status,
        is_outcome_unknown: body["error"]["outcome"] == "unknown",
    };
    assert!(matches!(status, 200 | 503), "{status} {body}");
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_majority_of_replicas_stops_no_other_system() {
    let replicated = ReplicatedServer::start().await;
    let address = address_of(replicated.target.url());
    let before = replicated.traded("FishCo").await;
    let stopped = replicated.stop_a_majority().await;
    replicated.loss_is_noticed().await;
    let attack = async {
        let sell = r#"{"name":"FishCo","quantity":1,"type":"sell"}"#;
        let request: Arc<[u8]> = post("/bazaar/orders", "connection: close\r\n", sell).into();
        let mut refused = JoinSet::new();
        let mut ticks = tokio::time::interval(BETWEEN_TRADES);
        for _ in 0..TRADES {
            ticks.tick().await;
            let (address, request) = (address.clone(), Arc::clone(&request));
            refused.spawn(async move {
                let mut answer = String::new();
                let mut stream = sent(&address, &request).await.expect("a connection");
                stream.read_to_string(&mut answer).await.expect("an answer");
                answer
            });
        }
        for answer in refused.join_all().await {
            assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
            assert!(answer.contains("retry-after"), "{answer}");
            assert!(
                !answer.contains("unknown"),
                "a trade without a key has a known outcome: {answer}"
            );
        }
        // Once the server knows that no majority answers, a trade fails without a wait.
        let begun = Instant::now();
        assert_eq!(trade(&replicated.trader, "FishCo", "sell", None).await.status, 503);
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    };
    replicated.target.attacked_by(attack).await.assert_held();
    drop(stopped);
    replicated.trades_again().await;
    replicated.settled().await;
    assert_eq!(
        replicated.traded("FishCo").await,
        before,
        "a refused trade was executed later"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_replica_is_unavailable_in_time_and_others_continue() {
    let replicated = ReplicatedServer::start().await;
    let url = replicated.target.url();
    let stopped = StoppedProcesses::of([pid(&replicated.data, "2")]);
    for (method, path, body) in [
        ("GET", "ping", Value::Null),
        ("GET", "orders/0", Value::Null),
        ("POST", "sync", json!({ "lastID": -1 })),
        ("POST", "buy", json!({ "name": "FishCo", "quantity": 1 })),
    ] {
        let begun = Instant::now();
        let request = HttpClient::new(url).request(method, &format!("/bazaar/order/2/{path}"));
        let answered = HttpClient::new(url).send(request.json(&body)).await;
        assert_eq!(answered.status, 503, "{path}: {answered:?}");
        assert!(answered.body["error"].get("outcome").is_none(), "{path}: {answered:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{path}: {:?}",
            begun.elapsed()
        );
    }
    replicated.trades_again().await;
    drop(stopped);
}

/// The responses to the clients: the number of successful trades without a key, and the response to each key.
#[derive(Default)]
struct ClientReplies {
    made: usize,
    refused: usize,
    keys: BTreeMap<String, TradeReply>,
}

/// Returns the side of a client's round: clients buy and sell in turns.
fn side_of(round: usize) -> &'static str {
    if round.is_multiple_of(2) { "buy" } else { "sell" }
}

async fn client(trader: HttpClient, n: usize, stop: Arc<AtomicBool>, refusals: watch::Sender<usize>) -> ClientReplies {
    let mut told = ClientReplies::default();
    for round in 0.. {
        if stop.load(SeqCst) {
            break;
        }
        let side = side_of(round);
        let key = n.is_multiple_of(2).then(|| format!("client {n} round {round}"));
        let stock = if key.is_some() { "BoarCo" } else { "FishCo" };
        let answered = trade(&trader, stock, side, key.as_deref()).await;
        if answered.status == 503 {
            refusals.send_modify(|refusals| *refusals += 1);
        }
        match (key, answered.status) {
            (Some(key), _) => {
                told.keys.insert(key, answered);
            }
            (None, 200) => told.made += 1,
            (None, _) => {
                assert!(
                    !answered.is_outcome_unknown,
                    "a trade without a key has a known outcome"
                );
                told.refused += 1;
            }
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_refused_without_a_majority_never_happens() {
    let replicated = ReplicatedServer::start().await;
    let (fish, boar) = (replicated.traded("FishCo").await, replicated.traded("BoarCo").await);
    let stop = Arc::new(AtomicBool::new(false));
    let refusals = watch::Sender::new(0);
    let mut told = ClientReplies::default();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| tokio::spawn(client(replicated.trader.clone(), n, stop.clone(), refusals.clone())))
        .collect();
    for round in 1..=2 {
        // The first majority is stopped while the clients trade, the second one after trades have succeeded again.
        replicated.trades_again().await;
        let stopped = replicated.stop_a_majority().await;
        let enough = *refusals.borrow() + 4 * CLIENTS;
        let mut refused = refusals.subscribe();
        let refused = within(
            PATIENCE,
            "trades are refused",
            refused.wait_for(|refused| *refused >= enough),
        )
        .await;
        println!("round {round}: {} refused", *refused.expect("clients"));
        // Every client without a key may be waiting for the outcome of a trade that it sent before.
        replicated.loss_is_noticed().await;
        assert_eq!(trade(&replicated.trader, "FishCo", "sell", None).await.status, 503);
        told.refused += 1;
        drop(stopped);
    }
    replicated.trades_again().await;
    stop.store(true, SeqCst);
    for client in clients {
        let one = within(PATIENCE, "a client ends", client).await.expect("a client");
        told.made += one.made;
        told.refused += one.refused;
        told.keys.extend(one.keys);
    }
    // A trade of unknown outcome can be resolved only by repeating it under its key.
    let unknown: Vec<_> = told
        .keys
        .iter()
        .filter(|(_, answered)| answered.is_outcome_unknown)
        .collect();
    println!(
        "{} made, {} refused, {} of {} keys unknown",
        told.made,
        told.refused,
        unknown.len(),
        told.keys.len()
    );
    for (key, _) in &unknown {
        let round: usize = key
            .rsplit(' ')
            .next()
            .and_then(|round| round.parse().ok())
            .expect("a round");
        let side = side_of(round);
        let again = trade(&replicated.trader, "BoarCo", side, Some(key)).await;
        assert_eq!(again.status, 200, "{key}");
    }
    replicated.settled().await;
    assert_eq!(
        replicated.traded("FishCo").await - fish,
        told.made,
        "trades without a key"
    );
    let made = told.keys.values().filter(|answered| answered.status == 200).count() + unknown.len();
    assert_eq!(replicated.traded("BoarCo").await - boar, made, "trades under a key");
    tests::Audit::open(&replicated.data).assert_balanced();
}
