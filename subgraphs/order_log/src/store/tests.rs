//! openraft's own test suite, and tests of what it does not cover.

use std::path::Path;
use std::time::{Duration, Instant};

use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::testing::{StoreBuilder, Suite};
use openraft::{
    CommittedLeaderId, Entry, EntryPayload, RaftLogReader, RaftSnapshotBuilder, StorageError, StorageHelper,
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::log::LogStore;
use super::state_machine::StateMachine;
use super::{LogId, Store, StoreError, Types};
use crate::OrderLogSettings;
use crate::command::{CommandOutcome, LogCommand, LoggedTrade, Price, ReplicaId, Shares, TradeSide};

struct TestStoreBuilder;

impl StoreBuilder<Types, LogStore, StateMachine, TempDir> for TestStoreBuilder {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<ReplicaId>> {
        let folder = tempfile::tempdir().expect("a folder");
        let (log, state_machine) = opened(&folder, 1).await;
        Ok((folder, log, state_machine))
    }
}

async fn opened(folder: &TempDir, id: ReplicaId) -> (LogStore, StateMachine) {
    let store = Store::open(folder.path(), id, &OrderLogSettings::default()).expect("a store");
    (
        LogStore::open(store.clone()).await.expect("a log"),
        StateMachine { store },
    )
}

/// Opens the file again once the threads that had it open have ended.
async fn opened_again(folder: &TempDir, id: ReplicaId) -> (LogStore, StateMachine) {
    loop {
        match Store::open(folder.path(), id, &OrderLogSettings::default()) {
            Ok(store) => {
                return (
                    LogStore::open(store.clone()).await.expect("a log"),
                    StateMachine { store },
                );
            }
            Err(StoreError::InUse(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

fn at(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(1, 1), index)
}

fn entry(index: u64, commands: Vec<LogCommand>) -> Entry<Types> {
    Entry {
        log_id: at(index),
        payload: EntryPayload::Normal(commands),
    }
}

fn record(key: &str, attempt: &str, quantity: i64) -> LogCommand {
    LogCommand::Record {
        key: key.to_owned(),
        attempt: attempt.to_owned(),
        trade: LoggedTrade {
            shares: Shares {
                name: "GameStart".to_owned(),
                side: TradeSide::Buy,
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

fn cancel(attempt: &str) -> LogCommand {
    LogCommand::Cancel {
        attempt: attempt.to_owned(),
    }
}

fn recorded(number: i64, attempt: &str) -> CommandOutcome {
    CommandOutcome::Recorded {
        number,
        attempt: attempt.to_owned(),
    }
}

#[test]
fn the_store_passes_openrafts_own_suite() {
    Suite::test_all(TestStoreBuilder).expect("openraft's suite passes");
}

#[tokio::test]
async fn numbers_are_dense_and_a_key_keeps_its_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_log, mut state_machine) = opened(&folder, 1).await;

    let outcomes = state_machine
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
    let second = vec![recorded(0, "a1"), CommandOutcome::Mismatch, recorded(2, "c1")];
    assert_eq!(outcomes, [first, second]);
    assert_eq!(state_machine.store.last_number().await.expect("a number"), 2);
}

#[tokio::test]
async fn an_attempt_is_either_recorded_or_cancelled() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_log, mut state_machine) = opened(&folder, 1).await;

    let commands = vec![
        cancel("a1"),
        record("a", "a1", 1),
        record("a", "a2", 1),
        cancel("a2"),
        cancel("a1"),
    ];
    let outcomes = state_machine.apply([entry(0, commands)]).await.expect("applied");

    let (gone, stays) = (CommandOutcome::Cancelled, recorded(0, "a2"));
    assert_eq!(outcomes, [vec![gone.clone(), gone.clone(), stays.clone(), stays, gone]]);
}

#[tokio::test]
async fn order_with_an_unknown_side_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_log, mut state_machine) = opened(&folder, 1).await;
    let commands = vec![record("a", "a1", 1)];
    state_machine.apply([entry(0, commands)]).await.expect("applied");
    let file = Connection::open(folder.path().join("orders-1.sqlite")).expect("a file");
    let changes = "PRAGMA ignore_check_constraints = 1;
        INSERT INTO exchange_order (number, key, attempt, name, side, quantity, price_minor, currency, at_us)
        VALUES (1, 'b', 'b1', 'GameStart', 'x', 1, 1599, 'USD', 0)";
    file.execute_batch(changes).expect("a row");

    let error = state_machine
        .store
        .trade_of_key("b")
        .await
        .expect_err("an error")
        .to_string();
    let reason = r#"table exchange_order, number 1: column side has the unknown value "x""#;
    assert!(error.contains(reason), "{error}");
}

#[tokio::test]
async fn an_attempt_is_good_for_one_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_log, mut state_machine) = opened(&folder, 1).await;
    let commands = vec![record("a", "same", 1), record("b", "same", 1)];
    let outcomes = state_machine.apply([entry(0, commands)]).await.expect("applied");
    assert_eq!(outcomes, [vec![recorded(0, "same"), CommandOutcome::Mismatch]]);
}

#[tokio::test]
async fn applied_entries_and_their_index_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, mut state_machine) = opened(&folder, 1).await;
    state_machine
        .apply([entry(0, vec![record("a", "a1", 1), cancel("b1")])])
        .await
        .expect("applied");
    drop((log, state_machine));

    let (_log, mut state_machine) = opened_again(&folder, 1).await;
    assert_eq!(state_machine.applied_state().await.expect("a state").0, Some(at(0)));
    let again = vec![record("a", "a2", 1), record("b", "b1", 1), record("c", "c1", 1)];
    let outcomes = state_machine.apply([entry(1, again)]).await.expect("applied");
    assert_eq!(
        outcomes,
        [vec![recorded(0, "a1"), CommandOutcome::Cancelled, recorded(1, "c1")]]
    );
}

