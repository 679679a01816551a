//! The jobs of the write thread, without their types.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use sea_orm::{DatabaseConnection, DbErr};
use spans::{NewSpan, Span};
use tokio::sync::oneshot;

use crate::{Application, Error, Result, Tx};

/// One write. It may run more than once; only its last run counts.
pub(crate) trait WriteJob<A: Application>: Send {
    /// Runs the change and keeps its value.
    fn run<'a>(&'a mut self, tx: &'a Tx<A>) -> LocalBoxFuture<'a, Result<(), A::Error>>;
    /// Whether the caller no longer waits for the answer.
    fn is_abandoned(&self) -> bool;
    /// Returns when it was handed over, the first time that this is called.
    fn take_queued_at(&mut self) -> Option<Instant>;
    /// Answers the caller; with `Ok`, the answer is the value of the change.
    fn answer(self: Box<Self>, outcome: Result<(), A::Error>);
}

/// Answers a job, and catches a panic of its values when they are dropped here.
pub(crate) fn answer<A: Application>(job: Box<dyn WriteJob<A>>, outcome: Result<(), A::Error>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job.answer(outcome))) {
        discard_panic(panic);
    }
}

/// Drops the payload of a caught panic, which may panic again. The panic hook has already logged its message.
pub(crate) fn discard_panic(panic: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
}

pub(crate) struct PendingWrite<T, E, F> {
    change: F,
    value: Option<T>,
    caller: oneshot::Sender<Result<T, E>>,
    queued_at: Option<Instant>,
    /// The span of the write, which ends when it is answered.
    span: Option<Span>,
}

impl<T, E, F> PendingWrite<T, E, F> {
    pub(crate) fn new(change: F, caller: oneshot::Sender<Result<T, E>>) -> Self {
        Self {
            change,
            value: None,
            caller,
            queued_at: Some(Instant::now()),
            span: spans::start(|| NewSpan::new("write")),
        }
    }

    /// The same write, whose wait is not recorded: it waits for another one.
    pub(crate) fn along(self) -> Self {
        Self {
            queued_at: None,
            ..self
        }
    }
}

impl<A, T, F> WriteJob<A> for PendingWrite<T, A::Error, F>
where
    A: Application,
    T: Send,
    F: AsyncFn(&Tx<A>) -> Result<T, A::Error> + Send,
{
    fn run<'a>(&'a mut self, tx: &'a Tx<A>) -> LocalBoxFuture<'a, Result<(), A::Error>> {
        let span = self.span.clone();
        let run = async move {
            self.value = None;
            self.value = Some((self.change)(tx).await?);
            Ok(())
        };
        Box::pin(spans::within(span, run))
    }

    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }

    fn take_queued_at(&mut self) -> Option<Instant> {
        self.queued_at.take()
    }

    fn answer(self: Box<Self>, outcome: Result<(), A::Error>) {
        let Self {
            value, caller, span, ..
        } = *self;
        // Before the answer, after which the span of the request may end: a collector expects it to be the last one.
        drop(span);
        let nothing = || Error::Misuse("a write ended without an answer").into();
        let outcome = outcome.and_then(|()| value.ok_or_else(nothing));
        // A caller that is gone is no failure: the change is complete all the same.
        let _ = caller.send(outcome);
    }
}

/// Work that needs exclusive access to the file.
pub(crate) trait ExclusiveJob: Send {
    /// Does the work, closes the connection and answers the caller.
    fn run(self: Box<Self>, connection: Result<DatabaseConnection, DbErr>) -> LocalBoxFuture<'static, ()>;
}

pub(crate) struct PendingMigration<F> {
    work: F,
    caller: oneshot::Sender<Result<()>>,
}

impl<F> PendingMigration<F> {
    pub(crate) fn new(work: F, caller: oneshot::Sender<Result<()>>) -> Self {
        Self { work, caller }
    }
}

impl<F> ExclusiveJob for PendingMigration<F>
where
    F: AsyncFnOnce(&DatabaseConnection) -> Result<(), DbErr> + Send + 'static,
{
    fn run(self: Box<Self>, connection: Result<DatabaseConnection, DbErr>) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { work, caller } = *self;
            let answer = match connection {
                Ok(connection) => migrate(work, connection).await,
                Err(error) => Err(error.into()),
            };
            let _ = caller.send(answer);
        })
    }
}

async fn migrate<F>(work: F, connection: DatabaseConnection) -> Result<()>
where
    F: AsyncFnOnce(&DatabaseConnection) -> Result<(), DbErr>,
{
    let done = AssertUnwindSafe(async { work(&connection).await }).catch_unwind().await;
    let closed = connection.close().await;
    match done {
        Ok(done) => Ok(done.and(closed)?),
        Err(panic) => {
            discard_panic(panic);
            Err(Error::Misuse("a migration panicked"))
        }
    }
}
