//! The state machine: the ledger, which entries and snapshots advance.

use openraft::storage::{RaftStateMachine, Snapshot};
use openraft::{
    Entry, EntryPayload, OptionalSend, RaftSnapshotBuilder, StorageError, StorageIOError, StoredMembership,
};
use rusqlite::Connection;

use super::ledger::{self, Ledger};
use super::snapshot::{SnapshotData, SnapshotLine};
use super::{LogId, Membership, SnapshotMeta, Store, StoreError, Types, fact, fatal, log, set_fact};
use crate::command::{CommandOutcome, ReplicaId};

type Result<T, E = StorageError<ReplicaId>> = std::result::Result<T, E>;

/// The part of the file that openraft's state machine writes.
#[derive(Clone)]
pub(crate) struct StateMachine {
    pub(crate) store: Store,
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership)> {
        let read = self.store.read(applied);
        read.await.map_err(fatal(StorageIOError::read_state_machine))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Vec<CommandOutcome>>>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<_> = entries.into_iter().collect();
        // One transaction: after a crash either all entries are applied, and known to be, or none.
        let write = self.store.write_along(move |db| apply_all(db, entries));
        write.await.map_err(fatal(StorageIOError::write_state_machine))
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotData>> {
        let file = tempfile::tempfile_in(self.store.folder()).map_err(StoreError::from);
        let file = file.map_err(fatal(StorageIOError::write_state_machine))?;
        Ok(Box::new(SnapshotData::from_file(file)))
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Box<SnapshotData>) -> Result<()> {
        let meta = meta.clone();
        let written = self.store.write(move |db| install(db, &meta, *snapshot)).await;
        self.store.end_installation(&written);
        written.map_err(fatal(StorageIOError::write_state_machine))
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>> {
        let view = self.store.open_snapshot().await;
        let (applied, membership, data) = view.map_err(fatal(StorageIOError::read_state_machine))?;
        Ok(applied.map(|applied| snapshot(Some(applied), membership, data)))
    }
}

/// The ledger is its own snapshot. It is copied only when a replica needs it, and a compaction only needs the position
/// of the last applied entry.
impl RaftSnapshotBuilder<Types> for StateMachine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>> {
        let view = self.store.open_snapshot().await;
        let (applied, membership, data) = view.map_err(fatal(StorageIOError::read_state_machine))?;
        Ok(snapshot(applied, membership, data))
    }
}

fn snapshot(applied: Option<LogId>, membership: Membership, data: SnapshotData) -> Snapshot<Types> {
    let meta = SnapshotMeta {
        last_log_id: applied,
        last_membership: membership,
        // The applied entries determine the content of the ledger, so the last position is a sufficient name.
        snapshot_id: applied.map_or_else(String::new, |applied| applied.to_string()),
    };
    Snapshot {
        meta,
        snapshot: Box::new(data),
    }
}

/// The last applied entry, and the membership as of it.
pub(super) fn applied(db: &Connection) -> Result<(Option<LogId>, Membership), StoreError> {
    Ok((fact(db, "applied")?, fact(db, "membership")?.unwrap_or_default()))
}

pub(super) fn apply_all(db: &Connection, entries: Vec<Entry<Types>>) -> Result<Vec<Vec<CommandOutcome>>, StoreError> {
    let mut outcomes = Vec::with_capacity(entries.len());
    let (mut ledger, mut last) = (Ledger::open(db)?, None);
    for entry in entries {
        last = Some(entry.log_id);
        outcomes.push(match entry.payload {
            EntryPayload::Blank => Vec::new(),
            EntryPayload::Normal(commands) => commands
                .into_iter()
                .map(|command| ledger.apply_command(command))
                .collect::<Result<_, _>>()?,
            EntryPayload::Membership(membership) => {
                set_fact(db, "membership", &StoredMembership::new(Some(entry.log_id), membership))?;
                Vec::new()
            }
        });
    }
    if let Some(last) = last {
        set_fact(db, "applied", &last)?;
    }
    Ok(outcomes)
}

/// Installs the leader's snapshot. The ledger here is a prefix of the leader's, so this adds the missing trades and
/// compares the others.
fn install(db: &Connection, meta: &SnapshotMeta, data: SnapshotData) -> Result<(), StoreError> {
    let (applied, _) = applied(db)?;
    if meta.last_log_id <= applied {
        return Ok(());
    }
    let last_here = ledger::last_number(db)?;
    data.for_each_line(&mut |line| match line {
        SnapshotLine::Trade(trade) if trade.number > last_here => {
            let inserted = ledger::insert(db, &trade)?;
            inserted.then_some(()).ok_or(StoreError::Differs(trade.number))
        }
        SnapshotLine::Trade(trade) => match ledger::by_number(db, trade.number)? {
            Some(here) if here == trade => Ok(()),
            _ => Err(StoreError::Differs(trade.number)),
        },
        SnapshotLine::Cancelled(attempt) => ledger::insert_tombstone(db, &attempt),
        SnapshotLine::End(_) => Ok(()),
    })?;
    if let Some(last) = meta.last_log_id {
        set_fact(db, "applied", &last)?;
        log::compact(db, last)?;
    }
    set_fact(db, "membership", &meta.last_membership)
}
