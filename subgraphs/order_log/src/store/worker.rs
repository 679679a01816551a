//! A thread that owns a connection: SQLite blocks, and the tasks that answer requests must not.

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The sender of jobs to the thread. The thread closes its connection and ends when the last sender is dropped.
#[derive(Clone)]
pub(crate) struct Worker(mpsc::Sender<Job>);

impl Worker {
    /// Starts the thread with a connection. It drops `held` when it ends.
    pub(crate) fn start(
        name: &str,
        queue: usize,
        mut connection: Connection,
        held: impl Send + 'static,
    ) -> Result<Self, StoreError> {
        let (sender, mut jobs) = mpsc::channel::<Job>(queue.max(1));
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(job) = jobs.blocking_recv() {
                job(&mut connection);
            }
            drop(connection);
            drop(held);
        })?;
        Ok(Self(sender))
    }

    /// Runs `work` on the thread, after all earlier jobs. The work is completed even if the caller stops waiting.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let _ = answer.send(work(connection));
        });
        self.0.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}
