//! One replica's file: openraft's log and vote, and the ledger that results from the log.
//!
//! One thread writes and one reads, each with its own connection. One transaction contains the effects of an entry and
//! the fact that it was applied. Every write is on the disk when it is answered (`synchronous=FULL`), except applied
//! entries: these are on the disk already, so their effects need no sync of their own (`Store::write_along`).

pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod snapshot;
mod snapshot_install;
pub(crate) mod state_machine;
mod tail;
#[cfg(test)]
mod tests;
pub(crate) mod worker;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use openraft::{AnyError, BasicNode, Entry, StorageError, StorageIOError};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::snapshot_install::Installation;
use self::worker::Worker;
use crate::OrderLogSettings;
use crate::admission::{FileComparison, Progress, StoreIdentity};
use crate::command::{CommandOutcome, LogCommand, NumberedTrade, ReplicaId};

openraft::declare_raft_types!(
    /// The types with which openraft is used here.
    pub(crate) Types:
        D = Vec<LogCommand>,
        R = Vec<CommandOutcome>,
        NodeId = ReplicaId,
        Node = BasicNode,
        Entry = Entry<Types>,
        SnapshotData = snapshot::SnapshotData,
        AsyncRuntime = openraft::TokioRuntime,
);

pub(crate) type LogId = openraft::LogId<ReplicaId>;
pub(crate) type Vote = openraft::Vote<ReplicaId>;
pub(crate) type Membership = openraft::StoredMembership<ReplicaId, BasicNode>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<ReplicaId, BasicNode>;

/// Whether the leader with this vote created an entry.
pub(crate) fn is_by_leader(entry: LogId, vote: &Vote) -> bool {
    let (creator, leader) = (&entry.leader_id, &vote.leader_id);
    (creator.term, creator.node_id) == (leader.term, leader.node_id)
}

/// The reason why a replica's file could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite reports an error.
    #[error("the replica's file: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file system reports an error.
    #[error("the replica's folder: {0}")]
    Io(#[from] std::io::Error),
    /// A stored value is not one that this version writes.
    #[error("the replica's file holds something unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Another process has the file open: two processes with one id would both vote.
    #[error("another process has replica {0} open")]
    InUse(ReplicaId),
    /// The file belongs to a replica with another id; it must not change its id.
    #[error("the file belongs to replica {found}, not to replica {opened_by}")]
    OtherReplica {
        /// The replica that the file belongs to.
        found: ReplicaId,
        /// The replica that opened it.
        opened_by: ReplicaId,
    },
    /// A later version wrote the file.
    #[error("the replica's file has version {0}, which this program does not know")]
    OtherVersion(i64),
    /// A trade differs from the leader's; a replica that stops is better than ledgers that differ.
    #[error("trade {0} differs between this replica and the leader's copy")]
    Differs(i64),
    /// A snapshot that ends early.
    #[error("the snapshot of the ledger is not complete")]
    Incomplete,
    /// The thread has ended.
    #[error("the replica's file is closed")]
    Closed,
}

const VERSION: i64 = 1;

/// A replica's file.
#[derive(Clone)]
pub(crate) struct Store {
    writer: Worker,
    reader: Worker,
    path: PathBuf,
    /// Held as long as any connection is open: the last connection that SQLite closes cleans up the files beside this
    /// one.
    lock: Arc<File>,
    append_bytes: usize,
    installation: Arc<Installation>,
    /// The file's own random name, chosen when it was created.
    pub(crate) file: String,
    /// How often the file was opened. With the replica's id it makes the replica's names unique.
    pub(crate) openings: u64,
}

