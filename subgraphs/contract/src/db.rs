//! The database, with two entry points: [`Db::read`] and [`Db::write`].
//!
//! SQLite has one writer at a time. Here it is one thread with the only write connection: every write is a message
//! to it, and its statements run on that thread (`db/tx.rs`). Writes that wait at the same moment share one
//! transaction, and so one wait for the disk, each in a savepoint of its own (`db/writer.rs`). Reads run beside it,
//! on connections that cannot write.

mod commit_record;
mod connect;
mod job;
mod outbox;
mod row;
mod sqlite_error;
mod stats;
mod storage;
mod tx;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::oneshot;

use crate::{Bus, Result};

pub(crate) use sqlite_error::is_storage_failure;
pub use stats::DbStats;
pub use storage::StorageHealth;
pub use tx::Tx;

use job::{PendingMigration, PendingWrite};
use writer::{WriterCommand, WriterHandle};

/// The location of the database, and its limits.
#[derive(Clone, Debug)]
pub struct DbOptions {
    /// The SQLite file. Its folder has to exist.
    pub path: PathBuf,
    /// The number of connections that read at once. At least 1.
    pub readers: u32,
    /// The number of writes that may wait for their turn. At least 1.
    pub queue: usize,
    /// How long a write waits for a place in a full queue before it answers `UNAVAILABLE`.
    pub queue_wait: Duration,
    /// The most writes that share one commit; 1 gives each its own.
    pub group: usize,
    /// The time during which a group accepts further writes. The first write in it waits at most this long for the
    /// others, beside their own time.
    pub group_time: Duration,
    /// The most time that one write may take before it is undone and answers `UNAVAILABLE`. No write holds the
    /// writer longer.
    pub write_time: Duration,
    /// The most time for checking the file when it is opened; zero skips the check.
    pub check_time: Duration,
    /// Whether to open the file even if it lacks acknowledged commits or is damaged.
    pub accept_data_loss: bool,
}

impl DbOptions {
    /// The defaults, for that file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 4,
            queue: 1024,
            queue_wait: Duration::from_secs(10),
            group: 128,
            group_time: Duration::from_millis(20),
            write_time: Duration::from_secs(5),
            check_time: Duration::ZERO,
            accept_data_loss: false,
        }
    }
}

/// The database. Cheap to clone; the write thread ends with the last clone, or with [`Db::close`].
#[derive(Clone)]
pub struct Db {
    readers: DatabaseConnection,
    writer: Arc<WriterHandle>,
}

impl Db {
    /// Opens the file, and creates it if it is missing. [`Db::migrate`] creates the tables. The events of committed
    /// writes ([`Tx::publish`]) go to `bus`.
    ///
    /// # Errors
    /// When the file cannot be opened, lacks acknowledged commits or is damaged, or when no thread can be started.
    pub async fn open(options: DbOptions, bus: Arc<dyn Bus>) -> Result<Self> {
        // The writer first: it creates the file, and recovers the log that a crash left behind.
        let writer = Arc::new(writer::start(options.clone(), bus).await?);
        let mut readers = connect::open_readers(&options).await?;
        let counters = writer.counters();
        readers.set_metric_callback(move |_| counters.count_read());
        Ok(Self { readers, writer })
    }

    /// Returns connections that can only read; each statement sees the last commit.
    pub fn read(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// Runs `change` in one transaction, and returns after it is durable. An error or a panic leaves no trace.
    ///
    /// `change` may run more than once: when the commit that it shares with others fails, each of them runs again
    /// alone. So it must have no effect outside of `tx`; its events ([`Tx::publish`]) are published after the commit,
    /// before this or any later write is answered. It runs on the write thread: it must not block it (hash passwords before), nor write through `Db`
    /// itself.
    ///
    /// A caller that drops the future gives up the answer, not the change: the change happens completely, with its
    /// events, or not at all.
    ///
    /// # Errors
    /// Every error of `change`; `INTERNAL` when the database fails, or when `change` panics or writes inside of a
    /// write; `UNAVAILABLE` when it takes longer than [`DbOptions::write_time`], when the queue stays full, when
    /// another process keeps the file locked, and after [`Db::close`].
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        F: AsyncFn(&Tx) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(PendingWrite::new(change, caller));
        self.writer.send(WriterCommand::Write(job)).await?;
        answer.await.map_err(|_| writer::closed_error())?
    }

    /// Runs `work` on a connection of its own while no write runs, outside of any transaction and time bound: for
    /// migrations at start, `db.migrate(async |connection| Migrator::up(connection, None).await)`.
    ///
    /// Use it for nothing else: on this connection, work without a transaction does not have the guarantees of
    /// [`Db::write`].
    ///
    /// # Errors
    /// Every error of `work`, `INTERNAL` when it panics, `UNAVAILABLE` after [`Db::close`].
    pub async fn migrate<F>(&self, work: F) -> Result<()>
    where
        F: AsyncFnOnce(&DatabaseConnection) -> Result<(), DbErr> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let work = Box::new(PendingMigration::new(work, caller));
        self.writer.send(WriterCommand::Exclusive(work)).await?;
        answer.await.map_err(|_| writer::closed_error())?
    }

    /// Returns the health of the files and the disk.
    pub fn storage(&self) -> StorageHealth {
        StorageHealth::new(self.writer.storage())
    }

    /// Checks the files; after a write failed because of the disk, tests whether the disk accepts writes again.
    ///
    /// # Errors
    /// `UNAVAILABLE` after [`Db::close`].
    pub async fn check_storage(&self) -> Result<()> {
        let storage = self.writer.storage();
        if let Err(error) = storage.check_files() {
            storage.record_failure(&error);
        } else if storage.needs_probe() {
            self.writer.send(WriterCommand::Probe).await?;
        }
        Ok(())
    }

    /// Returns the numbers of reads and writes since the start.
    pub fn stats(&self) -> DbStats {
        self.writer.stats()
    }

    /// Finishes the waiting writes, moves the log into the file and closes every connection.
    ///
    /// It waits for running reads. Later reads and writes return an error. Closing twice has no further effect.
    ///
    /// # Errors
    /// When a connection cannot be closed.
    pub async fn close(&self) -> Result<()> {
        self.writer.close(self.readers.clone()).await
    }
}
