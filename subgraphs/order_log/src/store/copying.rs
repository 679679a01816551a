//! The installation of a snapshot, and the operations that wait for it.
//!
//! openraft gives the snapshot to the state machine and compacts the log that it covers at once, without waiting for
//! the installation. A crash between the two would leave neither the entries nor their effects, and the replica could
//! never be opened again. So the log skips that compaction: the installation itself compacts the entries that the
//! snapshot covers, in its own transaction.

use openraft::storage::Snapshot;
use tokio::sync::{Mutex, MutexGuard, watch};

use super::{LogId, Store, StoreError, Types};

/// The installation's state, shared by all users of a file.
#[derive(Default)]
pub(super) struct Copies {
    now: watch::Sender<Copying>,
    one: Mutex<()>,
}

/// The progress of an installation; there is at most one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Copying {
    #[default]
    Nothing,
    /// openraft is about to receive a snapshot up to this entry, which it may accept or reject.
    Expected(LogId),
    /// openraft accepted the snapshot: the log up to its last entry is still there, but does not belong to openraft any
    /// more.
    Begun,
    /// The snapshot could not be written. openraft shuts the replica down.
    Failed,
}

/// Announces a snapshot to the log until this is dropped or openraft accepts the snapshot.
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
    /// Announces a snapshot. The caller holds the result while openraft receives the snapshot; others wait for it.
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

    /// Whether an installation is going to compact this part of the log itself.
    pub(super) fn is_left_to_a_copy(&self, up_to: LogId) -> bool {
        self.copies.now.send_if_modified(|now| {
            let begins = *now == Copying::Expected(up_to);
            if begins {
                *now = Copying::Begun;
            }
            begins
        })
    }

    /// Notes the end of an installation.
    pub(super) fn copy_ended<T>(&self, written: &Result<T, StoreError>) {
        self.copies.now.send_replace(match written {
            Ok(_) => Copying::Nothing,
            Err(_) => Copying::Failed,
        });
    }

    /// Waits for the installation that openraft has begun. Later entries of the log must not be written without the
    /// snapshot.
    pub(super) async fn copied(&self) -> Result<(), StoreError> {
        let mut now = self.copies.now.subscribe();
        let ended = now.wait_for(|now| *now != Copying::Begun).await;
        match ended.as_deref() {
            Ok(Copying::Failed) | Err(_) => Err(StoreError::Incomplete),
            Ok(_) => Ok(()),
        }
    }
}
