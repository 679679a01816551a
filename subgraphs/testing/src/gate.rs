//! A write that holds the writer, so that a test decides what waits behind it.

use std::fmt::Debug;
use std::sync::Mutex;

use database::{Application, Db};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A write that holds the writer until the gate opens. Writes that are queued meanwhile share its group.
pub struct Gate {
    open: oneshot::Sender<()>,
    holder: JoinHandle<()>,
}

impl Gate {
    /// Closes the gate of a database: returns when the writer waits at it.
    pub async fn close<A: Application<Error: Debug>>(db: &Db<A>) -> Self {
        let (entered, inside) = oneshot::channel();
        let (open, opened) = oneshot::channel();
        let signals = Mutex::new(Some((entered, opened)));
        let db = db.clone();
        let holder = tokio::spawn(async move {
            db.write(async move |_| {
                let signals = signals.lock().expect("no panic before").take();
                // A second run after a failed commit has nothing to wait for.
                if let Some((entered, opened)) = signals {
                    entered.send(()).expect("the test waits");
                    opened.await.expect("the gate opens");
                }
                Ok(())
            })
            .await
            .expect("the write ends");
        });
        inside.await.expect("the write begins");
        Self { open, holder }
    }

    /// Lets the write continue, and waits until it is answered.
    pub async fn open(self) {
        self.open.send(()).expect("the write waits");
        self.holder.await.expect("the write ended");
    }
}

/// Returns when that many writes wait for the writer.
pub async fn until_waiting<A: Application>(db: &Db<A>, writes: u64) {
    while db.stats().waiting < writes {
        tokio::task::yield_now().await;
    }
}