#[tokio::test]
async fn a_snapshot_is_consistent_and_extends_an_older_ledger() {
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
    let expected = leader.store.trades_after(-1, 2).await.expect("orders");
    assert_eq!(follower.store.trades_after(-1, 100).await.expect("orders"), expected);
    let late = follower.apply([entry(2, vec![record("c", "c1", 1)])]).await;
    assert_eq!(late.expect("applied"), [vec![CommandOutcome::Cancelled]]);
}

#[tokio::test]
async fn a_contradicting_snapshot_is_refused_and_changes_nothing() {
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
    let (mut log, state_machine) = opened(&folder, 1).await;
    log.save_vote(&super::Vote::new(3, 1)).await.expect("saved");
    let twice = Store::open(folder.path(), 1, &OrderLogSettings::default());
    assert!(matches!(twice, Err(StoreError::InUse(1))));
    drop((log, state_machine));

    let (log, state_machine) = opened_again(&folder, 1).await;
    assert_eq!(log.store.openings, 2);
    drop((log, state_machine));
    // A copy made by SQLite: some of the content may still be in the write-ahead log beside the file.
    let original = Connection::open(folder.path().join("orders-1.sqlite")).expect("a file");
    let copy = folder.path().join("orders-2.sqlite");
    let copied = original.execute("VACUUM INTO ?1", [copy.to_str().expect("a path")]);
    copied.expect("a copy");
    let other = Store::open(folder.path(), 2, &OrderLogSettings::default());
    assert!(matches!(
        other,
        Err(StoreError::OtherReplica { found: 1, opened_by: 2 })
    ));
}

#[tokio::test]
async fn a_file_closed_before_any_commit_opens_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut log, state_machine) = opened(&folder, 1).await;
    let first = entry(0, vec![record("a", "a1", 1)]);
    log.blocking_append([first]).await.expect("appended");
    drop((log, state_machine));

    let (mut log, _machine) = opened_again(&folder, 1).await;
    assert_eq!(log.read_committed().await.expect("a place"), None);
    assert_eq!(log.get_log_state().await.expect("a state").last_log_id, Some(at(0)));
}

/// Does what openraft does with a file when it starts: it reads all that it needs, and applies the entries known to be
/// committed.
async fn started(log: &mut LogStore, state_machine: &mut StateMachine) -> LogId {
    let state = StorageHelper::new(log, state_machine).get_initial_state().await;
    let state = state.expect("openraft goes on from the file");
    let (applied, _) = state_machine.applied_state().await.expect("a state");
    assert_eq!(applied, state.committed);
    let purged = log.get_log_state().await.expect("a state").last_purged_log_id;
    assert!(purged <= applied, "compacted before it was applied");
    applied.expect("something was applied")
}

