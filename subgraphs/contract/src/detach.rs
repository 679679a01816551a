//! Futures that no caller can stop.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that continues as a task when it is dropped before its end.
///
/// Most callers wait for the end. For them, a task from the start would only be a second one to wake.
pub(crate) struct DetachOnDrop<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    /// `None` after the end.
    work: Option<Pin<Box<F>>>,
    runtime: Handle,
}

impl<F> DetachOnDrop<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    /// Wraps the future, for this runtime.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub(crate) fn new(work: F) -> Self {
        Self {
            work: Some(Box::pin(work)),
            runtime: Handle::current(),
        }
    }
}

impl<F> Future for DetachOnDrop<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // A future that panics must not continue, so it is outside while it runs.
        let Some(mut work) = self.work.take() else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<F> Drop for DetachOnDrop<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            drop(self.runtime.spawn(work));
        }
    }
}
