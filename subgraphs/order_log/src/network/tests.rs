//! Messages to a replica: entries, what is committed, and a snapshot for a replica that takes long to receive it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use openraft::network::{RPCOption, RaftNetwork};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse};
use openraft::storage::RaftStateMachine;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

use super::{APPEND, PeerConnection, Peers, SNAPSHOT};
use crate::command::ReplicaId;
use crate::store::log::LogStore;
use crate::store::state_machine::StateMachine;
use crate::store::{Store, Types, Vote};
use crate::{OrderLogSettings, SharedSecret};

/// Sends a snapshot of a replica's ledger to these routes.
async fn sent(routes: Router, vote: Vote) -> SnapshotResponse<ReplicaId> {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = OrderLogSettings::default();
    let store = Store::open(folder.path(), 1, &settings).expect("a store");
    let (_log, mut state_machine) = (
        LogStore::open(store.clone()).await.expect("a log"),
        StateMachine { store },
    );
    let blank = openraft::Entry {
        log_id: openraft::LogId::new(openraft::CommittedLeaderId::new(1, 1), 0),
        payload: openraft::EntryPayload::Blank,
    };
    state_machine.apply([blank]).await.expect("applied");
    let copy = state_machine
        .get_current_snapshot()
        .await
        .expect("a file")
        .expect("a copy");

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let credentials = Arc::new(SharedSecret("secret".to_owned()));
    let settings = OrderLogSettings {
        heartbeat: Duration::from_millis(20),
        ..settings
    };
    let peers = Peers::new(BTreeMap::new(), credentials, Arc::new(settings)).expect("a client");
    assert_eq!(peers.since_snapshot_heartbeat(), None);
    let mut link = PeerConnection::new(2, url, peers.clone());
    let cancel = std::future::pending();
    let option = RPCOption::new(Duration::from_secs(1));
    let sent = link.full_snapshot(vote, copy, cancel, option);
    let sent = tokio::time::timeout(Duration::from_secs(30), sent).await;
    let answer = sent.expect("an answer in time").expect("an answer");
    assert_eq!(answer.vote == vote, peers.since_snapshot_heartbeat().is_some());
    answer
}

#[tokio::test]
async fn a_leader_sends_heartbeats_during_a_snapshot() {
    let leads = Vote::new_committed(3, 1);
    let heartbeats = Arc::new((AtomicUsize::new(0), Notify::new()));
    let counter = heartbeats.clone();
    let append = async move |Json(rpc): Json<AppendEntriesRequest<Types>>| {
        assert_eq!((rpc.vote, rpc.prev_log_id, rpc.entries.len()), (leads, None, 0));
        counter.0.fetch_add(1, SeqCst);
        counter.1.notify_one();
        Json(AppendEntriesResponse::<ReplicaId>::Success)
    };
    // Accepts the snapshot only after a few heartbeats.
    let snapshot = async move || {
        while heartbeats.0.load(SeqCst) < 5 {
            heartbeats.1.notified().await;
        }
        Json(SnapshotResponse::new(leads))
    };
    let routes = Router::new()
        .route(APPEND, post(append))
        .route(SNAPSHOT, post(snapshot));
    assert_eq!(sent(routes, leads).await.vote, leads);
}

#[tokio::test]
async fn a_snapshot_aborts_when_the_peer_follows_another_leader() {
    let later = Vote::new(4, 2);
    let append = async move || Json(AppendEntriesResponse::<ReplicaId>::HigherVote(later));
    let never = async || std::future::pending::<Json<SnapshotResponse<ReplicaId>>>().await;
    let routes = Router::new().route(APPEND, post(append)).route(SNAPSHOT, post(never));
    assert_eq!(sent(routes, Vote::new_committed(3, 1)).await.vote, later);
}

fn log_id(index: u64) -> openraft::LogId<ReplicaId> {
    openraft::LogId::new(openraft::CommittedLeaderId::new(1, 1), index)
}

/// A message with one entry, or without any.
fn message(entry: Option<u64>, committed: u64) -> AppendEntriesRequest<Types> {
    let entries = entry.map(|index| openraft::Entry {
        log_id: log_id(index),
        payload: openraft::EntryPayload::Blank,
    });
    AppendEntriesRequest {
        vote: Vote::new_committed(1, 1),
        prev_log_id: None,
        entries: entries.into_iter().collect(),
        leader_commit: Some(log_id(committed)),
    }
}

