//! The write thread: takes writes from a bounded queue, groups them into transactions, answers after the commit.

mod handle;
mod opening;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use sea_orm::DbErr;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::commit_record::CommitRecord;
use crate::connect::{self, CHECKPOINT_COMMITS};
use crate::deadline::Deadline;
use crate::job::{WriteJob, answer, discard_panic};
use crate::outbox::OutboxMark;
use crate::sqlite_error::{is_busy, is_storage_failure};
use crate::stats::Counters;
use crate::storage::Storage;
use crate::tx::{Tx, control};
use crate::{Application, DbOptions, Error, Result, Unavailability};

use handle::CloseRequest;
pub(crate) use handle::{WriterCommand, WriterHandle, start};
pub(crate) use opening::lost_commits;

struct Writer<A: Application> {
    options: DbOptions,
    /// Receives the events of committed writes.
    events: Arc<A::EventSink>,
    tx: Tx<A>,
    deadline: Arc<Deadline>,
    queue: mpsc::Receiver<WriterCommand<A>>,
    /// Writes that wait for the commit of another one.
    along: mpsc::Receiver<Box<dyn WriteJob<A>>>,
    counters: Arc<Counters>,
    storage: Arc<Storage>,
    commit_record: CommitRecord,
    /// Counted commits since the log was last moved by their number.
    commits_in_log: u32,
    /// Rows changed on the connection before the open transaction.
    changes_before: u64,
}

/// The result of one write of a group, before the commit.
struct WriteAttempt<A: Application> {
    job: Box<dyn WriteJob<A>>,
    outcome: Result<(), A::Error>,
    /// The write used up its time: it does not run again.
    timed_out: bool,
}

impl<A: Application> Writer<A> {
    /// Serves the queue to its end; returns the callers that wait for the end.
    async fn run(&mut self) -> Vec<CloseRequest> {
        let mut close_requests = Vec::new();
        let mut next = None;
        loop {
            let command = match next.take() {
                Some(command) => command,
                None => match self.queue.recv().await {
                    Some(command) => command,
                    None => return close_requests,
                },
            };
            match command {
                WriterCommand::Write(job) => next = self.run_group(job).await,
                WriterCommand::WriteAlong => {
                    while let Ok(job) = self.along.try_recv() {
                        if !job.is_abandoned() {
                            next = self.run_group(job).await;
                            break;
                        }
                    }
                }
                WriterCommand::Probe => self.probe(),
                WriterCommand::Exclusive(work) => {
                    work.run(connect::open_migrator(&self.options).await).await;
                    self.storage.record_log();
                }
                WriterCommand::Close(readers, done) => {
                    // Commands that are already queued are still received, then the queue ends.
                    self.queue.close();
                    close_requests.push((readers, done));
                }
            }
        }
    }

    async fn close(self, close_requests: Vec<CloseRequest>) {
        let mut closed_readers = Vec::new();
        for (readers, done) in close_requests {
            closed_readers.push((done, readers.close().await));
        }
        if let Err(error) = self.tx.control("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "cannot checkpoint the write-ahead log; it stays beside the database");
        }
        let closed = self.tx.close();
        if let Err(error) = &closed {
            tracing::warn!(%error, "the write connection did not close");
        }
        for (done, readers) in closed_readers {
            let _ = done.send(readers.and(closed.clone()).map_err(Error::from));
        }
    }