impl Store {
    /// Opens the file of replica `id` in `folder`, and creates it if it does not exist. Blocks.
    pub(crate) fn open(folder: &Path, id: ReplicaId, settings: &OrderLogSettings) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)?;
        let lock = Arc::new(lock_file(folder, id)?);
        let path = folder.join(format!("orders-{id}.sqlite"));
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let (file, openings) = prepare_file(&mut connection, id)?;
        Ok(Self {
            writer: Worker::start("orders-write", settings.store_queue, connection, lock.clone())?,
            reader: Worker::start("orders-read", settings.store_queue, open_reader(&path)?, lock.clone())?,
            path,
            lock,
            append_bytes: settings.append_bytes,
            installation: Arc::default(),
            file,
            openings,
        })
    }

    /// Runs `work` in one transaction, which is on the disk when this returns.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer
            .run(move |connection| in_transaction(connection, work))
            .await
    }

    /// Runs `work` in one transaction that reaches the disk with the next synced write at the latest. It is only for
    /// writes that a crash may undo: for the effects of entries that the log still has.
    ///
    /// This loses nothing, for the following reasons. The file's write-ahead log is one sequence of transactions,
    /// written by one thread, and a sync of it covers everything before. After a crash SQLite continues from a prefix
    /// of this sequence that contains at least everything up to the last sync. (Checksums chain the frames, so the
    /// first one that did not reach the disk ends the prefix.) Therefore:
    ///
    /// - An entry is appended with a sync before openraft can count this replica for it, and applied after that. If a
    ///   crash undoes its effects, it also undoes `applied`, in the same transaction, and the entry is still there.
    /// - openraft applies the entry again: at the next start up to `committed`, which is written with entries and so
    ///   never ahead of the log, and the rest when a leader says that it is committed. The decision is the same, since
    ///   it depends on the ledger only.
    /// - A transaction that compacts an entry comes after the one that applied it, and syncs: a file without the entry
    ///   has its effects. (A snapshot compacts the entries that it covers itself: `snapshot_install`.)
    /// - A vote, and the entries that come with it, are synced; no crash undoes a promise to another replica.
    /// - A client is answered because a majority has the *entry*. A replica that lost the end of its ledger lags for a
    ///   moment, as any slow replica does. A reader that needs the latest state asks for the majority's read point and
    ///   waits (`Core::ensure_linearizable`).
    ///
    /// Before SQLite moves content of the write-ahead log into the file itself, it syncs the log, and then the file, in
    /// this mode too.
    async fn write_along<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let along = move |connection: &mut Connection| {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            let result = in_transaction(connection, work);
            // Whatever the result, the next write relies on being synced.
            connection.pragma_update(None, "synchronous", "FULL")?;
            result
        };
        self.writer.run(along).await
    }

    /// Runs `work` on the committed state.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.reader.run(move |connection| work(connection)).await
    }

    /// Whether the other replicas admitted this file.
    pub(crate) async fn is_admitted(&self) -> Result<bool, StoreError> {
        let admitted = self.read(|db| fact(db, "admitted")).await?;
        Ok(admitted.unwrap_or(false))
    }

    /// Stores that the other replicas admitted this file.
    pub(crate) async fn admit(&self) -> Result<(), StoreError> {
        self.write(|db| set_fact(db, "admitted", &true)).await
    }

    /// Remembers another replica's file, unless another file is known under its id. Compares its progress with the
    /// remembered one.
    pub(crate) async fn remember_file(&self, other: StoreIdentity) -> Result<FileComparison, StoreError> {
        let remembered = self.write(move |db| {
            let file = format!("file of {}", other.id);
            match fact::<String>(db, &file)? {
                Some(known) if known != other.file => return Ok(FileComparison::Different),
                Some(_) => {}
                None => set_fact(db, &file, &other.file)?,
            }
            let before: Progress = fact(db, &progress_key(other.id))?.unwrap_or_default();
            Ok(match other.progress {
                Some(now) if !now.includes(&before) => FileComparison::RolledBack,
                _ => FileComparison::Same,
            })
        });
        remembered.await
    }

    /// Remembers the progress of another replica's file; a lower value than the remembered one changes nothing.
    pub(crate) async fn record_progress(&self, id: ReplicaId, progress: Progress) -> Result<(), StoreError> {
        let written = self.write(move |db| {
            let before: Progress = fact(db, &progress_key(id))?.unwrap_or_default();
            match progress.merge(&before) {
                both if both == before => Ok(()),
                both => set_fact(db, &progress_key(id), &both),
            }
        });
        written.await
    }

    /// The progress of this file.
    pub(crate) async fn progress(&self) -> Result<Progress, StoreError> {
        let progress = self.read(|db| {
            let vote: Option<Vote> = fact(db, "vote")?;
            Ok(Progress {
                term: vote.map_or(0, |vote| vote.leader_id.term),
                log: log::last(db)?,
            })
        });
        progress.await
    }

    /// The trade with this number, if it is applied here.
    pub(crate) async fn trade_by_number(&self, number: i64) -> Result<Option<NumberedTrade>, StoreError> {
        self.read(move |db| ledger::by_number(db, number)).await
    }

    /// The trade of a client's key, if it is applied here.
    pub(crate) async fn trade_of_key(&self, key: &str) -> Result<Option<NumberedTrade>, StoreError> {
        let key = key.to_owned();
        self.read(move |db| ledger::by_key(db, &key)).await
    }

    /// At most `limit` trades after a number, by number.
    pub(crate) async fn trades_after(&self, after: i64, limit: usize) -> Result<Vec<NumberedTrade>, StoreError> {
        self.read(move |db| ledger::trades_after(db, after, limit)).await
    }

    /// The number of the last trade that is applied here; -1 before the first.
    pub(crate) async fn last_number(&self) -> Result<i64, StoreError> {
        self.read(ledger::last_number).await
    }
}

