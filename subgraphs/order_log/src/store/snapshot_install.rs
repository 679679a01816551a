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
pub(super) struct Installation {
    phase: watch::Sender<InstallationPhase>,
    exclusive: Mutex<()>,
}

/// The progress of an installation; there is at most one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum InstallationPhase {
    #[default]
    Idle,
    /// openraft is about to receive a snapshot up to this entry, which it may accept or reject.
    Expected(LogId),
    /// openraft accepted the snapshot: the log up to its last entry is still there, but does not belong to openraft any
    /// more.
    Started,
    /// The snapshot could not be written. openraft shuts the replica down.
    Failed,
}

/// Announces a snapshot to the log until this is dropped or openraft accepts the snapshot.
pub(crate) struct ExpectedSnapshot<'a> {
    installation: &'a Installation,
    _guard: MutexGuard<'a, ()>,
}

impl Drop for ExpectedSnapshot<'_> {
    fn drop(&mut self) {
        self.installation.phase.send_if_modified(|now| {
            let left = matches!(now, InstallationPhase::Expected(_));
            if left {
                *now = InstallationPhase::Idle;
            }
            left
        });
    }
}

impl Store {
    /// Announces a snapshot. The caller holds the result while openraft receives the snapshot; others wait for it.
    pub(crate) async fn expect_snapshot(&self, snapshot: &Snapshot<Types>) -> ExpectedSnapshot<'_> {
        let installation = &*self.installation;
        let guard = installation.exclusive.lock().await;
        let _ = self.wait_for_installation().await;
        if let Some(last) = snapshot.meta.last_log_id {
            installation.phase.send_if_modified(|now| {
                let free = *now == InstallationPhase::Idle;
                if free {
                    *now = InstallationPhase::Expected(last);
                }
                free
            });
        }
        ExpectedSnapshot {
            installation,
            _guard: guard,
        }
    }

    /// Whether an installation is going to compact this part of the log itself.
    pub(super) fn is_compacted_by_installation(&self, up_to: LogId) -> bool {
        self.installation.phase.send_if_modified(|now| {
            let begins = *now == InstallationPhase::Expected(up_to);
            if begins {
                *now = InstallationPhase::Started;
            }
            begins
        })
    }

    /// Notes the end of an installation.
    pub(super) fn end_installation<T>(&self, written: &Result<T, StoreError>) {
        self.installation.phase.send_replace(match written {
            Ok(_) => InstallationPhase::Idle,
            Err(_) => InstallationPhase::Failed,
        });
    }

    /// Waits for the installation that openraft has begun. Later entries of the log must not be written without the
    /// snapshot.
    pub(super) async fn wait_for_installation(&self) -> Result<(), StoreError> {
        let mut now = self.installation.phase.subscribe();
        let ended = now.wait_for(|now| *now != InstallationPhase::Started).await;
        match ended.as_deref() {
            Ok(InstallationPhase::Failed) | Err(_) => Err(StoreError::Incomplete),
            Ok(_) => Ok(()),
        }
    }
}
