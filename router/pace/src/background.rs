//! Threads of a lower priority, for work that takes long.
//!
//! The system's scheduler gives each thread that can run a slice of about 3 milliseconds. So two threads that compute without a pause
//! delay every short request on two processors by that time, however often their tasks let others run. A thread of lower priority is
//! interrupted when another one wakes up.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

thread_local! {
    /// The runtime of this thread, if it is a background thread.
    static BACKGROUND: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// Threads of a lower priority. They start with the first work.
#[derive(Debug)]
pub struct BackgroundThreads {
    threads: usize,
    niceness: u8,
    /// `None` inside if the threads could not be started.
    handle: OnceLock<Option<Handle>>,
    runtime: Mutex<State>,
}

#[derive(Debug)]
enum State {
    NotStarted,
    Started(Runtime),
    Stopped,
}

impl BackgroundThreads {
    /// That many threads (0: one per processor), with that niceness (on Linux, 0 to 19; the threads of a process have 0).
    pub fn new(threads: usize, niceness: u8) -> Self {
        Self {
            threads,
            niceness,
            handle: OnceLock::new(),
            runtime: Mutex::new(State::NotStarted),
        }
    }

    /// Runs the rest of a future on these threads. The tasks, timers and sockets that it creates belong to the runtime of the caller;
    /// only its own computation, and the work that it gives to [`spawn_blocking`], runs here.
    ///
    /// # Errors
    /// The future, when these threads could not be started.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn spawn<F>(&self, future: Pin<Box<F>>) -> Result<JoinHandle<F::Output>, Pin<Box<F>>>
    where
        F: Future<Output: Send + 'static> + Send + ?Sized + 'static,
    {
        match self.handle() {
            Some(background) => {
                let runtime = Handle::current();
                Ok(background.spawn(InRuntime { runtime, future }))
            }
            None => Err(future),
        }
    }

    /// Ends the threads with the work on them, and waits for that long until it has stopped: a future stops where it next waits or
    /// lets others run. It blocks the calling thread. Later work stays with its caller.
    ///
    /// The caller's runtime must not end before: a timer of a future here belongs to it, and would panic.
    ///
    /// # Panics
    /// In a task; call it on a thread for blocking work.
    pub fn stop(&self, time_max: Duration) {
        let state = std::mem::replace(&mut *self.lock(), State::Stopped);
        if let State::Started(runtime) = state {
            runtime.shutdown_timeout(time_max);
        }
    }

    fn handle(&self) -> Option<&Handle> {
        let handle = self.handle.get_or_init(|| {
            let started = self.start();
            started
                .inspect_err(|error| tracing::error!(%error, "the threads for long work cannot be started"))
                .ok()
                .flatten()
        });
        handle.as_ref().filter(|_| !matches!(*self.lock(), State::Stopped))
    }

    /// Returns `None` after [`stop`](Self::stop).
    fn start(&self) -> std::io::Result<Option<Handle>> {
        let mut state = self.lock();
        if matches!(*state, State::Stopped) {
            return Ok(None);
        }
        let niceness = self.niceness;
        let threads = match self.threads {
            0 => available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("background")
            .on_thread_start(move || {
                lower_priority(niceness);
                BACKGROUND.set(Some(Handle::current()));
            })
            .build()?;
        let handle = runtime.handle().clone();
        *state = State::Started(runtime);
        Ok(Some(handle))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BackgroundThreads {
    fn drop(&mut self) {
        // The last owner can be a task, which must not wait for the threads.
        let state = std::mem::replace(&mut *self.lock(), State::Stopped);
        if let State::Started(runtime) = state {
            runtime.shutdown_background();
        }
    }
}

/// Runs blocking work: for work on background threads on one of the same priority, otherwise as tokio's `spawn_blocking`.
///
/// # Panics
/// Outside of a runtime.
pub fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    match BACKGROUND.with_borrow(Clone::clone) {
        Some(background) => background.spawn_blocking(work),
        None => tokio::task::spawn_blocking(work),
    }
}

/// Lowers the priority of this thread.
#[cfg(target_os = "linux")]
fn lower_priority(niceness: u8) {
    // For Linux, no process is this thread.
    if let Err(error) = rustix::process::setpriority_process(None, i32::from(niceness)) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority(_: u8) {
    // Elsewhere the call would lower the priority of the whole process.
}

/// A future that runs in the context of one runtime, on a thread of another.
struct InRuntime<F: ?Sized> {
    runtime: Handle,
    future: Pin<Box<F>>,
}

impl<F: Future + ?Sized> Future for InRuntime<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _entered = this.runtime.enter();
        this.future.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Reports, when it is dropped, whether a panic dropped it.
    struct Report(mpsc::Sender<bool>);

    impl Drop for Report {
        fn drop(&mut self) {
            let _ = self.0.send(std::thread::panicking());
        }
    }

    #[test]
    fn work_with_timers_stops_before_the_runtime_of_its_caller() {
        let caller = Runtime::new().unwrap();
        let threads = BackgroundThreads::new(1, 0);
        let (report, ends) = mpsc::channel();
        let (begun, begins) = mpsc::channel();
        {
            let _entered = caller.enter();
            let work = async move {
                let _report = Report(report);
                let _ = begun.send(());
                loop {
                    tokio::time::sleep(Duration::from_micros(1)).await;
                }
            };
            assert!(threads.spawn(Box::pin(work)).is_ok());
        }
        begins.recv().unwrap();
        threads.stop(Duration::from_secs(60));
        assert_eq!(ends.recv(), Ok(false), "the work ended in a panic");
        let _entered = caller.enter();
        assert!(threads.spawn(Box::pin(async {})).is_err(), "stopped threads took work");
    }
}