#[tokio::test]
async fn a_commit_is_told_without_a_wait_for_the_answer() {
    let (heard, mut messages) = mpsc::unbounded_channel();
    let append = async move |Json(rpc): Json<AppendEntriesRequest<Types>>| {
        let message = (rpc.entries.len(), rpc.leader_commit.map(|committed| committed.index));
        heard.send(message).expect("the test waits");
        Json(AppendEntriesResponse::<ReplicaId>::Success)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().route(APPEND, post(append))).await });
    let settings = OrderLogSettings {
        // An answer stays recent, and a notice becomes due, for as long as the test runs.
        heartbeat: Duration::from_secs(3_600),
        ..OrderLogSettings::default()
    };
    let credentials = Arc::new(SharedSecret("secret".to_owned()));
    let peers = Peers::new(BTreeMap::new(), credentials, Arc::new(settings)).expect("a client");
    let mut link = PeerConnection::new(2, url, peers);
    let mut send = async |message| {
        let option = RPCOption::new(Duration::from_secs(30));
        link.append_entries(message, option).await.expect("an answer")
    };

    // The first message is sent, since the replica may be gone.
    send(message(None, 1)).await;
    send(message(Some(3), 1)).await;
    send(message(None, 3)).await;
    // The same again is a heartbeat.
    send(message(None, 3)).await;
    send(message(None, 4)).await;
    send(message(Some(5), 4)).await;

    let mut told = Vec::new();
    while let Ok(message) = messages.try_recv() {
        told.push(message);
    }
    assert_eq!(told, [(0, Some(1)), (1, Some(1)), (0, Some(3)), (1, Some(4))]);
}

#[tokio::test]
async fn a_commit_is_told_although_no_entry_follows() {
    let (heard, mut messages) = mpsc::unbounded_channel();
    let append = async move |Json(rpc): Json<AppendEntriesRequest<Types>>| {
        heard
            .send(rpc.leader_commit.map(|committed| committed.index))
            .expect("the test waits");
        Json(AppendEntriesResponse::<ReplicaId>::Success)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().route(APPEND, post(append))).await });
    let settings = OrderLogSettings {
        heartbeat: Duration::from_secs(4),
        ..OrderLogSettings::default()
    };
    let credentials = Arc::new(SharedSecret("secret".to_owned()));
    let peers = Peers::new(BTreeMap::new(), credentials, Arc::new(settings)).expect("a client");
    let mut link = PeerConnection::new(2, url, peers);
    for message in [message(Some(2), 1), message(None, 2)] {
        let option = RPCOption::new(Duration::from_secs(30));
        link.append_entries(message, option).await.expect("an answer");
    }
    assert_eq!(messages.recv().await, Some(Some(1)));
    let told = tokio::time::timeout(Duration::from_secs(30), messages.recv()).await;
    assert_eq!(told.expect("a message"), Some(Some(2)));
}

/// A replica that accepts everything, and the messages that it gets.
async fn follower() -> (String, mpsc::UnboundedReceiver<serde_json::Value>) {
    let (heard, messages) = mpsc::unbounded_channel();
    let append = async move |Json(rpc): Json<serde_json::Value>| {
        heard.send(rpc).expect("the test waits");
        Json(AppendEntriesResponse::<ReplicaId>::Success)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().route(APPEND, post(append))).await });
    (url, messages)
}

/// A message with a trade at a position of the log, after the entry before.
fn message_after(index: u64, committed: u64) -> AppendEntriesRequest<Types> {
    let trade = openraft::Entry {
        log_id: log_id(index),
        payload: openraft::EntryPayload::Normal(Vec::new()),
    };
    AppendEntriesRequest {
        prev_log_id: Some(log_id(index - 1)),
        entries: vec![trade],
        ..message(None, committed)
    }
}

fn send_early(peers: &Peers, rpc: &AppendEntriesRequest<Types>) {
    let rows = rpc
        .entries
        .iter()
        .map(|entry| serde_json::value::to_raw_value(entry).expect("JSON"));
    peers.send_early(&rpc.entries, &rows.collect::<Vec<_>>(), rpc.leader_commit);
}

#[tokio::test]
async fn an_entry_that_was_sent_early_is_not_sent_again() {
    let (url, mut messages) = follower().await;
    let settings = OrderLogSettings {
        heartbeat: Duration::from_secs(3_600),
        ..OrderLogSettings::default()
    };
    let credentials = Arc::new(SharedSecret("secret".to_owned()));
    let peers = Peers::new(BTreeMap::new(), credentials, Arc::new(settings)).expect("a client");
    let mut link = PeerConnection::new(2, url, peers.clone());
    let mut send = async |message| {
        let option = RPCOption::new(Duration::from_secs(30));
        let answer = link.append_entries(message, option).await.expect("an answer");
        assert!(matches!(answer, AppendEntriesResponse::Success));
    };
    let first = message_after(3, 1);
    // It is not known yet which entries the replica has.
    send_early(&peers, &first);
    send(first.clone()).await;
    let heard = messages.recv().await.expect("a message");
    assert_eq!(heard, serde_json::to_value(&first).expect("JSON"));

    let next = message_after(4, 3);
    send_early(&peers, &next);
    // One message is under way, so the next entry has to wait.
    send_early(&peers, &message_after(5, 3));
    let heard = messages.recv().await.expect("a message");
    assert_eq!(heard, serde_json::to_value(&next).expect("JSON"));
    send(next).await;

    // Neither an entry after a gap nor one of another leader is sent early.
    send_early(&peers, &message_after(6, 4));
    let mut other = message_after(5, 4);
    other.entries[0].log_id.leader_id = openraft::CommittedLeaderId::new(2, 3);
    send_early(&peers, &other);
    let last = message_after(5, 4);
    send(last.clone()).await;
    let heard = messages.recv().await.expect("a message");
    assert_eq!(heard, serde_json::to_value(&last).expect("JSON"));
    assert!(messages.try_recv().is_err(), "an entry was sent twice");
}