    /// Runs `first`, the writes that wait for another one, and the writes queued behind it in one transaction; returns
    /// the next command if it is not a write.
    async fn run_group(&mut self, first: Box<dyn WriteJob<A>>) -> Option<WriterCommand<A>> {
        if first.is_abandoned() {
            return None;
        }
        let started = Instant::now();
        if let Err(error) = self.begin() {
            self.fail(first, error);
            return None;
        }
        // The first write needs no savepoint: when it fails, there is nothing else to keep.
        let first = self.run_bounded(first).await;
        if let Err(error) = first.outcome {
            self.roll_back();
            self.fail(first.job, error);
            return None;
        }
        let mut group = vec![first];
        while self.tx.is_open() && group.len() < self.options.group {
            match self.along.try_recv() {
                Ok(job) if job.is_abandoned() => {}
                Ok(job) => group.push(self.run_in_savepoint(job).await),
                Err(_) => break,
            }
        }
        let mut next = None;
        while self.tx.is_open() && group.len() < self.options.group && started.elapsed() < self.options.group_time {
            match self.queue.try_recv() {
                Ok(WriterCommand::Write(job)) if job.is_abandoned() => {}
                Ok(WriterCommand::Write(job)) => group.push(self.run_in_savepoint(job).await),
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        self.commit_group(group).await;
        next
    }

    /// Commits, publishes and answers, or runs each write again alone.
    async fn commit_group(&mut self, group: Vec<WriteAttempt<A>>) {
        let error = match self.commit() {
            Ok(()) => {
                let written = group.iter().filter(|attempt| attempt.outcome.is_ok()).count();
                self.counters.count_commit(written);
                self.counters.count_undone(group.len() - written);
                self.publish_events();
                for attempt in group {
                    answer(attempt.job, attempt.outcome);
                }
                return self.limit_log();
            }
            Err(error) => error,
        };
        if let [only] = &*group
            && only.outcome.is_ok()
        {
            return group
                .into_iter()
                .for_each(|attempt| self.fail(attempt.job, Error::from(error.clone())));
        }
        tracing::debug!(%error, writes = group.len(), "a shared commit failed; each write runs again alone");
        self.counters.count_split();
        for attempt in group {
            // The outcome may depend on a neighbour's change, so it no longer counts, even if it is an error.
            if attempt.timed_out {
                self.fail(attempt.job, Error::from(Unavailability::TimedOut))
            } else {
                self.run_alone(attempt.job).await
            }
        }
    }

    /// Runs one write in its own transaction and answers it.
    async fn run_alone(&mut self, job: Box<dyn WriteJob<A>>) {
        if let Err(error) = self.begin() {
            return self.fail(job, error);
        }
        let attempt = self.run_bounded(job).await;
        match attempt.outcome {
            Ok(()) => match self.commit() {
                Ok(()) => {
                    self.counters.count_commit(1);
                    self.publish_events();
                    answer(attempt.job, Ok(()));
                    self.limit_log();
                }
                Err(error) => self.fail(attempt.job, Error::from(error)),
            },
            Err(error) => {
                self.roll_back();
                self.fail(attempt.job, error);
            }
        }
    }

    /// Runs one write so that only its own changes are undone when it fails. If that fails too, or if the write has
    /// ended the transaction, no transaction is open afterwards.
    async fn run_in_savepoint(&self, job: Box<dyn WriteJob<A>>) -> WriteAttempt<A> {
        if let Err(error) = self.tx.control(control::SAVEPOINT) {
            self.roll_back();
            let outcome = Err(Error::from(error).into());
            return WriteAttempt {
                job,
                outcome,
                timed_out: false,
            };
        }
        let mark = self.tx.outbox().mark();
        let attempt = self.run_bounded(job).await;
        let undone = if attempt.outcome.is_ok() {
            Ok(())
        } else {
            self.tx.outbox().truncate(mark);
            self.tx.control(control::ROLLBACK_TO)
        };
        if undone.and_then(|()| self.tx.control(control::RELEASE)).is_err() {
            self.roll_back();
        }
        attempt
    }

    /// Runs a change within its time, and catches its panic.
    async fn run_bounded(&self, mut job: Box<dyn WriteJob<A>>) -> WriteAttempt<A> {
        if let Some(queued_at) = job.take_queued_at() {
            self.counters.record_wait(queued_at);
        }
        let limit = self.options.write_time;
        self.deadline.set(limit);
        // The async block also drops an overlong future where its panic is caught.
        let change = async { timeout(limit, job.run(&self.tx)).await };
        let (outcome, timed_out) = match AssertUnwindSafe(change).catch_unwind().await {
            Ok(Ok(outcome)) => (outcome, false),
            Ok(Err(_)) => (Err(Error::from(Unavailability::TimedOut).into()), true),
            Err(panic) => {
                discard_panic(panic);
                (Err(Error::Misuse("a write panicked").into()), false)
            }
        };
        self.deadline.clear();
        if let Err(error) = &outcome
            && let Some(failure) = A::database_failure(error)
        {
            self.record_failure(failure);
        }
        WriteAttempt {
            job,
            outcome,
            timed_out,
        }
    }

    fn begin(&mut self) -> Result<()> {
        self.storage.require_undamaged()?;
        self.changes_before = self.tx.total_changes();
        let error = match self.tx.control(control::BEGIN) {
            Ok(()) => return Ok(()),
            Err(error) if is_busy(&error) => {
                return Err(Unavailability::Locked.into());
            }
            Err(error) => error,
        };
        self.record_failure(&error);
        // A missing file would be created anew, and empty.
        self.storage.check_files()?;
        // The connection itself is broken: for example, not even a rollback has ended its last transaction.
        tracing::warn!(%error, "the write connection is replaced");
        self.tx = Tx::open(&self.options, self.deadline.clone())?;
        self.changes_before = self.tx.total_changes();
        self.storage.record_log();
        Ok(self.tx.control(control::BEGIN)?)
    }

    /// Commits; on an error, nothing of the transaction remains.
    fn commit(&mut self) -> Result<(), DbErr> {
        let changed = self.tx.total_changes() != self.changes_before;
        // SQLite itself ends a transaction when a change is interrupted or the disk is full.
        let committed = self.commit_counted(changed);
        if let Err(error) = &committed {
            self.record_failure(error);
            self.roll_back();
        }
        committed
    }

    fn commit_counted(&mut self, changed: bool) -> Result<(), DbErr> {
        if !changed {
            return self.tx.control(control::COMMIT);
        }
        self.storage.check_files()?;
        let count = self.tx.commit_count()?.wrapping_add(1);
        if self.tx.is_open() {
            self.tx.set_commit_count(count)?;
        }
        self.tx.control(control::COMMIT)?;
        // Before the answers: a caller may see the files as soon as it has one.
        self.storage.record_log();
        if let Err(error) = self.commit_record.write(count) {
            tracing::error!(%error, "the commit is durable, but writing its number beside the database failed");
        }
        self.commits_in_log += 1;
        self.storage.record_success();
        Ok(())
    }

    /// Moves the log into the file after so many commits. It follows the answers, so that no caller waits for it.
    fn limit_log(&mut self) {
        if self.commits_in_log < CHECKPOINT_COMMITS {
            return;
        }
        self.commits_in_log = 0;
        if let Err(error) = self.tx.control(control::CHECKPOINT) {
            self.record_failure(&error);
        }
    }

    /// Commits a write that changes no rows.
    fn probe(&mut self) {
        if self.begin().is_ok()
            && let Err(error) = self.commit_counted(true)
        {
            self.record_failure(&error);
            self.roll_back();
        }
    }

    fn record_failure(&self, error: &DbErr) {
        if is_storage_failure(error) && !is_busy(error) {
            self.storage.record_failure(error);
        }
    }

    /// Publishes the events of the transaction that was just committed. A receiver that panics loses its event only.
    fn publish_events(&self) {
        for event in self.tx.outbox().take() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| A::publish(&self.events, event))) {
                discard_panic(panic);
            }
        }
    }

    /// Rolls back an open transaction, and drops its events. If even that fails, the next `begin` replaces the
    /// connection.
    fn roll_back(&self) {
        self.tx.outbox().truncate(OutboxMark::START);
        if self.tx.is_open()
            && let Err(error) = self.tx.control(control::ROLLBACK)
        {
            tracing::warn!(%error, "cannot roll back a transaction");
        }
    }

    fn fail(&self, job: Box<dyn WriteJob<A>>, error: impl Into<A::Error>) {
        self.counters.count_undone(1);
        answer(job, Err(error.into()));
    }
}
