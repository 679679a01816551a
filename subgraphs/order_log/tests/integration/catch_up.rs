//! Replicas that were away: for a moment, for a hundred thousand orders, and through a crash of their machine.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use order_log::command::{CommandOutcome, LogCommand, LoggedTrade, Price, Shares, TradeSide};
use order_log::{FrontEnd, OrderLogSettings, ReplicaId, SharedSecret};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::cluster::{
    Cluster, PATIENCE, RunningReplica, SECRET, catalog, decided, sent, settings, single_node, test_dependencies, url,
    within,
};

pub fn record(number: i64) -> LogCommand {
    LogCommand::Record {
        key: format!("key {number}"),
        attempt: format!("attempt {number}"),
        trade: LoggedTrade {
            shares: Shares {
                name: "GameStart".to_owned(),
                side: if number % 3 == 0 {
                    TradeSide::Sell
                } else {
                    TradeSide::Buy
                },
                quantity: 1 + number % 100,
            },
            price: Price {
                minor: 1599 + number,
                currency: "USD".to_owned(),
            },
            trader_id: (number % 2 == 0).then_some(number),
            at_us: number,
        },
    }
}

/// Records these orders in batches, and with each batch an attempt that is cancelled.
async fn recorded(front_end: &FrontEnd, orders: std::ops::Range<i64>, batch: i64) {
    for first in orders.clone().step_by(usize::try_from(batch).expect("a size")) {
        let last = orders.end.min(first + batch - 1);
        let mut commands: Vec<_> = (first..last).map(record).collect();
        commands.push(LogCommand::Cancel {
            attempt: format!("given up {first}"),
        });
        if last < orders.end {
            commands.push(record(last));
        }
        let outcomes = decided(front_end, &commands).await;
        assert!(!outcomes.contains(&CommandOutcome::Mismatch));
    }
}

pub fn front_end(urls: BTreeMap<ReplicaId, String>, settings: OrderLogSettings) -> FrontEnd {
    FrontEnd::new(urls, Arc::new(SharedSecret(SECRET.to_owned())), settings).expect("a front end")
}

fn file(folder: &Path, id: ReplicaId) -> Connection {
    let path = folder.join(format!("orders-{id}.sqlite"));
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a file")
}

/// The first and the last entry in a replica's log.
fn kept(folder: &Path, id: ReplicaId) -> (i64, i64) {
    let sql = "SELECT min(log_index), max(log_index) FROM log";
    let kept = file(folder, id).query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    kept.expect("a log")
}

/// All effects of a replica's log, row by row and byte by byte.
fn ledger(folder: &Path, id: ReplicaId) -> Vec<Vec<Value>> {
    let db = file(folder, id);
    let mut ledger = Vec::new();
    for table in ["exchange_order", "tombstone"] {
        let mut rows = db
            .prepare(&format!("SELECT * FROM {table} ORDER BY 1"))
            .expect("a table");
        let columns = rows.column_count();
        let rows = rows.query_map([], |row| (0..columns).map(|column| row.get(column)).collect());
        ledger.extend(rows.expect("rows").map(|row| row.expect("a row")));
    }
    ledger
}

