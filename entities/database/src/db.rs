//! The database, with two entry points: [`Db::read`] and [`Db::write`].
//!
//! SQLite has one writer at a time. Here it is one thread with the only write connection: every write is a message
//! to it, and its statements run on that thread (`tx.rs`). Writes that wait at the same moment share one
//! transaction, and so one wait for the disk, each in a savepoint of its own (`writer.rs`). Reads run beside it,
//! on connections that cannot write, each on the thread of its caller as long as it is short (`reader.rs`).

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::oneshot;

use crate::job::{PendingMigration, PendingWrite, WriteJob};
use crate::writer::{self, WriterCommand, WriterHandle};
use crate::{
    Application, DbOptions, DbStats, Error, Reader, Result, StorageHealth, Tx, Unavailability, WriteDistributions,
};

/// The database. Cheap to clone; the write thread ends with the last clone, or with [`Db::close`].
pub struct Db<A: Application> {
    reader: Reader,
    writer: Arc<WriterHandle<A>>,
}

impl<A: Application> Clone for Db<A> {
    fn clone(&self) -> Self {
        Self {
            reader: self.reader.clone(),
            writer: Arc::clone(&self.writer),
        }
    }
}

impl<A: Application> Db<A> {
    /// Opens the file, and creates it if it is missing. [`Db::migrate`] creates the tables. The events of committed
    /// writes ([`Tx::publish`]) go to `events`.
    ///
    /// # Errors
    /// When the file cannot be opened, lacks acknowledged commits or is damaged, or when no thread can be started.
    pub async fn open(options: DbOptions, events: Arc<A::EventSink>) -> Result<Self> {
        // The writer first: it creates the file, and recovers the log that a crash left behind.
        let writer = Arc::new(writer::start(options.clone(), events).await?);
        let reader = Reader::open(&options, writer.counters())?;
        Ok(Self { reader, writer })
    }

    /// Returns connections that can only read; each statement sees the last commit.
    pub fn read(&self) -> &Reader {
        &self.reader
    }

    /// Runs `change` in one transaction, and returns after it is durable. An error or a panic leaves no trace.
    ///
    /// `change` may run more than once: when the commit that it shares with others fails, each of them runs again
    /// alone. So it must have no effect outside of `tx`; its events ([`Tx::publish`]) are published after the commit,
    /// before this or any later write is answered. It runs on the write thread: it must not block it (hash
    /// passwords before), nor write through `Db` itself.
    ///
    /// A caller that drops the future gives up the answer, not the change: the change happens completely, with its
    /// events, or not at all.
    ///
    /// # Errors
    /// Every error of `change`; [`Error::Driver`] when the database fails, [`Error::Misuse`] when `change` panics or
    /// writes inside of a write, [`Error::Unavailable`] when it takes longer than [`DbOptions::write_time`], when the
    /// queue stays full, when another process keeps the file locked, and after [`Db::close`].
    pub async fn write<T, F>(&self, change: F) -> Result<T, A::Error>
    where
        F: AsyncFn(&Tx<A>) -> Result<T, A::Error> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(PendingWrite::new(change, caller));
        self.writer.send(WriterCommand::Write(job)).await?;
        answer
            .await
            .unwrap_or_else(|_| Err(Error::from(Unavailability::Closed).into()))
    }

    /// Like [`Db::write`], but the change waits for another write and shares its commit. When `due` completes before there
    /// is one, the change is committed alone.
    ///
    /// Use it for a change that can be repeated after a crash, and that no reader is told of before it is written.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_along<T, F>(&self, change: F, due: impl Future<Output = ()>) -> Result<T, A::Error>
    where
        F: AsyncFn(&Tx<A>) -> Result<T, A::Error> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, mut answer) = oneshot::channel();
        let job: Box<dyn WriteJob<A>> = Box::new(PendingWrite::new(change, caller).along());
        let closed = || Err(Error::from(Unavailability::Closed).into());
        match self.writer.send_along(job) {
            Ok(()) => {
                tokio::select! {
                    written = &mut answer => return written.unwrap_or_else(|_| closed()),
                    () = due => self.writer.send(WriterCommand::WriteAlong).await?,
                }
            }
            Err(job) => self.writer.send(WriterCommand::Write(job)).await?,
        }
        answer.await.unwrap_or_else(|_| closed())
    }

    /// Runs `work` on a connection of its own while no write runs, outside of any transaction and time bound: for
    /// migrations at start, `db.migrate(async |connection| Migrator::up(connection, None).await)`.
    ///
    /// Use it for nothing else: on this connection, work without a transaction does not have the guarantees of
    /// [`Db::write`].
    ///
    /// # Errors
    /// Every error of `work`, [`Error::Misuse`] when it panics, [`Error::Unavailable`] after [`Db::close`].
    pub async fn migrate<F>(&self, work: F) -> Result<()>
    where
        F: AsyncFnOnce(&DatabaseConnection) -> Result<(), DbErr> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let work = Box::new(PendingMigration::new(work, caller));
        self.writer.send(WriterCommand::Exclusive(work)).await?;
        answer.await.map_err(|_| Unavailability::Closed)?
    }

    /// Returns the health of the files and the disk.
    pub fn storage(&self) -> StorageHealth {
        StorageHealth::new(self.writer.storage())
    }

    /// Checks the files; after a write failed because of the disk, tests whether the disk accepts writes again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] after [`Db::close`].
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

    /// Returns the sizes of the commits and the waits of the writes since the start.
    pub fn write_distributions(&self) -> WriteDistributions {
        self.writer.distributions()
    }

    /// Finishes the waiting writes, moves the log into the file and closes every connection.
    ///
    /// It waits for running reads. Later reads and writes return an error. Closing twice has no further effect.
    ///
    /// # Errors
    /// When a connection cannot be closed.
    pub async fn close(&self) -> Result<()> {
        self.writer.close(self.reader.clone()).await
    }
}
