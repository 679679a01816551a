//! The callers' side of the write thread: its queue, its start and its end.

use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::Writer;
use super::opening::open_checked;
use crate::deadline::Deadline;
use crate::job::{ExclusiveJob, WriteJob};
use crate::stats::{Counters, DbStats, WriteDistributions};
use crate::storage::Storage;
use crate::{Application, DbOptions, Error, Reader, Result, Unavailability};

pub(crate) enum WriterCommand<A: Application> {
    Write(Box<dyn WriteJob<A>>),
    /// A write that waited for another one is due now.
    WriteAlong,
    Exclusive(Box<dyn ExclusiveJob>),
    /// A write that changes nothing, to test whether the disk accepts it.
    Probe,
    /// With the reader, whose connections close after the last write and before the writer, so that the writer can remove the
    /// log.
    Close(Reader, oneshot::Sender<Result<()>>),
}

pub(super) type CloseRequest = (Reader, oneshot::Sender<Result<()>>);

/// The callers' side of the write thread.
pub(crate) struct WriterHandle<A: Application> {
    commands: mpsc::Sender<WriterCommand<A>>,
    along: mpsc::Sender<Box<dyn WriteJob<A>>>,
    queue_wait: Duration,
    thread: ThreadId,
    counters: Arc<Counters>,
    storage: Arc<Storage>,
}

impl<A: Application> WriterHandle<A> {
    pub(crate) async fn send(&self, command: WriterCommand<A>) -> Result<()> {
        if std::thread::current().id() == self.thread {
            // It would wait for itself until the timeout.
            return Err(Error::Misuse("a write inside of a write"));
        }
        let command = match self.commands.try_send(command) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(Unavailability::Closed.into()),
            Err(mpsc::error::TrySendError::Full(command)) => command,
        };
        match timeout(self.queue_wait, self.commands.send(command)).await {
            Ok(sent) => sent.map_err(|_| Unavailability::Closed.into()),
            Err(_) => {
                self.counters.count_refused();
                Err(Unavailability::QueueFull.into())
            }
        }
    }

    /// Hands over a write that waits for another one. Returns it when too many wait already.
    pub(crate) fn send_along(&self, job: Box<dyn WriteJob<A>>) -> Result<(), Box<dyn WriteJob<A>>> {
        self.along.try_send(job).map_err(TrySendError::into_inner)
    }

    pub(crate) async fn close(&self, readers: Reader) -> Result<()> {
        let (done, closed) = oneshot::channel();
        match self.commands.send(WriterCommand::Close(readers, done)).await {
            Ok(()) => closed.await.unwrap_or(Ok(())),
            // The thread has ended.
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    pub(crate) fn storage(&self) -> Arc<Storage> {
        Arc::clone(&self.storage)
    }

    pub(crate) fn stats(&self) -> DbStats {
        let waiting = self.commands.max_capacity() - self.commands.capacity();
        self.counters.snapshot(waiting)
    }

    pub(crate) fn distributions(&self) -> WriteDistributions {
        self.counters.distributions()
    }
}

/// Starts the thread and waits until it has its connection.
pub(crate) async fn start<A: Application>(options: DbOptions, events: Arc<A::EventSink>) -> Result<WriterHandle<A>> {
    let (commands, queue) = mpsc::channel(options.queue.max(1));
    let (along, joining) = mpsc::channel(options.queue.max(1));
    let (opened, ready) = oneshot::channel();
    let counters = Arc::new(Counters::default());
    let queue_wait = options.queue_wait;
    let failed = |error: std::io::Error| Error::Unusable(format!("no write thread: {error}"));
    // Timers only: a thread that waits for sockets too sleeps and wakes up at twice the cost.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(failed)?;
    let thread = std::thread::Builder::new().name("db-writer".into()).spawn({
        let counters = counters.clone();
        // A runtime of its own, because a change's future need not be able to move between threads.
        move || runtime.block_on(serve(options, events, queue, joining, counters, opened))
    });
    let thread = thread.map_err(failed)?.thread().id();
    let storage = ready.await.map_err(|_| Unavailability::Closed)??;
    Ok(WriterHandle {
        commands,
        along,
        queue_wait,
        thread,
        counters,
        storage,
    })
}

async fn serve<A: Application>(
    options: DbOptions,
    events: Arc<A::EventSink>,
    queue: mpsc::Receiver<WriterCommand<A>>,
    along: mpsc::Receiver<Box<dyn WriteJob<A>>>,
    counters: Arc<Counters>,
    opened: oneshot::Sender<Result<Arc<Storage>>>,
) {
    let deadline = Deadline::new();
    let (tx, commit_record) = match open_checked(&options, &deadline) {
        Ok(open) => open,
        Err(error) => return drop(opened.send(Err(error))),
    };
    let storage = Storage::new(&options.path);
    if opened.send(Ok(Arc::clone(&storage))).is_err() {
        return;
    }
    let mut writer = Writer {
        changes_before: tx.total_changes(),
        options,
        events,
        tx,
        deadline,
        queue,
        along,
        counters,
        storage,
        commit_record,
        commits_in_log: 0,
    };
    let close_requests = writer.run().await;
    writer.close(close_requests).await;
}

#[cfg(test)]
mod tests {
    use sea_orm::DbErr;

    use super::*;

    /// An application without events.
    enum Silent {}

    impl Application for Silent {
        type Event = ();
        type EventSink = ();
        type Error = Error;

        fn publish(_: &(), (): ()) {}

        fn database_failure(_: &Error) -> Option<&DbErr> {
            None
        }
    }

    #[tokio::test]
    async fn a_dead_write_thread_is_an_error_without_a_wait() {
        let (commands, queue) = mpsc::channel(1);
        let handle = WriterHandle::<Silent> {
            commands,
            along: mpsc::channel(1).0,
            queue_wait: Duration::MAX,
            thread: std::thread::spawn(|| {}).thread().id(),
            counters: Arc::default(),
            storage: Storage::new(std::path::Path::new("/there/is/no/such/file")),
        };
        let (done, _) = oneshot::channel();
        let readers = || Reader::open(&DbOptions::new(":memory:"), Arc::default()).expect("a reader");
        handle
            .send(WriterCommand::Close(readers(), done))
            .await
            .expect("there is room");
        let (done, answer) = oneshot::channel();
        let waits = handle.send(WriterCommand::Close(readers(), done));

        let (sent, ()) = tokio::join!(waits, async { drop(queue) });

        assert!(matches!(sent, Err(Error::Unavailable(_))), "{sent:?}");
        assert!(answer.await.is_err());
        assert!(handle.close(readers()).await.is_ok());
    }
}
