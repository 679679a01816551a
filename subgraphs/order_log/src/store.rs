//! One replica's file: openraft's log and vote, and the ledger that comes of the log.
//!
//! One thread writes and one reads, each with its own connection. What an entry of the log does and that it was done are one
//! transaction. Everything written is on the disk when it is answered (`synchronous=FULL`), except what was applied: that
//! comes of entries which are on the disk already, so it costs no write to the disk of its own (`Store::write_along`).

mod copying;
pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod machine;
pub(crate) mod snapshot;
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

use self::copying::Copies;
use self::worker::Worker;
use crate::Settings;
use crate::admission::{FileOf, Reached, Remembered};
use crate::order::{Command, ExchangeOrder, Outcome, ReplicaId};

openraft::declare_raft_types!(
    /// What openraft is used with here.
    pub(crate) Types:
        D = Vec<Command>,
        R = Vec<Outcome>,
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

/// Why a replica's file could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite says so.
    #[error("the replica's file: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file system says so.
    #[error("the replica's folder: {0}")]
    Io(#[from] std::io::Error),
    /// What is stored is not what this version writes.
    #[error("the replica's file holds something unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Two processes with one id would both vote.
    #[error("another process has replica {0} open")]
    InUse(ReplicaId),
    /// A file must not change its id.
    #[error("the file belongs to replica {found}, not to replica {asked}")]
    OtherReplica {
        /// Whose the file is.
        found: ReplicaId,
        /// Who opened it.
        asked: ReplicaId,
    },
    /// A later version wrote it.
    #[error("the replica's file has version {0}, which this program does not know")]
    OtherVersion(i64),
    /// Ledgers that differ are worse than a replica that stops.
    #[error("order {0} differs between this replica and the leader's copy")]
    Differs(i64),
    /// A copy of the ledger that broke off.
    #[error("a copy of the ledger is not complete")]
    Incomplete,
    /// The thread is gone.
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
    /// Held by whatever has a connection: the last one that SQLite closes tidies up beside the file.
    lock: Arc<File>,
    append_bytes: usize,
    copies: Arc<Copies>,
    /// The file's own name, given by chance when it was made.
    pub(crate) file: String,
    /// How often the file was opened: with the id, what a replica names is one of a kind by it.
    pub(crate) openings: u64,
}

impl Store {
    /// Opens the file of replica `id` in `folder`, and makes it if there is none. Blocks.
    pub(crate) fn open(folder: &Path, id: ReplicaId, settings: &Settings) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)?;
        let lock = Arc::new(locked(folder, id)?);
        let path = folder.join(format!("orders-{id}.sqlite"));
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let (file, openings) = prepared(&mut connection, id)?;
        Ok(Self {
            writer: Worker::start("orders-write", settings.store_queue, connection, lock.clone())?,
            reader: Worker::start("orders-read", settings.store_queue, reading(&path)?, lock.clone())?,
            path,
            lock,
            append_bytes: settings.append_bytes,
            copies: Arc::default(),
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

    /// Runs `work` in one transaction, which is on the disk at the latest with what is written next. For what a crash may
    /// take back: that is, for what entries of the log do while the log has them.
    ///
    /// Why nothing is lost. The file's write-ahead log is one sequence of transactions, written by one thread, and a sync of it
    /// covers all that came before. After a crash SQLite goes on from a beginning of this sequence that holds at least all
    /// up to the last sync (frames are chained by checksums, so the first one that did not get to the disk ends it). Therefore:
    ///
    /// - An entry is appended with a sync before openraft can count this replica for it, and applied after that. If what it
    ///   did is taken back, so is `applied`, in the same transaction, and the entry is there.
    /// - openraft applies it again: at the next start as far as `committed` says, which is written with entries and so never
    ///   ahead of the log, and the rest when a leader says that it is committed. It decides the same, since nothing but the
    ///   ledger is asked.
    /// - An entry is thrown away by a transaction that comes after the one that applied it, and syncs: a file in which the
    ///   entry is missing has what it did. (A copy of the ledger throws away what it covers itself: `copying`.)
    /// - A vote, and the entries that come with it, are synced; nothing that was promised to another replica is taken back.
    /// - A client was answered since a majority has the *entry*. A replica that lost the end of its ledger has less than it
    ///   had for a moment, as any that lags; who needs to know asks how far the majority is, and waits (`Core::up_to_date`).
    ///
    /// Before what is in the write-ahead log goes into the file itself, SQLite syncs it, and then the file, in this mode too.
    async fn write_along<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let along = move |connection: &mut Connection| {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            let done = in_transaction(connection, work);
            // Whatever became of it: what comes next counts on being synced.
            connection.pragma_update(None, "synchronous", "FULL")?;
            done
        };
        self.writer.run(along).await
    }

    /// Runs `work` on what is committed.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.reader.run(move |connection| work(connection)).await
    }

    /// Whether all others said that this file may take part.
    pub(crate) async fn is_admitted(&self) -> Result<bool, StoreError> {
        let admitted = self.read(|db| fact(db, "admitted")).await?;
        Ok(admitted.unwrap_or(false))
    }

    /// All others said so.
    pub(crate) async fn admit(&self) -> Result<(), StoreError> {
        self.write(|db| set_fact(db, "admitted", &true)).await
    }

    /// Remembers with which file a replica takes part, unless it is another one than it had, or was further.
    pub(crate) async fn remember(&self, other: FileOf) -> Result<Remembered, StoreError> {
        let remembered = self.write(move |db| {
            let file = format!("file of {}", other.id);
            match fact::<String>(db, &file)? {
                Some(known) if known != other.file => return Ok(Remembered::Another),
                Some(_) => {}
                None => set_fact(db, &file, &other.file)?,
            }
            let before: Reached = fact(db, &reached_by(other.id))?.unwrap_or_default();
            Ok(match other.reached {
                Some(now) if !now.includes(&before) => Remembered::Older,
                _ => Remembered::Same,
            })
        });
        remembered.await
    }

    /// Remembers how far the file of another replica is; it was not further before.
    pub(crate) async fn remember_reached(&self, id: ReplicaId, reached: Reached) -> Result<(), StoreError> {
        let written = self.write(move |db| {
            let before: Reached = fact(db, &reached_by(id))?.unwrap_or_default();
            match reached.and(&before) {
                both if both == before => Ok(()),
                both => set_fact(db, &reached_by(id), &both),
            }
        });
        written.await
    }

    /// How far the file itself is.
    pub(crate) async fn reached(&self) -> Result<Reached, StoreError> {
        let reached = self.read(|db| {
            let vote: Option<Vote> = fact(db, "vote")?;
            Ok(Reached {
                term: vote.map_or(0, |vote| vote.leader_id.term),
                log: log::last(db)?,
            })
        });
        reached.await
    }

    /// The order with this number, if it is applied here.
    pub(crate) async fn order(&self, number: i64) -> Result<Option<ExchangeOrder>, StoreError> {
        self.read(move |db| ledger::by_number(db, number)).await
    }

    /// The order that a client's key got, if it is applied here.
    pub(crate) async fn order_of_key(&self, key: &str) -> Result<Option<ExchangeOrder>, StoreError> {
        let key = key.to_owned();
        self.read(move |db| ledger::by_key(db, &key)).await
    }

    /// At most `limit` orders after a number, by number.
    pub(crate) async fn since(&self, after: i64, limit: usize) -> Result<Vec<ExchangeOrder>, StoreError> {
        self.read(move |db| ledger::since(db, after, limit)).await
    }

    /// The number of the last order that is applied here; -1 before the first.
    pub(crate) async fn last_number(&self) -> Result<i64, StoreError> {
        self.read(ledger::last_number).await
    }
}

fn reached_by(id: ReplicaId) -> String {
    format!("reached by {id}")
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&tx)?;
    tx.commit()?;
    Ok(done)
}

/// Two processes with one id would both vote: the lock is held as long as the file is open, and ends with the process.
fn locked(folder: &Path, id: ReplicaId) -> Result<File, StoreError> {
    let lock = File::create(folder.join(format!("orders-{id}.lock")))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(id)),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Makes the tables, sees whose file it is, and counts the opening.
fn prepared(connection: &mut Connection, id: ReplicaId) -> Result<(String, u64), StoreError> {
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
        return Err(StoreError::OtherReplica { found, asked: id });
    }
    // A leader that comes back begins no entry in its old term: had its file been set back, the term would have two entries in
    // one place. It may be elected again.
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

fn reading(path: &Path) -> Result<Connection, StoreError> {
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

/// What openraft is told: it stops the replica, which is right, since nothing can be promised any more.
fn fatal(kind: fn(AnyError) -> StorageIOError<ReplicaId>) -> impl FnOnce(StoreError) -> StorageError<ReplicaId> {
    move |error| kind(AnyError::new(&error)).into()
}
