//! openraft's log and vote.

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::storage::{LogFlushed, LogState, RaftLogStorage};
use openraft::{Entry, OptionalSend, RaftLogId, RaftLogReader, StorageError, StorageIOError};
use rusqlite::Connection;
use serde_json::value::{RawValue, to_raw_value};

use super::tail::Tail;
use super::{LogId, Store, StoreError, Types, Vote, fact, fatal, set_fact};
use crate::command::ReplicaId;
use crate::network::Peers;

type Result<T, E = StorageError<ReplicaId>> = std::result::Result<T, E>;

/// The part of the file that openraft's core writes.
#[derive(Clone)]
pub(crate) struct LogStore {
    pub(crate) store: Store,
    /// The last entry that is known to be committed. It is written along with the next entries: an older value after a
    /// crash does no harm, since the ledger stores its own position.
    committed: Option<LogId>,
    /// The newest entries. Clones share them.
    tail: Arc<Mutex<Tail>>,
    /// The client of the replicas that get new entries while they are written here.
    peers: Option<Peers>,
}

impl LogStore {
    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries of a range, from memory or from the file: at least one if there is any, and no further ones after that
    /// many bytes.
    async fn entries(&self, from: u64, to: u64, bytes: usize) -> Result<Vec<Entry<Types>>> {
        if let Some(entries) = self.tail().entries(from, to, bytes) {
            return Ok(entries);
        }
        let read = self.store.read(move |db| entries(db, from, to, bytes));
        read.await.map_err(fatal(StorageIOError::read_logs))
    }

    pub(crate) async fn open(store: Store) -> Result<Self, StoreError> {
        let committed = store.read(|db| fact(db, "committed")).await?;
        Ok(Self {
            store,
            committed,
            tail: Arc::default(),
            peers: None,
        })
    }

    /// Has new entries sent to the followers while they are written here.
    pub(crate) fn with_early_appends(mut self, peers: Peers) -> Self {
        self.peers = Some(peers);
        self
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<Types>>> {
        self.entries(first(&range), end(&range), usize::MAX).await
    }

    /// Limits the entries to what fits into a message.
    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry<Types>>> {
        self.entries(start, end, self.store.append_bytes).await
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>> {
        let read = self.store.read(|db| {
            Ok(LogState {
                last_purged_log_id: fact(db, "purged")?,
                last_log_id: last(db)?,
            })
        });
        read.await.map_err(fatal(StorageIOError::read_logs))
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<()> {
        let vote = *vote;
        let write = self.store.write(move |db| set_fact(db, "vote", &vote));
        write.await.map_err(fatal(StorageIOError::write_vote))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>> {
        let read = self.store.read(|db| fact(db, "vote"));
        read.await.map_err(fatal(StorageIOError::read_vote))
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<()> {
        self.committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>> {
        Ok(self.committed)
    }

    /// Returns after the commit, so the entries are on the disk when openraft learns of it.
    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<()>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let (entries, committed): (Vec<_>, _) = (entries.into_iter().collect(), self.committed);
        self.store
            .wait_for_installation()
            .await
            .map_err(fatal(StorageIOError::write_logs))?;
        let rows: Result<Vec<Box<RawValue>>, _> = entries.iter().map(to_raw_value).collect();
        let rows = rows.map_err(StoreError::from);
        let rows = Arc::new(rows.map_err(fatal(StorageIOError::write_logs))?);
        let indexes: Vec<_> = entries.iter().map(|entry| number(entry.log_id.index)).collect();
        let written_rows = Arc::clone(&rows);
        let write = self.store.write(move |db| {
            // An entry with this index would be a mistake of openraft's, which truncates the log before it replaces
            // entries.
            let mut insert = db.prepare_cached("INSERT INTO log (log_index, entry) VALUES (?1, ?2)")?;
            for (index, row) in indexes.into_iter().zip(&*written_rows) {
                insert.execute((index, row.get()))?;
            }
            match committed {
                Some(committed) => set_fact(db, "committed", &committed),
                None => Ok(()),
            }
        });
        // The file's thread begins first. It needs longer than a message.
        let (written, ()) = futures_util::join!(write, async {
            if let Some(peers) = &self.peers {
                peers.send_early(&entries, &rows, committed);
            }
        });
        match written {
            Ok(()) => {
                let sizes = rows.iter().map(|row| row.get().len());
                self.tail().append(entries.into_iter().zip(sizes));
                callback.log_io_completed(Ok(()));
                Ok(())
            }
            Err(error) => {
                callback.log_io_completed(Err(std::io::Error::other(error.to_string())));
                Err(fatal(StorageIOError::write_logs)(error))
            }
        }
    }

    async fn truncate(&mut self, since: LogId) -> Result<()> {
        self.tail().truncate(since.index);
        let write = self.store.write(move |db| {
            db.execute("DELETE FROM log WHERE log_index >= ?1", [number(since.index)])?;
            Ok(())
        });
        write.await.map_err(fatal(StorageIOError::write_logs))
    }

    async fn purge(&mut self, up_to: LogId) -> Result<()> {
        self.tail().purge(up_to.index);
        if self.store.is_compacted_by_installation(up_to) {
            return Ok(());
        }
        let write = self.store.write(move |db| compact(db, up_to));
        write.await.map_err(fatal(StorageIOError::write_logs))
    }
}

/// The last entry of the log, or the last one that was compacted.
pub(super) fn last(db: &Connection) -> Result<Option<LogId>, StoreError> {
    let sql = "SELECT entry FROM log ORDER BY log_index DESC LIMIT 1";
    let last = entries_by(db, sql, [], usize::MAX)?;
    match last.first() {
        Some(entry) => Ok(Some(*entry.get_log_id())),
        None => fact(db, "purged"),
    }
}

/// Compacts the log up to this entry: its effects are in the ledger.
pub(super) fn compact(db: &Connection, up_to: LogId) -> Result<(), StoreError> {
    db.execute("DELETE FROM log WHERE log_index <= ?1", [number(up_to.index)])?;
    set_fact(db, "purged", &up_to)
}

/// The entries of a range, at least one if there is any, and no further ones after that many bytes.
fn entries(db: &Connection, from: u64, to: u64, bytes: usize) -> Result<Vec<Entry<Types>>, StoreError> {
    let sql = "SELECT entry FROM log WHERE log_index >= ?1 AND log_index < ?2 ORDER BY log_index";
    entries_by(db, sql, [number(from), number(to)], bytes)
}

fn entries_by<const N: usize>(
    db: &Connection,
    sql: &str,
    range: [i64; N],
    bytes: usize,
) -> Result<Vec<Entry<Types>>, StoreError> {
    let mut found = db.prepare_cached(sql)?;
    let mut rows = found.query(rusqlite::params_from_iter(range))?;
    let (mut entries, mut taken) = (Vec::new(), 0);
    while taken < bytes
        && let Some(row) = rows.next()?
    {
        let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        taken += text.len();
        entries.push(serde_json::from_str(text)?);
    }
    Ok(entries)
}

fn first(range: &impl RangeBounds<u64>) -> u64 {
    match range.start_bound() {
        Bound::Included(first) => *first,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    }
}

fn end(range: &impl RangeBounds<u64>) -> u64 {
    match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    }
}

/// SQLite's integers have a smaller maximum than openraft's. No log gets that long.
fn number(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
