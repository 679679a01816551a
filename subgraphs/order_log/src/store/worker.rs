//! A thread that owns a connection: SQLite blocks, and what answers requests must not.

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The way to the thread. It ends, and closes its connection, when the last of these is gone.
#[derive(Clone)]
pub(crate) struct Worker(mpsc::Sender<Job>);

impl Worker {
    /// Starts the thread with a connection, and with what has to live as long.
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

    /// Runs `work` on the thread, after what came before it. It runs to its end even if nobody waits for it any more.
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