/// Waits until all replicas have applied that order, stops them, and checks that their ledgers are equal.
async fn the_same_everywhere(mut cluster: Cluster, orders: i64, given_up: usize) {
    cluster.ready().await;
    let ids: Vec<_> = cluster.running.keys().copied().collect();
    for id in &ids {
        let applied = async {
            while cluster.replica(*id).status().await.expect("a status").applied < orders - 1 {
                tokio::task::yield_now().await;
            }
        };
        within("a replica applies", applied).await;
    }
    for id in &ids {
        cluster.stop(*id).await;
    }
    let first = ledger(cluster.folder.path(), 1);
    assert_eq!(first.len(), usize::try_from(orders).expect("a number") + given_up);
    for id in ids {
        assert!(
            ledger(cluster.folder.path(), id) == first,
            "the ledger of replica {id} differs"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_absent_for_100_000_orders_catches_up() {
    const ORDERS: i64 = 100_000;
    const BATCH: i64 = 500;
    let settings = OrderLogSettings {
        compact_after: 60,
        entries_kept: 10,
        batch_max: 501,
        append_bytes: 128 << 10,
        ..settings()
    };
    let mut cluster = Cluster::with(settings.clone()).await;
    let (away, urls) = (cluster.follower().await, cluster.urls());
    let front_end = front_end(urls.clone(), settings);
    recorded(&front_end, 0..BATCH, BATCH).await;
    cluster.stop(away).await;
    recorded(&front_end, BATCH..ORDERS, BATCH).await;

    let (_, last) = kept(cluster.folder.path(), away);
    for id in cluster.running.keys() {
        let (first, _) = kept(cluster.folder.path(), *id);
        assert!(first > last + 1, "the log still has all that the replica misses");
    }
    cluster.start_again(away, urls).await;
    the_same_everywhere(cluster, ORDERS, 200).await;
}

#[tokio::test]
async fn a_replica_absent_within_the_kept_log_catches_up_from_it() {
    let mut cluster = Cluster::of_three().await;
    let (away, urls) = (cluster.follower().await, cluster.urls());
    let front_end = front_end(urls.clone(), settings());
    recorded(&front_end, 0..100, 10).await;
    cluster.stop(away).await;
    recorded(&front_end, 100..1_000, 10).await;

    let (_, last) = kept(cluster.folder.path(), away);
    let leader = cluster.leader().await;
    let (first, _) = kept(cluster.folder.path(), leader);
    assert!(first <= last, "the log does not reach back to what the replica has");
    cluster.start_again(away, urls).await;
    the_same_everywhere(cluster, 1_000, 100).await;
}

#[tokio::test]
async fn entries_that_a_crash_reverts_are_applied_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let node_config = single_node(folder.path(), &listener);
    let dependencies = test_dependencies(catalog(folder.path()));
    let running = RunningReplica::start(node_config.clone(), settings(), dependencies, listener).await;
    let front = front_end(node_config.urls, settings());
    recorded(&front, 0..50, 10).await;

    // Applied entries are written last and without a sync: without them the file is as a power failure may leave it.
    let crashed = tempfile::tempdir().expect("a folder");
    for name in ["orders-1.sqlite", "orders-1.sqlite-wal"] {
        std::fs::copy(folder.path().join(name), crashed.path().join(name)).expect("a copy");
    }
    let is_cut = without_the_last_transaction(&crashed.path().join("orders-1.sqlite-wal"));
    running.stop().await;
    assert!(is_cut, "there is nothing to take back");
    assert!(ledger(crashed.path(), 1).len() < 55, "nothing was taken back");

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let node_config = single_node(crashed.path(), &listener);
    let dependencies = test_dependencies(catalog(crashed.path()));
    let running = RunningReplica::start(node_config.clone(), settings(), dependencies, listener).await;
    let front = front_end(node_config.urls, settings());
    let orders = within("orders", front.trades_after(-1, Instant::now() + PATIENCE)).await;
    assert_eq!(orders.expect("orders").len(), 50);
    running.stop().await;
    assert_eq!(ledger(crashed.path(), 1), ledger(folder.path(), 1));
}

/// Removes the last transaction of a write-ahead log, by the format that SQLite documents. Returns whether one remains.
fn without_the_last_transaction(path: &Path) -> bool {
    let wal = std::fs::read(path).expect("a write-ahead log");
    let page: [u8; 4] = wal[8..12].try_into().expect("four bytes");
    let frame = 24 + usize::try_from(u32::from_be_bytes(page)).expect("a size");
    let frames = wal[32..].chunks_exact(frame).enumerate();
    // Frames from before the log was restarted have another salt.
    let frames = frames.take_while(|(_, frame)| frame[8..16] == wal[16..24]);
    let ends: Vec<_> = frames.filter(|(_, frame)| frame[4..8] != [0; 4]).collect();
    let Some((before, _)) = ends.len().checked_sub(2).and_then(|last| ends.get(last)) else {
        return false;
    };
    std::fs::write(path, &wal[..32 + (before + 1) * frame]).expect("a shorter one");
    true
}

/// Loses a replica's file, as a broken disk does.
async fn lose_the_file(folder: &Path, id: ReplicaId) {
    let lock = File::open(folder.join(format!("orders-{id}.lock"))).expect("a lock");
    let closed = async {
        while lock.try_lock().is_err() {
            tokio::task::yield_now().await;
        }
    };
    within("the file is closed", closed).await;
    std::fs::remove_file(folder.join(format!("orders-{id}.sqlite"))).expect("a file");
    // A log that SQLite left beside the file would be applied to the next file of that name.
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("orders-{id}.sqlite{suffix}")));
    }
}

