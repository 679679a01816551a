//! The write thread: takes writes from a bounded queue, groups them into transactions, answers after the commit.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::connect::{self, Deadline};
use super::job::{Job, Work, answer, swallow};
use super::stats::{Counters, DbStats};
use super::{DbOptions, Tx};
use crate::{Error, Result};

/// How much later than a write's own bound SQLite breaks off the statement it left running. Later, so that the
/// write is gone by then and cannot go on after a statement that ended the whole transaction.
const GRACE: Duration = Duration::from_millis(100);
/// How long a broken connection may take to close.
const CLOSE: Duration = Duration::from_secs(5);

const OVERLONG: Error = Error::Unavailable("the write took too long and was undone");

/// The answer to who comes after the end.
pub(super) fn gone() -> Error {
    Error::Unavailable("the database is closed")
}

pub(super) enum Command {
    Write(Box<dyn Job>),
    Exclusive(Box<dyn Work>),
    /// With the readers, which close after the last write and before the writer, so that it can put the log away.
    Close(DatabaseConnection, oneshot::Sender<Result<()>>),
}

/// The callers' side of the write thread.
pub(super) struct WriterHandle {
    commands: mpsc::Sender<Command>,
    queue_wait: Duration,
    thread: ThreadId,
    counters: Arc<Counters>,
}

impl WriterHandle {
    pub(super) async fn send(&self, command: Command) -> Result<()> {
        if std::thread::current().id() == self.thread {
            // It would wait for itself until its time is over.
            return Err(Error::Internal("a write inside of a write".into()));
        }
        let command = match self.commands.try_send(command) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(gone()),
            Err(mpsc::error::TrySendError::Full(command)) => command,
        };
        match timeout(self.queue_wait, self.commands.send(command)).await {
            Ok(sent) => sent.map_err(|_| gone()),
            Err(_) => Err(Error::Unavailable("too many writes are waiting")),
        }
    }

    pub(super) async fn close(&self, readers: DatabaseConnection) -> Result<()> {
        let (done, closed) = oneshot::channel();
        match self.commands.send(Command::Close(readers, done)).await {
            Ok(()) => closed.await.unwrap_or(Ok(())),
            // The thread has ended.
            Err(_) => Ok(()),
        }
    }

    pub(super) fn stats(&self) -> DbStats {
        let waiting = self.commands.max_capacity() - self.commands.capacity();
        self.counters.read(waiting)
    }
}

/// Starts the thread and waits until it has its connection.
pub(super) async fn start(options: DbOptions) -> Result<WriterHandle> {
    let (commands, queue) = mpsc::channel(options.queue.max(1));
    let (opened, ready) = oneshot::channel();
    let counters = Arc::new(Counters::default());
    let queue_wait = options.queue_wait;
    let failed = |error: std::io::Error| Error::Internal(format!("no write thread: {error}").into());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let thread = std::thread::Builder::new().name("db-writer".into()).spawn({
        let counters = counters.clone();
        // A runtime of its own, because a change's future need not be able to move between threads.
        move || runtime.block_on(serve(options, queue, counters, opened))
    });
    let thread = thread.map_err(failed)?.thread().id();
    ready.await.map_err(|_| gone())??;
    Ok(WriterHandle {
        commands,
        queue_wait,
        thread,
        counters,
    })
}

async fn serve(
    options: DbOptions,
    queue: mpsc::Receiver<Command>,
    counters: Arc<Counters>,
    opened: oneshot::Sender<Result<()>>,
) {
    let deadline = Deadline::new();
    let connection = match connect::writer(&options, deadline.clone()).await {
        Ok(connection) => connection,
        Err(error) => return drop(opened.send(Err(error.into()))),
    };
    if opened.send(Ok(())).is_err() {
        return;
    }
    let mut writer = Writer {
        options,
        connection,
        deadline,
        queue,
        counters,
    };
    writer.run().await;
}

struct Writer {
    options: DbOptions,
    connection: DatabaseConnection,
    deadline: Arc<Deadline>,
    queue: mpsc::Receiver<Command>,
    counters: Arc<Counters>,
}

/// How one write of a group ended, before the commit.
struct Tried {
    job: Box<dyn Job>,
    outcome: Result<()>,
    /// It had its time: it does not run again.
    overlong: bool,
}

