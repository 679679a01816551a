//! A snapshot for a replica that takes long to receive it.

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
use tokio::sync::Notify;

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
    let mut link = PeerConnection {
        url,
        peers: peers.clone(),
    };
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