fn progress_key(id: ReplicaId) -> String {
    format!("reached by {id}")
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = work(&tx)?;
    tx.commit()?;
    Ok(result)
}

/// Locks the file for this process, since two processes with one id would both vote. The lock ends with the process.
fn lock_file(folder: &Path, id: ReplicaId) -> Result<File, StoreError> {
    let lock = File::create(folder.join(format!("orders-{id}.lock")))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(id)),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Creates the tables, checks that the file belongs to this replica, and counts the opening.
fn prepare_file(connection: &mut Connection, id: ReplicaId) -> Result<(String, u64), StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match tx.pragma_query_value(None, "user_version", |row| row.get(0))? {
        0 => {
            tx.execute_batch(include_str!("store/schema.sql"))?;
            tx.pragma_update(None, "user_version", VERSION)?;
            set_fact(&tx, "replica", &id)?;
        }
        VERSION => (),
        other => return Err(StoreError::OtherVersion(other)),
    }
    let found = fact(&tx, "replica")?.unwrap_or(id);
    if found != id {
        return Err(StoreError::OtherReplica { found, opened_by: id });
    }
    // A leader that restarts must not add entries in its old term: if its file had been set back, the term would have
    // two entries at one position. It may be elected again.
    if let Some(vote) = fact::<Vote>(&tx, "vote")?
        && vote.committed
        && vote.leader_id.node_id == id
    {
        set_fact(&tx, "vote", &Vote::new(vote.leader_id.term, id))?;
    }
    let openings = fact::<u64>(&tx, "openings")?.unwrap_or(0) + 1;
    set_fact(&tx, "openings", &openings)?;
    let file = match fact(&tx, "file")? {
        Some(file) => file,
        None => {
            let file: String = tx.query_row("SELECT hex(randomblob(16))", [], |row| row.get(0))?;
            set_fact(&tx, "file", &file)?;
            file
        }
    };
    tx.commit()?;
    Ok((file, openings))
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn fact<T: DeserializeOwned>(db: &Connection, name: &str) -> Result<Option<T>, StoreError> {
    let mut found = db.prepare_cached("SELECT value FROM fact WHERE name = ?1")?;
    let value: Option<String> = found.query_row([name], |row| row.get(0)).optional()?;
    Ok(value.map(|value| serde_json::from_str(&value)).transpose()?)
}

fn set_fact<T: Serialize>(db: &Connection, name: &str, value: &T) -> Result<(), StoreError> {
    let sql = "INSERT INTO fact (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.prepare_cached(sql)?.execute((name, serde_json::to_string(value)?))?;
    Ok(())
}

/// A storage error for openraft. It stops the replica, which is right: the replica cannot keep its promises any more.
fn fatal(kind: fn(AnyError) -> StorageIOError<ReplicaId>) -> impl FnOnce(StoreError) -> StorageError<ReplicaId> {
    move |error| kind(AnyError::new(&error)).into()
}
