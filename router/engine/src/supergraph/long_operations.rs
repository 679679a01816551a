//! Moves an operation that takes long to threads of a lower priority, so that short operations do not wait for it.
//!
//! An operation begins in the task of its request. When it has computed for [`Limits::operation_inline_us_max`] and waits or lets
//! others run, its future moves to the background threads, once. The task of the request waits for the answer; when it is dropped,
//! because the client disconnected or the time is over, the operation is dropped too.

use std::mem;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use foundation::{client_address, with_client_address};
use futures_util::future::{BoxFuture, FutureExt};
use pace::BackgroundThreads;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::limits::Limits;

tokio::task_local! {
    /// Set in an operation that has moved: the operations that it consists of stay in it.
    static MOVED: ();
}

/// The threads for long operations. Cheap to clone.
#[derive(Clone)]
pub struct LongOperations(Arc<Inner>);

struct Inner {
    inline_time: Duration,
    places: Arc<Semaphore>,
    places_max: usize,
    threads: BackgroundThreads,
    moved: AtomicU64,
    refused: AtomicU64,
}

/// The operations that took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongOperationCounts {
    /// Operations that have moved to the threads since the start.
    pub moved: u64,
    /// Operations that were refused since the start.
    pub refused: u64,
    /// Operations that are there now. Mutations and the answers of subscriptions beyond the limit are not counted.
    pub running: u64,
}

impl LongOperations {
    /// The threads of these limits. They start with the first long operation.
    pub fn new(limits: &Limits) -> Self {
        let threads = BackgroundThreads::new(limits.long_operation_threads, limits.long_operation_niceness);
        let places_max = limits.long_operations_max.min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            inline_time: limits.operation_inline_time(),
            places: Arc::new(Semaphore::new(places_max)),
            places_max,
            threads,
            moved: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// Returns what has been counted.
    pub fn counts(&self) -> LongOperationCounts {
        LongOperationCounts {
            moved: self.0.moved.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
            running: (self.0.places_max - self.0.places.available_permits()) as u64,
        }
    }

    /// Ends the threads with the operations on them, for the end of the process, and waits for that long until they have stopped. It
    /// blocks the calling thread. No caller receives the answer of an operation that was there.
    pub fn stop(&self, time_max: Duration) {
        self.0.threads.stop(time_max);
    }

    /// Runs an operation, which moves to the threads if it takes long. When too many are there, it ends with `refusal` instead. An
    /// operation without a refusal still moves: a mutation may have had effects, and a subscription would miss an event.
    pub fn run<T: Send + 'static>(&self, operation: BoxFuture<'static, T>, refusal: Option<fn() -> T>) -> Operation<T> {
        Operation {
            threads: self.clone(),
            refusal,
            inline_time: self.0.inline_time,
            place: Place::Request(operation),
        }
    }
}

/// An operation that runs.
pub struct Operation<T> {
    threads: LongOperations,
    refusal: Option<fn() -> T>,
    /// The time that it may still compute in the task of its request.
    inline_time: Duration,
    place: Place<T>,
}

/// Where an operation runs.
enum Place<T> {
    /// In the task of its request.
    Request(BoxFuture<'static, T>),
    /// On the threads for long operations.
    Background(JoinHandle<T>),
    /// It has been answered.
    Nowhere,
}

impl<T: Send + 'static> Future for Operation<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Place::Request(operation) = &mut self.place {
            let begun = Instant::now();
            if let Poll::Ready(answer) = operation.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            self.inline_time = self.inline_time.saturating_sub(begun.elapsed());
            let has_moved = || MOVED.try_with(|()| ()).is_ok();
            if !self.inline_time.is_zero() || has_moved() {
                return Poll::Pending;
            }
            if let Some(refused) = self.move_to_threads() {
                return Poll::Ready(refused);
            }
        }
        let Place::Background(operation) = &mut self.place else {
            return Poll::Pending;
        };
        match ready!(operation.poll_unpin(context)) {
            Ok(answer) => Poll::Ready(answer),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The threads do not end before the operation, which owns them.
                Err(_) => Poll::Pending,
            },
        }
    }
}

impl<T: Send + 'static> Operation<T> {
    /// Moves the operation from the task of its request to the threads. Returns its refusal when too many operations are there.
    fn move_to_threads(&mut self) -> Option<T> {
        let Place::Request(operation) = mem::replace(&mut self.place, Place::Nowhere) else {
            return None;
        };
        let permit = Arc::clone(&self.threads.0.places).try_acquire_owned().ok();
        if let (None, Some(refusal)) = (&permit, self.refusal) {
            self.threads.0.refused.fetch_add(1, Ordering::Relaxed);
            return Some(refusal());
        }
        let operation = operation.inspect(move |_| drop(permit));
        let operation = MOVED.scope((), with_client_address(client_address(), spans::carried(operation)));
        self.place = match self.threads.0.threads.spawn(operation.boxed()) {
            Ok(task) => {
                self.threads.0.moved.fetch_add(1, Ordering::Relaxed);
                Place::Background(task)
            }
            // There are none, so it stays.
            Err(operation) => {
                self.inline_time = Duration::MAX;
                Place::Request(operation)
            }
        };
        None
    }
}

impl<T> Drop for Operation<T> {
    fn drop(&mut self) {
        if let Place::Background(operation) = &self.place {
            operation.abort();
        }
    }
}