/// A file as a crash of the machine may leave it: its write-ahead log ends early.
fn cut(folder: &Path, wal: &[u8]) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    let file = "orders-1.sqlite";
    std::fs::copy(folder.join(file), copy.path().join(file)).expect("a copy");
    std::fs::write(copy.path().join(format!("{file}-wal")), wal).expect("a copy");
    copy
}

/// The ends of the transactions of a write-ahead log, by the format that SQLite documents.
fn ends(wal: &[u8]) -> Vec<usize> {
    const HEAD: usize = 32;
    const FRAME_HEAD: usize = 24;
    let page: [u8; 4] = wal[8..12].try_into().expect("four bytes");
    let frame = FRAME_HEAD + usize::try_from(u32::from_be_bytes(page)).expect("a size");
    let frames = wal[HEAD..].chunks_exact(frame).enumerate();
    // A frame that contains the size of the file ends a transaction.
    let last = frames.filter(|(_, frame)| frame[4..8] != [0; 4]);
    last.map(|(at, _)| HEAD + (at + 1) * frame).collect()
}

#[tokio::test]
async fn a_crash_at_any_log_length_loses_no_appended_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut log, mut state_machine) = opened(&folder, 1).await;
    let wal = || std::fs::read(folder.path().join("orders-1.sqlite-wal")).expect("a write-ahead log");
    log.save_vote(&super::Vote::new_committed(1, 1)).await.expect("saved");
    // The length of the write-ahead log each time openraft was told that an entry is on the disk.
    let (mut appended, mut before) = (Vec::new(), None);
    for index in 0..12 {
        let key = format!("key {index}");
        let entry = entry(index, vec![record(&key, &key, 1), cancel(&format!("not {key}"))]);
        log.blocking_append([entry.clone()]).await.expect("appended");
        appended.push((wal().len(), index));
        // The next entries arrive while earlier ones are applied: `committed` may be ahead of the ledger.
        state_machine.apply(before.replace(entry)).await.expect("applied");
        log.save_committed(Some(at(index))).await.expect("saved");
        if index % 4 == 3 {
            log.purge(at(index - 2)).await.expect("purged");
        }
    }
    state_machine.apply(before).await.expect("applied");
    let (wal, expected) = (wal(), state_machine.store.trades_after(-1, 100).await.expect("orders"));
    assert_eq!(expected.len(), 12);

    let (mut cuts, mut applied_again) = (0, 0);
    for end in ends(&wal).into_iter().filter(|end| *end > appended[2].0) {
        // A page of the next transaction may be there, and half of another one.
        for end in [end, (end + 4120 + 2000).min(wal.len())] {
            let crashed = cut(folder.path(), &wal[..end]);
            let (mut log, mut state_machine) = opened(&crashed, 1).await;
            let before = state_machine.applied_state().await.expect("a state").0;
            let applied = started(&mut log, &mut state_machine).await;
            applied_again += u32::from(before != Some(applied));
            // The leader says that the rest is committed too.
            let rest = log.try_get_log_entries(applied.index + 1..).await.expect("entries");
            let last = rest.last().map_or(applied, |entry| entry.log_id);
            state_machine.apply(rest).await.expect("applied");

            let told = appended
                .iter()
                .rev()
                .find(|(length, _)| *length <= end)
                .expect("an entry");
            assert!(last.index >= told.1, "an entry is gone that openraft was told is there");
            let orders = state_machine.store.trades_after(-1, 100).await.expect("orders");
            let last = usize::try_from(last.index).expect("few");
            assert_eq!(orders, expected[..=last]);
            cuts += 1;
        }
    }
    assert!(cuts > 20 && applied_again > 5, "{cuts} {applied_again}");
}

