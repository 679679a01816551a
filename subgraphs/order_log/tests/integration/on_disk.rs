//! An order is acknowledged when the disks of a majority have it, and the others write it while the leader does.

use std::time::Duration;

use order_log::command::{CommandOutcome, LogCommand};
use order_log::{FrontEnd, OrderLogSettings, ReplicaId};
use rusqlite::Connection;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::catch_up::{front_end, record};
use crate::cluster::{Cluster, PATIENCE, decided, settings, within};

/// Three replicas that have one order, and do not replace a leader that waits for its disk.
async fn patient_cluster() -> (Cluster, FrontEnd) {
    let settings = OrderLogSettings {
        heartbeat: Duration::from_secs(1),
        election_timeout: Duration::from_secs(5),
        commit_timeout: PATIENCE,
        ..settings()
    };
    let cluster = Cluster::with(settings.clone()).await;
    let front_end = front_end(cluster.urls(), settings);
    decided(&front_end, &[record(0)]).await;
    // The leader sends an entry early to replicas that are known to have all others.
    cluster.ledgers(0).await;
    (cluster, front_end)
}

/// Lets a replica's next write wait, at most for the 5 seconds for which it waits for another program.
fn hold_disk(cluster: &Cluster, id: ReplicaId) -> Connection {
    let file = file(cluster, id);
    file.execute_batch("BEGIN IMMEDIATE").expect("the file is held");
    file
}

fn file(cluster: &Cluster, id: ReplicaId) -> Connection {
    Connection::open(cluster.folder.path().join(format!("orders-{id}.sqlite"))).expect("a file")
}

/// Waits until the log of a replica has the entry of an order on its disk.
async fn written(cluster: &Cluster, id: ReplicaId, order: i64) {
    let file = file(cluster, id);
    let sql = "SELECT count(*) FROM log WHERE instr(entry, ?1) > 0";
    let entry = format!(r#""key {order}""#);
    within("the entry is on the disk", async {
        while file
            .query_row(sql, [&entry], |row| row.get::<_, i64>(0))
            .expect("a log")
            == 0
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn commit(front_end: &FrontEnd, order: i64) -> JoinHandle<Result<Vec<CommandOutcome>, order_log::Error>> {
    let (front_end, commands) = (front_end.clone(), [record(order)]);
    tokio::spawn(async move { front_end.commit(&commands, Instant::now() + PATIENCE).await })
}

async fn acknowledged(commit: JoinHandle<Result<Vec<CommandOutcome>, order_log::Error>>) -> i64 {
    let outcomes = within("the order is acknowledged", commit).await.expect("a task");
    match outcomes.expect("outcomes").first() {
        Some(CommandOutcome::Recorded { number, .. }) => *number,
        other => panic!("{other:?}"),
    }
}

/// Sends the leader many requests that take longer than a wrong acknowledgement.
async fn answers_requests(cluster: &Cluster, leader: ReplicaId) {
    for _ in 0..20 {
        assert_eq!(cluster.get(leader, "/ping").await.0, 200);
    }
}

#[tokio::test]
async fn the_others_write_an_order_while_the_leader_does() {
    let (cluster, front_end) = patient_cluster().await;
    let leader = cluster.leader().await;
    let held = hold_disk(&cluster, leader);
    let commit = commit(&front_end, 1);
    for id in (1..=3).filter(|id| *id != leader) {
        written(&cluster, id, 1).await;
    }
    let follower = cluster.replica(cluster.follower().await).clone();
    let read = tokio::spawn(async move { follower.trade_by_number(1).await });
    answers_requests(&cluster, leader).await;
    let is_decided = commit.is_finished() || read.is_finished();
    assert!(!is_decided, "the leader counted itself before its disk had the order");
    drop(held);
    assert_eq!(acknowledged(commit).await, 1);
    // The read began before the order was committed, so it need not see it.
    let read = within("the read is answered", read).await.expect("a task");
    read.expect("an answer");
}

#[tokio::test]
async fn an_order_that_only_the_leaders_disk_has_is_not_acknowledged() {
    let (cluster, front_end) = patient_cluster().await;
    let leader = cluster.leader().await;
    let mut held: Vec<_> = (1..=3)
        .filter(|id| *id != leader)
        .map(|id| hold_disk(&cluster, id))
        .collect();
    let commit = commit(&front_end, 1);
    written(&cluster, leader, 1).await;
    answers_requests(&cluster, leader).await;
    assert!(!commit.is_finished(), "one of three disks is not a majority");
    held.pop();
    assert_eq!(acknowledged(commit).await, 1);
}

#[tokio::test]
async fn an_order_that_only_a_followers_disk_has_is_not_acknowledged() {
    let (cluster, front_end) = patient_cluster().await;
    let (leader, follower) = (cluster.leader().await, cluster.follower().await);
    let other = 6 - leader - follower;
    let held = [leader, other].map(|id| hold_disk(&cluster, id));
    let commit = commit(&front_end, 1);
    written(&cluster, follower, 1).await;
    answers_requests(&cluster, leader).await;
    assert!(!commit.is_finished(), "one of three disks is not a majority");
    drop(held);
    assert_eq!(acknowledged(commit).await, 1);
}

#[tokio::test]
async fn a_leader_whose_disk_fails_stops_and_returns_without_its_last_entry() {
    let mut cluster = Cluster::of_three().await;
    let (leader, urls) = (cluster.leader().await, cluster.urls());
    let front_end = front_end(urls.clone(), settings());
    decided(&front_end, &[record(0)]).await;
    cluster.ledgers(0).await;

    let held = hold_disk(&cluster, leader);
    let commands: [LogCommand; 1] = [record(1)];
    let outcomes = decided(&front_end, &commands).await;
    assert!(matches!(outcomes[..], [CommandOutcome::Recorded { number: 1, .. }]));
    within("the leader stops", cluster.replica(leader).stopped()).await;
    drop(held);
    cluster.stop(leader).await;
    cluster.start_again(leader, urls).await;
    within("the replica is admitted", cluster.replica(leader).ready()).await;
    let ledgers = cluster.ledgers(1).await;
    assert!(ledgers.iter().all(|ledger| *ledger == ledgers[0] && ledger.len() == 2));
}