impl Writer {
    async fn run(&mut self) {
        let mut closing = Vec::new();
        let mut next = None;
        loop {
            let command = match next.take() {
                Some(command) => command,
                None => match self.queue.recv().await {
                    Some(command) => command,
                    None => break,
                },
            };
            match command {
                Command::Write(job) => next = self.group(job).await,
                Command::Exclusive(work) => work.run(&self.connection).await,
                Command::Close(readers, done) => {
                    // What is queued already is still received, then the queue ends.
                    self.queue.close();
                    closing.push((readers, done));
                }
            }
        }
        self.end(closing).await;
    }

    async fn end(&mut self, closing: Vec<(DatabaseConnection, oneshot::Sender<Result<()>>)>) {
        let mut told = Vec::new();
        for (readers, done) in closing {
            told.push((done, readers.close().await));
        }
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        if let Err(error) = self.connection.execute_unprepared(checkpoint).await {
            tracing::warn!(%error, "the log stays beside the database");
        }
        let closed = self.connection.clone().close().await;
        if let Err(error) = &closed {
            tracing::warn!(%error, "the write connection did not close");
        }
        for (done, readers) in told {
            let _ = done.send(readers.and(closed.clone()).map_err(Error::from));
        }
    }

    /// Runs `first` and the writes that are queued behind it in one transaction; gives back what is no write.
    async fn group(&mut self, first: Box<dyn Job>) -> Option<Command> {
        if first.is_abandoned() {
            return None;
        }
        let started = Instant::now();
        let tx = match self.begin().await {
            Ok(tx) => tx,
            Err(error) => {
                self.refuse(first, error);
                return None;
            }
        };
        // The first needs no savepoint: when it fails, there is nothing else to keep.
        let first = self.bounded(first, &tx).await;
        if let Err(error) = first.outcome {
            self.undo(tx).await;
            self.refuse(first.job, error);
            return None;
        }
        let mut group = vec![first];
        let mut next = None;
        let mut intact = true;
        while intact && group.len() < self.options.group && started.elapsed() < self.options.group_time {
            match self.queue.try_recv() {
                Ok(Command::Write(job)) if job.is_abandoned() => {}
                Ok(Command::Write(job)) => {
                    let (tried, whole) = self.in_savepoint(job, &tx).await;
                    intact = whole;
                    group.push(tried);
                }
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        self.finish(tx, intact, group).await;
        next
    }

    /// Commits and answers, or runs each write again alone.
    async fn finish(&mut self, tx: Tx, intact: bool, group: Vec<Tried>) {
        let committed = if intact {
            tx.commit().await
        } else {
            drop(tx);
            Err(DbErr::Custom("a write broke the transaction it shared".into()))
        };
        let error = match committed {
            Ok(()) => {
                let written = group.iter().filter(|tried| tried.outcome.is_ok()).count();
                self.counters.committed(written);
                self.counters.undone(group.len() - written);
                return group.into_iter().for_each(|tried| answer(tried.job, tried.outcome));
            }
            Err(error) => error,
        };
        if let [only] = &*group
            && only.outcome.is_ok()
        {
            return group
                .into_iter()
                .for_each(|tried| self.refuse(tried.job, error.clone().into()));
        }
        tracing::debug!(%error, writes = group.len(), "a shared commit failed: each runs again alone");
        self.counters.split();
        for tried in group {
            // An outcome that stood on a neighbour's change is worth nothing now, also when it was a refusal.
            match tried.overlong {
                true => self.refuse(tried.job, OVERLONG),
                false => self.alone(tried.job).await,
            }
        }
    }

    /// Runs one write in its own transaction and answers it.
    async fn alone(&mut self, job: Box<dyn Job>) {
        let tx = match self.begin().await {
            Ok(tx) => tx,
            Err(error) => return self.refuse(job, error),
        };
        let tried = self.bounded(job, &tx).await;
        match tried.outcome {
            Ok(()) => match tx.commit().await {
                Ok(()) => {
                    self.counters.committed(1);
                    answer(tried.job, Ok(()));
                }
                Err(error) => self.refuse(tried.job, error.into()),
            },
            Err(error) => {
                self.undo(tx).await;
                self.refuse(tried.job, error);
            }
        }
    }

    /// Runs one write so that only its own changes are undone when it fails; `false` when it broke the transaction.
    async fn in_savepoint(&self, job: Box<dyn Job>, tx: &Tx) -> (Tried, bool) {
        let savepoint = match tx.begin().await {
            Ok(savepoint) => savepoint,
            Err(error) => {
                let outcome = Err(error.into());
                let tried = Tried {
                    job,
                    outcome,
                    overlong: false,
                };
                return (tried, false);
            }
        };
        let tried = self.bounded(job, &savepoint).await;
        let ended = match tried.outcome {
            Ok(()) => savepoint.commit().await,
            Err(_) => savepoint.rollback().await,
        };
        self.deadline.clear();
        (tried, ended.is_ok())
    }

    /// Runs a change within its time, and catches its panic. The deadline of the statement it may have left running
    /// stays, so that what comes next does not wait for long; whoever ends the transaction clears it.
    async fn bounded(&self, mut job: Box<dyn Job>, tx: &Tx) -> Tried {
        let limit = self.options.write_time;
        self.deadline.set(limit + GRACE);
        // The block is there so that an overlong future is also dropped where its panic is caught.
        let change = async { timeout(limit, job.run(tx)).await };
        let (outcome, overlong) = match AssertUnwindSafe(change).catch_unwind().await {
            Ok(Ok(outcome)) => (outcome, false),
            Ok(Err(_)) => (Err(OVERLONG), true),
            Err(panic) => {
                swallow(panic);
                (Err(Error::Internal("a write panicked".into())), false)
            }
        };
        if !overlong {
            self.deadline.clear();
        }
        Tried { job, outcome, overlong }
    }

    async fn begin(&mut self) -> Result<Tx> {
        let immediate = || TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let error = match self.connection.begin_with_options(immediate()).await {
            Ok(tx) => return Ok(tx),
            Err(error) if is_busy(&error) => {
                return Err(Error::Unavailable("the database is locked by another process"));
            }
            Err(error) => error,
        };
        // SQLite ends a transaction by itself when a statement is broken off or the disk is full. The connection
        // pool does not learn of it and takes the connection for one inside of a transaction for ever: replace it.
        tracing::warn!(%error, "the write connection is replaced");
        let broken = self.connection.clone();
        if timeout(CLOSE, broken.close()).await.is_err() {
            tracing::warn!("the old write connection did not close in time");
        }
        self.connection = connect::writer(&self.options, self.deadline.clone()).await?;
        Ok(self.connection.begin_with_options(immediate()).await?)
    }

    /// Rolls back. When that fails the transaction is gone already, and the next `begin` takes care of the connection.
    async fn undo(&self, tx: Tx) {
        if let Err(error) = tx.rollback().await {
            tracing::debug!(%error, "a transaction had ended before its rollback");
        }
        self.deadline.clear();
    }

    fn refuse(&self, job: Box<dyn Job>, error: Error) {
        self.counters.undone(1);
        answer(job, Err(error));
    }
}

/// Another process holds the lock.
fn is_busy(error: &DbErr) -> bool {
    const SQLITE_BUSY: u32 = 5;
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return false;
    };
    let RuntimeErr::SqlxError(cause) = cause else {
        return false;
    };
    let code = cause.as_database_error().and_then(|error| error.code());
    // The low byte is the kind, the others say more about it.
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == SQLITE_BUSY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_write_thread_that_died_is_an_error_and_no_wait() {
        let (commands, queue) = mpsc::channel(1);
        let handle = WriterHandle {
            commands,
            queue_wait: Duration::MAX,
            thread: std::thread::spawn(|| {}).thread().id(),
            counters: Arc::default(),
        };
        let (done, _) = oneshot::channel();
        let readers = || DatabaseConnection::default();
        handle
            .send(Command::Close(readers(), done))
            .await
            .expect("there is room");
        let (done, answer) = oneshot::channel();
        let waits = handle.send(Command::Close(readers(), done));

        let (sent, ()) = tokio::join!(waits, async { drop(queue) });

        assert!(matches!(sent, Err(Error::Unavailable(_))), "{sent:?}");
        assert!(answer.await.is_err());
        assert!(handle.close(readers()).await.is_ok());
    }
}
