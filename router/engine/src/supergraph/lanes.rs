//! Schedules CPU-bound work: validation, planning and introspection run outside of the async threads.
//!
//! There are two lanes, so that cheap operations never wait behind expensive ones. Each lane limits how many operations
//! run, how many wait, and how long. A further operation is answered `UNAVAILABLE` at once. A place becomes free when
//! the work ends, not when its client disconnects.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::request_error::RequestError;
use crate::limits::Limits;

/// The lanes.
#[derive(Debug)]
pub struct Lanes {
    quick: Lane,
    slow: Lane,
    refusals: AtomicU64,
}

/// The expected duration of the work, which selects its lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ExpectedDuration {
    /// A few milliseconds at most.
    Short,
    /// Up to the time limit of planning.
    Long,
}

#[derive(Debug)]
struct Lane {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Lane {
    fn new(permits: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(permits.max(1))),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// A waiting operation; dropping it ends the wait.
struct QueueGuard<'a>(&'a AtomicUsize);

impl Drop for QueueGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lanes {
    /// The lanes of this machine: the quick one has a place per processor, the slow one half as many.
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            quick: Lane::new(processors),
            slow: Lane::new(processors / 2),
            refusals: AtomicU64::new(0),
        }
    }

    /// Returns how many operations were refused since the start.
    pub fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    fn refuse(&self) -> RequestError {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        RequestError::Busy
    }

    /// Runs CPU-bound work on a blocking thread.
    ///
    /// # Errors
    /// When too many operations wait, or the wait takes too long; and the errors of the work itself.
    pub async fn run<T: Send + 'static>(
        &self,
        duration: ExpectedDuration,
        limits: &Limits,
        work: impl FnOnce() -> Result<T, RequestError> + Send + 'static,
    ) -> Result<T, RequestError> {
        let lane = match duration {
            ExpectedDuration::Short => &self.quick,
            ExpectedDuration::Long => &self.slow,
        };
        let permit = match lane.permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let waiting = QueueGuard(&lane.waiting);
                if lane.waiting.fetch_add(1, Ordering::Relaxed) >= limits.planning_queue_max {
                    return Err(self.refuse());
                }
                let permit =
                    tokio::time::timeout(limits.planning_wait_max(), lane.permits.clone().acquire_owned()).await;
                drop(waiting);
                permit.map_err(|_| self.refuse())?.map_err(|_| RequestError::Internal)?
            }
        };
        let worked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        worked.await.unwrap_or(Err(RequestError::Internal))
    }
}
