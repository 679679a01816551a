//! openraft's own suite, and what it does not ask.

use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::testing::{StoreBuilder, Suite};
use openraft::{CommittedLeaderId, Entry, EntryPayload, RaftSnapshotBuilder, StorageError};
use rusqlite::Connection;
use tempfile::TempDir;

use super::log::Log;
use super::machine::Machine;
use super::{LogId, Store, StoreError, Types};
use crate::Settings;
use crate::order::{Command, Outcome, Price, ReplicaId, Shares, Side, Trade};

struct Files;

impl StoreBuilder<Types, Log, Machine, TempDir> for Files {
    async fn build(&self) -> Result<(TempDir, Log, Machine), StorageError<ReplicaId>> {
        let folder = tempfile::tempdir().expect("a folder");
        let (log, machine) = opened(&folder, 1).await;
        Ok((folder, log, machine))
    }
}

async fn opened(folder: &TempDir, id: ReplicaId) -> (Log, Machine) {
    let store = Store::open(folder.path(), id, &Settings::default()).expect("a store");
    (Log::open(store.clone()).await.expect("a log"), Machine { store })
}

/// Opens again once the threads that had it open are gone.
async fn opened_again(folder: &TempDir, id: ReplicaId) -> (Log, Machine) {
    loop {
        match Store::open(folder.path(), id, &Settings::default()) {
            Ok(store) => return (Log::open(store.clone()).await.expect("a log"), Machine { store }),
            Err(StoreError::InUse(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

fn at(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(1, 1), index)
}

fn entry(index: u64, commands: Vec<Command>) -> Entry<Types> {
    Entry {
        log_id: at(index),
        payload: EntryPayload::Normal(commands),
    }
}

fn record(key: &str, attempt: &str, quantity: i64) -> Command {
    Command::Record {
        key: key.to_owned(),
        attempt: attempt.to_owned(),
        trade: Trade {
            shares: Shares {
                name: "GameStart".to_owned(),
                side: Side::Buy,
                quantity,
            },
            price: Price {
                minor: 1599,
                currency: "USD".to_owned(),
            },
            trader_id: None,
            at_us: 0,
        },
    }
}

fn cancel(attempt: &str) -> Command {
    Command::Cancel {
        attempt: attempt.to_owned(),
    }
}

fn recorded(number: i64, attempt: &str) -> Outcome {
    Outcome::Recorded {
        number,
        attempt: attempt.to_owned(),
    }
}

#[test]
fn the_store_passes_openrafts_own_suite() {
    Suite::test_all(Files).expect("openraft's suite passes");
}

#[tokio::test]
async fn numbers_are_dense_and_a_key_keeps_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_log, mut machine) = opened(&folder, 1).await;

    let outcomes = machine
        .apply([
            entry(0, vec![record("a", "a1", 1), record("b", "b1", 2)]),
            entry(
                1,
                vec![record("a", "a2", 1), record("a", "a3", 7), record("c", "c1", 1)],
            ),
        ])
        .await
        .expect("applied");

    let first = vec![recorded(0, "a1"), recorded(1, "b1")];
    let second = vec![recorded(0, "a1"), Outcome::Mismatch, recorded(2, "c1")];
    assert_eq!(outcomes, [first, second]);
    assert_eq!(machine.store.last_number().await.expect("a number"), 2);
}

#[tokio::test]
async fn a_cancelled_attempt_is_never_recorded_and_a_recorded_one_is_never_cancelled() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_log, mut machine) = opened(&folder, 1).await;

    let commands = vec![
        cancel("a1"),
        record("a", "a1", 1),
        record("a", "a2", 1),
        cancel("a2"),
        cancel("a1"),
    ];
    let outcomes = machine.apply([entry(0, commands)]).await.expect("applied");

    let (gone, stays) = (Outcome::Cancelled, recorded(0, "a2"));
    assert_eq!(outcomes, [vec![gone.clone(), gone.clone(), stays.clone(), stays, gone]]);
}

#[tokio::test]
async fn an_attempt_is_good_for_one_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_log, mut machine) = opened(&folder, 1).await;
    let commands = vec![record("a", "same", 1), record("b", "same", 1)];
    let outcomes = machine.apply([entry(0, commands)]).await.expect("applied");
    assert_eq!(outcomes, [vec![recorded(0, "same"), Outcome::Mismatch]]);
}

