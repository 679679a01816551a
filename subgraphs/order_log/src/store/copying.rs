//! A copy of the ledger on its way into the file, and what has to wait for it.
//!
//! openraft hands the copy to the state machine and has the log forget what it covers at once, without waiting for it. Done in
//! that order, a crash in between would leave neither the entries nor what comes of them, and the replica could never be
//! opened again. So the log forgets nothing then: the copy itself throws away what it covers, in its own transaction.

use openraft::storage::Snapshot;
use tokio::sync::{Mutex, MutexGuard, watch};

use super::{LogId, Store, StoreError, Types};

/// What all that use a file share of it.
#[derive(Default)]
pub(super) struct Copies {
    now: watch::Sender<Copying>,
    one: Mutex<()>,
}

/// How far the one copy is that there is at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Copying {
    #[default]
    Nothing,
    /// openraft is about to hear of a copy up to here, and may take it or not.
    Expected(LogId),
    /// openraft takes it: the log up to here is still there, but not openraft's any more.
    Begun,
    /// It could not be written. openraft ends the replica.
    Failed,
}

/// Lets the log know of a copy until this is dropped, unless openraft takes the copy.
pub(crate) struct Expected<'a> {
    copies: &'a Copies,
    _one: MutexGuard<'a, ()>,
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.copies.now.send_if_modified(|now| {
            let left = matches!(now, Copying::Expected(_));
            if left {
                *now = Copying::Nothing;
            }
            left
        });
    }
}

impl Store {
    /// To be held while openraft is told of a copy. One at a time: others wait.
    pub(crate) async fn expect(&self, copy: &Snapshot<Types>) -> Expected<'_> {
        let copies = &*self.copies;
        let one = copies.one.lock().await;
        let _ = self.copied().await;
        if let Some(last) = copy.meta.last_log_id {
            copies.now.send_if_modified(|now| {
                let free = *now == Copying::Nothing;
                if free {
                    *now = Copying::Expected(last);
                }
                free
            });
        }
        Expected { copies, _one: one }
    }

    /// Whether a copy is on its way that will throw this part of the log away itself.
    pub(super) fn is_left_to_a_copy(&self, up_to: LogId) -> bool {
        self.copies.now.send_if_modified(|now| {
            let begins = *now == Copying::Expected(up_to);
            if begins {
                *now = Copying::Begun;
            }
            begins
        })
    }

    /// A copy was written, or not.
    pub(super) fn copy_ended<T>(&self, written: &Result<T, StoreError>) {
        self.copies.now.send_replace(match written {
            Ok(_) => Copying::Nothing,
            Err(_) => Copying::Failed,
        });
    }

    /// Waits for the copy that openraft took. What comes after it in the log must not be there without it.
    pub(super) async fn copied(&self) -> Result<(), StoreError> {
        let mut now = self.copies.now.subscribe();
        let ended = now.wait_for(|now| *now != Copying::Begun).await;
        match ended.as_deref() {
            Ok(Copying::Failed) | Err(_) => Err(StoreError::Incomplete),
            Ok(_) => Ok(()),
        }
    }
}
