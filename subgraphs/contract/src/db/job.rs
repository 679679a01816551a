//! What the write thread is asked to do, without its types.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::oneshot;

use super::Tx;
use crate::{Error, Result};

/// One write. It may be run again; only its last run counts.
pub(super) trait Job: Send {
    /// Runs the change and keeps what it answers.
    fn run<'a>(&'a mut self, tx: &'a Tx) -> LocalBoxFuture<'a, Result<()>>;
    /// Nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Tells the caller; with `Ok`, what the change answered.
    fn answer(self: Box<Self>, outcome: Result<()>);
}

/// A job that is answered whatever its values do when they are dropped here.
pub(super) fn answer(job: Box<dyn Job>, outcome: Result<()>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job.answer(outcome))) {
        swallow(panic);
    }
}

/// What a caught panic said is in the log already (the panic hook wrote it); dropping its payload may panic again.
pub(super) fn swallow(panic: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
}

pub(super) struct Write<T, F, G> {
    change: F,
    then: G,
    value: Option<T>,
    caller: oneshot::Sender<Result<T>>,
}

impl<T, F, G> Write<T, F, G> {
    pub(super) fn new(change: F, then: G, caller: oneshot::Sender<Result<T>>) -> Self {
        Self {
            change,
            then,
            value: None,
            caller,
        }
    }
}

impl<T, F, G> Job for Write<T, F, G>
where
    T: Send,
    F: AsyncFn(&Tx) -> Result<T> + Send,
    G: FnOnce(&T) + Send,
{
    fn run<'a>(&'a mut self, tx: &'a Tx) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.value = None;
            self.value = Some((self.change)(tx).await?);
            Ok(())
        })
    }

    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }

    fn answer(self: Box<Self>, outcome: Result<()>) {
        let Self {
            value, then, caller, ..
        } = *self;
        let nothing = || Error::Internal("a write ended without an answer".into());
        let outcome = outcome.and_then(|()| value.ok_or_else(nothing));
        if let Ok(value) = &outcome {
            then(value);
        }
        // A caller that is gone is no failure: the change is complete all the same.
        let _ = caller.send(outcome);
    }
}

/// Something that has the file to itself.
pub(super) trait Work: Send {
    /// Does it, closes the connection and tells the caller.
    fn run(self: Box<Self>, connection: Result<DatabaseConnection, DbErr>) -> LocalBoxFuture<'static, ()>;
}

pub(super) struct Exclusive<F> {
    work: F,
    caller: oneshot::Sender<Result<()>>,
}

impl<F> Exclusive<F> {
    pub(super) fn new(work: F, caller: oneshot::Sender<Result<()>>) -> Self {
        Self { work, caller }
    }
}

impl<F> Work for Exclusive<F>
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
            swallow(panic);
            Err(Error::Internal("a migration panicked".into()))
        }
    }
}