#[tokio::test]
async fn what_was_applied_is_there_after_a_restart_and_so_is_how_far_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, mut machine) = opened(&folder, 1).await;
    machine
        .apply([entry(0, vec![record("a", "a1", 1), cancel("b1")])])
        .await
        .expect("applied");
    drop((log, machine));

    let (_log, mut machine) = opened_again(&folder, 1).await;
    assert_eq!(machine.applied_state().await.expect("a state").0, Some(at(0)));
    let again = vec![record("a", "a2", 1), record("b", "b1", 1), record("c", "c1", 1)];
    let outcomes = machine.apply([entry(1, again)]).await.expect("applied");
    assert_eq!(
        outcomes,
        [vec![recorded(0, "a1"), Outcome::Cancelled, recorded(1, "c1")]]
    );
}

#[tokio::test]
async fn a_copy_shows_the_ledger_as_it_was_and_adds_to_an_older_one() {
    let (here, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let (_log, mut leader) = opened(&here, 1).await;
    let (_log_there, mut follower) = opened(&there, 2).await;
    let first = entry(0, vec![record("a", "a1", 1)]);
    leader.apply([first.clone()]).await.expect("applied");
    follower.apply([first]).await.expect("applied");
    leader
        .apply([entry(1, vec![record("b", "b1", 1), cancel("c1")])])
        .await
        .expect("applied");

    let copy = leader.build_snapshot().await.expect("a copy");
    leader
        .apply([entry(2, vec![record("later", "later", 1)])])
        .await
        .expect("applied");
    follower
        .install_snapshot(&copy.meta, copy.snapshot)
        .await
        .expect("installed");

    assert_eq!(follower.applied_state().await.expect("a state").0, Some(at(1)));
    let expected = leader.store.since(-1, 2).await.expect("orders");
    assert_eq!(follower.store.since(-1, 100).await.expect("orders"), expected);
    let late = follower.apply([entry(2, vec![record("c", "c1", 1)])]).await;
    assert_eq!(late.expect("applied"), [vec![Outcome::Cancelled]]);
}

#[tokio::test]
async fn a_copy_that_contradicts_the_ledger_is_refused_and_changes_nothing() {
    let (here, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let (_log, mut one) = opened(&here, 1).await;
    let (_log_there, mut other) = opened(&there, 2).await;
    one.apply([
        entry(0, vec![record("a", "a1", 1)]),
        entry(1, vec![record("b", "b1", 1)]),
    ])
    .await
    .expect("applied");
    other
        .apply([entry(0, vec![record("a", "a1", 2)])])
        .await
        .expect("applied");
    let copy = one.build_snapshot().await.expect("a copy");

    assert!(other.install_snapshot(&copy.meta, copy.snapshot).await.is_err());
    assert_eq!(other.store.last_number().await.expect("a number"), 0);
}

#[tokio::test]
async fn a_file_has_one_owner_and_one_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut log, machine) = opened(&folder, 1).await;
    log.save_vote(&super::Vote::new(3, 1)).await.expect("saved");
    let twice = Store::open(folder.path(), 1, &Settings::default());
    assert!(matches!(twice, Err(StoreError::InUse(1))));
    drop((log, machine));

    let (log, machine) = opened_again(&folder, 1).await;
    assert_eq!(log.store.openings, 2);
    drop((log, machine));
    // A copy by SQLite: part of what is written may still be in the file beside the file.
    let original = Connection::open(folder.path().join("orders-1.sqlite")).expect("a file");
    let copy = folder.path().join("orders-2.sqlite");
    let copied = original.execute("VACUUM INTO ?1", [copy.to_str().expect("a path")]);
    copied.expect("a copy");
    let other = Store::open(folder.path(), 2, &Settings::default());
    assert!(matches!(other, Err(StoreError::OtherReplica { found: 1, asked: 2 })));
}

#[tokio::test]
async fn a_file_that_was_closed_before_anything_was_committed_opens_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut log, machine) = opened(&folder, 1).await;
    let first = entry(0, vec![record("a", "a1", 1)]);
    log.blocking_append([first]).await.expect("appended");
    drop((log, machine));

    let (mut log, _machine) = opened_again(&folder, 1).await;
    assert_eq!(log.read_committed().await.expect("a place"), None);
    assert_eq!(log.get_log_state().await.expect("a state").last_log_id, Some(at(0)));
}