#[tokio::test]
async fn a_crash_before_a_snapshot_is_written_keeps_its_log() {
    let (here, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let (_log, mut leader) = opened(&here, 2).await;
    let (mut log, mut follower) = opened(&there, 1).await;
    let entries: Vec<_> = (0..8)
        .map(|index| {
            let key = format!("key {index}");
            entry(index, vec![record(&key, &key, 1)])
        })
        .collect();
    leader.apply(entries[..6].to_vec()).await.expect("applied");
    log.blocking_append(entries[..3].to_vec()).await.expect("appended");
    log.save_committed(Some(at(1))).await.expect("saved");
    follower.apply(entries[..1].to_vec()).await.expect("applied");
    log.blocking_append(entries[3..4].to_vec()).await.expect("appended");

    // openraft's order: the log is told to compact what the snapshot covers, then the snapshot is installed.
    let copy = leader.build_snapshot().await.expect("a copy");
    let expected = follower.store.expect_snapshot(&copy).await;
    log.purge(at(5)).await.expect("purged");
    drop(expected);
    let (mut log_later, next) = (log.clone(), entries[6..7].to_vec());
    let mut later = Box::pin(async move { log_later.blocking_append(next).await });
    assert!(
        futures_util::poll!(&mut later).is_pending(),
        "an entry is written before what it follows"
    );

    let wal = std::fs::read(there.path().join("orders-1.sqlite-wal")).expect("a write-ahead log");
    let crashed = cut(there.path(), &wal);
    let (mut log_crashed, mut crashed) = opened(&crashed, 1).await;
    assert_eq!(started(&mut log_crashed, &mut crashed).await, at(1));
    let state = log_crashed.get_log_state().await.expect("a state");
    assert_eq!((state.last_purged_log_id, state.last_log_id), (None, Some(at(3))));

    let installed = follower.install_snapshot(&copy.meta, copy.snapshot).await;
    installed.expect("installed");
    later.await.expect("appended");
    let state = log.get_log_state().await.expect("a state");
    assert_eq!(
        (state.last_purged_log_id, state.last_log_id),
        (Some(at(5)), Some(at(6)))
    );
    drop((log, follower));
    let (mut log, mut follower) = opened_again(&there, 1).await;
    assert_eq!(started(&mut log, &mut follower).await, at(5));
    log.purge(at(6)).await.expect("purged");
    let purged = log.get_log_state().await.expect("a state").last_purged_log_id;
    assert_eq!(purged, Some(at(6)), "the log is compacted as usual");
}

#[tokio::test]
async fn nothing_is_appended_after_a_failed_snapshot() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut log, mut state_machine) = opened(&folder, 1).await;
    state_machine
        .apply([entry(0, vec![record("a", "a", 1)])])
        .await
        .expect("applied");
    let mut copy = state_machine.build_snapshot().await.expect("a copy");
    copy.meta.last_log_id = Some(at(5));
    let expected = state_machine.store.expect_snapshot(&copy).await;
    log.purge(at(5)).await.expect("purged");
    drop(expected);
    let broken = Box::new(super::snapshot::SnapshotData::from_file(
        tempfile::tempfile().expect("a file"),
    ));
    assert!(state_machine.install_snapshot(&copy.meta, broken).await.is_err());
    let next = [entry(6, vec![record("b", "b", 1)])];
    assert!(log.blocking_append(next).await.is_err());
}

/// Not a test, but a measurement: how much time it saves to apply entries without a sync of their own.
/// `cargo test -p order_log --lib -- --ignored --nocapture batch_time_with`
#[tokio::test]
#[ignore = "measures, and asserts nothing"]
async fn batch_time_with_one_sync_and_with_two() {
    const BATCHES: u64 = 300;
    for orders in [1, 16, 256] {
        let mut took = [Duration::ZERO; 2];
        // Alternates between both, so that other load of the machine affects both.
        let folders = [
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        ];
        let mut files = [opened(&folders[0], 1).await, opened(&folders[1], 1).await];
        for index in 0..BATCHES {
            for (syncs, ((log, state_machine), took)) in files.iter_mut().zip(&mut took).enumerate() {
                let commands = (0..orders).map(|n| {
                    let key = format!("{index} {n}");
                    record(&key, &key, 1)
                });
                let entry = entry(index, commands.collect());
                let began = Instant::now();
                log.blocking_append([entry.clone()]).await.expect("appended");
                match syncs {
                    0 => drop(state_machine.apply([entry]).await.expect("applied")),
                    _ => {
                        let apply = move |db: &Connection| super::state_machine::apply_all(db, vec![entry]);
                        state_machine.store.write(apply).await.map(drop).expect("applied");
                    }
                }
                *took += began.elapsed();
            }
        }
        let [one, two] = took.map(|took| took.as_secs_f64() * 1e3 / BATCHES as f64);
        println!(
            "{orders} orders: {one:.2} ms with one sync, {two:.2} ms with two, {:.2} times",
            two / one
        );
    }
}
