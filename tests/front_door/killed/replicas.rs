//! Acknowledged means numbered by a majority of the replicas. When a leader dies, clients wait a little longer. Every
//! trade, with its money and shares, is then stored exactly once on all replicas.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use testing::within;
use tests::{Audit, HttpClient, verify};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::calls::{Call, Cast, call, cast, repeat, send};
use super::server::{Server, kill_replica};

/// The number of rounds. All but the last one end with a kill of the server.
const ROUNDS: usize = 2;
/// The default number of leaders that are killed in a round.
const KILLS: usize = 10;
/// The environment variable that sets another number of kills.
const KILLS_WANTED: &str = "KILLED_TEST_LEADERS";
/// The number of concurrent clients.
const CLIENTS: usize = 16;
/// The longest wait of a test.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Returns the replicas from `orderReplicas`.
async fn replicas(url: &str) -> Vec<Value> {
    let asked = HttpClient::new(url)
        .query("{ orderReplicas { id alive leader applied } }", json!({}))
        .await;
    asked.at("orderReplicas").as_array().expect("a list").clone()
}

/// Waits for a leader and returns its id.
pub async fn leader(url: &str) -> String {
    let found = async {
        loop {
            let all = replicas(url).await;
            if let Some(leader) = all.iter().find(|replica| replica["leader"] == true) {
                return testing::number_of(leader["id"].as_str().expect("an id")).to_string();
            }
        }
    };
    within(PATIENCE, "a leader is elected", found).await
}

/// Runs one client until the test stops it or its server is dead.
async fn client(
    (url, cast): (String, Arc<Cast>),
    (round, client): (usize, usize),
    (stop, dead): (Arc<AtomicBool>, CancellationToken),
    answered: watch::Sender<usize>,
) -> Vec<Call> {
    let mut calls = Vec::new();
    for n in 0.. {
        if stop.load(SeqCst) {
            break;
        }
        let mut call = call(&cast, client, n, format!("round {round} client {client} call {n}"));
        let answer = dead.run_until_cancelled(send(&url, &cast, &call)).await.flatten();
        let gone = answer.is_none();
        call.answer = answer;
        calls.push(call);
        if gone {
            break;
        }
        answered.send_modify(|answered| *answered += 1);
    }
    calls
}

/// Runs clients while leaders are killed. Then kills the server, too, unless it is `spared`.
async fn round(
    server: &mut Server,
    data: &Path,
    cast: &Arc<Cast>,
    n: usize,
    spared: bool,
    chance: &mut StdRng,
) -> Vec<Call> {
    let (stop, dead) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
    let answers = watch::Sender::new(0);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client_n| {
            let (at, until) = ((server.url.clone(), cast.clone()), (stop.clone(), dead.clone()));
            tokio::spawn(client(at, (n, client_n), until, answers.clone()))
        })
        .collect();
    let mut answered = answers.subscribe();
    let kills = std::env::var_os(KILLS_WANTED).and_then(|kills| kills.to_str()?.parse().ok());
    for _ in 0..kills.unwrap_or(KILLS) {
        let moment = *answered.borrow() + chance.random_range(1..40);
        within(
            PATIENCE,
            "answers go on",
            answered.wait_for(|answered| *answered >= moment),
        )
        .await
        .expect("clients");
        kill_replica(data, &leader(&server.url).await);
    }
    if spared {
        let moment = *answered.borrow() + CLIENTS;
        within(
            PATIENCE,
            "answers go on",
            answered.wait_for(|answered| *answered >= moment),
        )
        .await
        .expect("clients");
    } else {
        server.kill();
        dead.cancel();
    }
    stop.store(true, SeqCst);
    let mut calls = Vec::new();
    for client in clients {
        calls.extend(within(PATIENCE, "a client ends", client).await.expect("a client"));
    }
    calls
}

/// Waits until every trade has its number and every replica has the last trade.
pub async fn settled(server: &Server, audit: &Audit) {
    let last = "SELECT coalesce(max(number), -1) FROM exchange_order";
    let wait = async {
        while audit.number("SELECT count(*) FROM reservation WHERE state = 'RESERVED'") > 0
            || replicas(&server.url)
                .await
                .iter()
                .any(|replica| replica["alive"] == false || replica["applied"] != audit.number(last))
        {
            tokio::task::yield_now().await;
        }
    };
    within(PATIENCE, "all replicas have all trades", wait).await;
}

/// Returns a ledger as lines, from a replica's file or from the database's table.
fn ledger(path: &Path, sql: &str) -> Vec<String> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a file");
    let mut rows = db.prepare(sql).expect("a table");
    let rows = rows.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

const OF_REPLICA: &str = "SELECT number || '|' || name || '|' || upper(side) || '|' || quantity || '|' || price_minor || '|'
    || currency || '|' || coalesce(trader_id, '') || '|' || at_us || '|' || key || '|' || attempt FROM exchange_order ORDER BY number";
const OF_TABLE: &str = "SELECT e.number || '|' || name || '|' || e.side || '|' || e.quantity || '|' || e.price_minor || '|'
    || e.currency || '|' || coalesce(e.trader_id, '') || '|' || e.at_us || '|' || log_key || '|' || attempt
    FROM exchange_order e JOIN stock ON stock.id = e.stock_id JOIN reservation r ON r.number = e.number ORDER BY e.number";

#[tokio::test(flavor = "multi_thread")]
async fn trades_and_their_effects_survive_every_leaders_death() {
    let seed = rand::rng().random();
    eprintln!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::with_replicas(&data, 3);
    let cast = Arc::new(cast(&server.url).await);
    settled(&server, &Audit::open(&data)).await;
    let shares = Audit::open(&data).shares();
    for n in 0..ROUNDS {
        let mut calls = round(&mut server, &data, &cast, n, n + 1 == ROUNDS, &mut chance).await;
        if n + 1 < ROUNDS {
            server = Server::with_replicas(&data, 3);
        }
        within(
            PATIENCE,
            "everything is answered again",
            repeat(&server.url, &cast, &mut calls),
        )
        .await;
    }
    server.kill();
    // The last orders that prices triggered must get their numbers, too.
    let server = Server::with_quiet_replicas(&data, 3);
    let audit = Audit::open(&data);
    settled(&server, &audit).await;
    audit.assert_balanced();
    assert_eq!(audit.shares(), shares, "shares came or went");
    drop(server);
    verify(&data);
    let table = ledger(&data.join("agora.db"), OF_TABLE);
    let count = usize::try_from(audit.number("SELECT count(*) FROM exchange_order")).expect("a count");
    assert_eq!(table.len(), count, "a trade that no replica was told of");
    for id in 1..=3 {
        let path = data.join("orders").join(format!("orders-{id}.sqlite"));
        assert!(ledger(&path, OF_REPLICA) == table, "replica {id} has another ledger");
    }
}