#[tokio::test]
async fn a_replica_that_lost_its_file_cannot_rejoin_with_its_old_id() {
    let mut cluster = Cluster::of_three().await;
    let (lost, urls) = (cluster.follower().await, cluster.urls());
    let front_end = front_end(urls.clone(), settings());
    recorded(&front_end, 0..10, 10).await;
    cluster.stop(lost).await;
    lose_the_file(cluster.folder.path(), lost).await;
    cluster.start_again(lost, urls).await;
    within("the replica ends", cluster.replica(lost).stopped()).await;
    assert!(!cluster.replica(lost).is_ready());
    recorded(&front_end, 10..20, 10).await;
    let orders = front_end.trades_after(-1, Instant::now() + PATIENCE).await;
    assert_eq!(orders.expect("orders").len(), 20);
}

/// The progress that a replica remembers of another one: the position in the log.
fn remembered(folder: &Path, by: ReplicaId, of: ReplicaId) -> i64 {
    let sql = "SELECT coalesce(max(value ->> '$.log.index'), -1) FROM fact WHERE name = ?1";
    let name = format!("reached by {of}");
    file(folder, by)
        .query_row(sql, [name], |row| row.get(0))
        .expect("a fact")
}

/// Restores older copies of the chosen replicas' files, one after the other, and restarts each replica, which is then
/// refused. Returns the cluster.
async fn set_back(chosen: impl AsyncFnOnce(&Cluster) -> Vec<ReplicaId>) -> (Cluster, FrontEnd) {
    let mut cluster = Cluster::of_three().await;
    let urls = cluster.urls();
    let replicas = chosen(&cluster).await;
    let front_end = front_end(urls.clone(), settings());
    recorded(&front_end, 0..10, 10).await;
    cluster.ledgers(9).await;
    let folder = cluster.folder.path().to_owned();
    let copy = |id: ReplicaId| folder.join(format!("copy-{id}.sqlite"));
    for id in &replicas {
        let made = file(&folder, *id).execute("VACUUM INTO ?1", [copy(*id).to_str().expect("text")]);
        made.expect("a copy");
    }
    recorded(&front_end, 10..20, 10).await;
    cluster.ledgers(19).await;
    for id in &replicas {
        let last = file(&folder, *id)
            .query_row("SELECT max(log_index) FROM log", [], |row| row.get::<_, i64>(0))
            .expect("a log");
        within("the others know how far it is", async {
            while (1..=3).any(|by| by != *id && remembered(&folder, by, *id) < last) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    for id in replicas {
        cluster.stop(id).await;
        lose_the_file(&folder, id).await;
        std::fs::rename(copy(id), folder.join(format!("orders-{id}.sqlite"))).expect("the copy is put back");
        cluster.start_again(id, urls.clone()).await;
        let ended = tokio::time::timeout(PATIENCE, cluster.replica(id).stopped()).await;
        assert!(
            ended.is_ok(),
            "replica {id} does not end: {:?}, {:?}",
            cluster.replica(id).refusal_reason(),
            cluster.replica(id).status().await
        );
        let why = cluster.replica(id).refusal_reason().expect("a reason");
        assert!(why.contains("an older copy"), "{why}");
    }
    (cluster, front_end)
}

async fn goes_on((_cluster, front_end): (Cluster, FrontEnd)) {
    recorded(&front_end, 20..30, 10).await;
    let orders = front_end.trades_after(-1, Instant::now() + PATIENCE).await;
    assert_eq!(orders.expect("orders").len(), 30);
}

#[tokio::test]
async fn a_leader_restored_from_an_old_copy_is_refused() {
    goes_on(set_back(async |cluster| vec![cluster.leader().await]).await).await;
}

#[tokio::test]
async fn a_follower_restored_from_an_old_copy_is_refused() {
    goes_on(set_back(async |cluster| vec![cluster.follower().await]).await).await;
}

#[tokio::test]
async fn replicas_restored_one_after_another_decide_nothing() {
    for last in 1..=3 {
        let others = (1..=3).filter(|id| *id != last).collect();
        let (cluster, front_end) = set_back(async |_| others).await;
        let soon = Instant::now() + settings().election_timeout * 4;
        let refused = front_end.commit(&[record(20)], soon).await;
        assert!(refused.is_err(), "one of three decided: {refused:?}");
        drop(front_end);
        let orders = cluster.replica(last).trades_after(-1).await.expect("a ledger");
        assert_eq!(orders.len(), 20);
    }
}

#[tokio::test]
async fn replicas_that_lost_their_files_elect_no_leader_alone() {
    let mut cluster = Cluster::of_three().await;
    let urls = cluster.urls();
    recorded(&front_end(urls.clone(), settings()), 0..10, 10).await;
    cluster.ledgers(9).await;
    for id in 1..=3 {
        cluster.stop(id).await;
    }
    for id in 1..=2 {
        lose_the_file(cluster.folder.path(), id).await;
        cluster.start_again(id, urls.clone()).await;
    }
    // Each of them would vote for the other: neither knows an entry that the other lacks.
    let vote = json!({
        "vote": { "leader_id": { "term": 1_000, "node_id": 2 }, "committed": false },
        "last_log_id": null,
    });
    for id in 1..=2 {
        let asked = cluster
            .request(reqwest::Method::POST, id, "/raft/vote")
            .bearer_auth(SECRET);
        assert_eq!(sent(asked.json(&vote)).await.0, 503);
    }
    cluster.start_again(3, urls).await;
    for id in 1..=2 {
        within("the replica ends", cluster.replica(id).stopped()).await;
    }
    let orders = cluster.replica(3).trades_after(-1).await.expect("a ledger");
    assert_eq!(orders.len(), 10);
}

#[tokio::test]
async fn a_joined_replica_that_lost_its_file_needs_a_new_id() {
    let mut cluster = Cluster::of_three().await;
    let first_urls = cluster.urls();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = url(&listener);
    // It is given no other address: the members tell it theirs when they add it.
    cluster
        .start(4, BTreeMap::from([(4, address.clone())]), true, listener)
        .await;
    let add = async |cluster: &Cluster| within("an answer", cluster.replica(1).add_replica(4, &address)).await;
    add(&cluster).await.expect("added");
    cluster.ready().await;
    recorded(&front_end(first_urls.clone(), settings()), 0..10, 10).await;
    cluster.ledgers(9).await;

    cluster.stop(4).await;
    lose_the_file(cluster.folder.path(), 4).await;
    let listener = TcpListener::bind(address.trim_start_matches("http://"))
        .await
        .expect("the port");
    cluster
        .start(4, BTreeMap::from([(4, address.clone())]), true, listener)
        .await;
    let vote = json!({
        "vote": { "leader_id": { "term": 1_000, "node_id": 2 }, "committed": false },
        "last_log_id": null,
    });
    let asked = cluster.request(reqwest::Method::POST, 4, "/raft/vote");
    assert_eq!(sent(asked.bearer_auth(SECRET).json(&vote)).await.0, 503);
    let again = add(&cluster).await;
    assert!(matches!(again, Err(order_log::Error::Refused(_))), "{again:?}");
    assert!(!cluster.replica(4).is_ready());
    recorded(&front_end(first_urls, settings()), 10..20, 10).await;
}
