//! The waits of open connections and subscriptions for the end of their identities.
//!
//! One task looks for expired identities, and the end of a session wakes the waits of its user. So thousands of idle
//! connections need no timer each, and none of them runs while nothing happens to its identity.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::{Clock, Viewer};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::auth::Identity;

/// The interval at which the task looks for expired identities. The clock is injected, so no timer can be set to one of its
/// times.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Stands for an expiry that every check finds.
const AT_EVERY_CHECK: i64 = i64::MIN;

/// All waits.
#[derive(Default)]
pub(super) struct IdentityWaits(Mutex<WaitTable>);

#[derive(Default)]
struct WaitTable {
    next_id: u64,
    waits: HashMap<u64, Arc<Notify>>,
    by_expiry: BTreeSet<(i64, u64)>,
    by_user: BTreeSet<(i64, u64)>,
    is_checked: bool,
}

/// One wait, which ends when this is dropped.
pub(super) struct IdentityWait<'w> {
    waits: &'w IdentityWaits,
    id: u64,
    user: Option<i64>,
    check_us: i64,
    woken: Arc<Notify>,
}

impl IdentityWaits {
    /// Adds a wait for an identity that expires. The first wait starts the task, which ends when none is left.
    pub(super) fn add(
        self: &Arc<Self>,
        identity: &Identity,
        expires_us: i64,
        clock: &Arc<dyn Clock>,
    ) -> IdentityWait<'_> {
        let (user, check_us) = match &identity.viewer {
            Viewer::User { id, .. } => (Some(*id), expires_us),
            // A file lists the credentials of services, and changes without notice.
            Viewer::Service { .. } | Viewer::OpenMount { .. } | Viewer::Anonymous => (None, AT_EVERY_CHECK),
        };
        let woken = Arc::new(Notify::new());
        let mut table = self.lock();
        table.next_id += 1;
        let id = table.next_id;
        table.waits.insert(id, Arc::clone(&woken));
        table.by_expiry.insert((check_us, id));
        table.by_user.extend(user.map(|user| (user, id)));
        if !std::mem::replace(&mut table.is_checked, true) {
            tokio::spawn(check_until_empty(Arc::clone(self), Arc::clone(clock)));
        }
        IdentityWait {
            waits: self,
            id,
            user,
            check_us,
            woken,
        }
    }

    /// Wakes the waits for identities of that user.
    pub(super) fn wake_user(&self, user: i64) {
        let table = self.lock();
        let ids = table.by_user.range((user, 0)..=(user, u64::MAX)).map(|(_, id)| id);
        table.wake(ids);
    }

    /// Wakes the waits for identities that have expired. Returns whether there are any waits.
    fn check(&self, now_us: i64) -> bool {
        let mut table = self.lock();
        table.wake(table.by_expiry.range(..=(now_us, u64::MAX)).map(|(_, id)| id));
        table.is_checked = !table.waits.is_empty();
        table.is_checked
    }

    fn lock(&self) -> MutexGuard<'_, WaitTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn check_until_empty(waits: Arc<IdentityWaits>, clock: Arc<dyn Clock>) {
    loop {
        sleep(CHECK_INTERVAL).await;
        if !waits.check(clock.now_us()) {
            return;
        }
    }
}

impl WaitTable {
    fn wake<'i>(&self, ids: impl Iterator<Item = &'i u64>) {
        for wait in ids.filter_map(|id| self.waits.get(id)) {
            wait.notify_one();
        }
    }
}

impl IdentityWait<'_> {
    /// Waits until the identity may have become invalid since the last call.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }
}

impl Drop for IdentityWait<'_> {
    fn drop(&mut self) {
        let mut table = self.waits.lock();
        table.waits.remove(&self.id);
        table.by_expiry.remove(&(self.check_us, self.id));
        if let Some(user) = self.user {
            table.by_user.remove(&(user, self.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::{Role, SystemClock};
    use futures_util::FutureExt;

    use super::*;

    fn user(id: i64) -> Identity {
        let viewer = Viewer::User {
            id,
            role: Role::Member,
            admin: false,
        };
        Identity {
            viewer,
            ..Identity::ANONYMOUS
        }
    }

    fn service() -> Identity {
        let viewer = Viewer::Service { name: "s".into() };
        Identity {
            viewer,
            ..Identity::ANONYMOUS
        }
    }

    fn is_woken(wait: &IdentityWait<'_>) -> bool {
        wait.woken().now_or_never().is_some()
    }

    #[tokio::test]
    async fn only_waits_of_the_user_or_expired_ones_are_woken() {
        let (waits, clock) = (
            Arc::new(IdentityWaits::default()),
            Arc::new(SystemClock) as Arc<dyn Clock>,
        );
        let add = |identity: &Identity, expires_us| waits.add(identity, expires_us, &clock);
        let all = [add(&user(1), 10), add(&user(2), 20), add(&service(), 30)];
        let woken = || [0, 1, 2].map(|n: usize| is_woken(&all[n]));
        waits.wake_user(1);
        assert_eq!(woken(), [true, false, false]);
        assert!(waits.check(9));
        assert_eq!(woken(), [false, false, true], "a service is checked each time");
        assert!(waits.check(20));
        assert_eq!(woken(), [true, true, true]);
        drop(all);
        assert!(!waits.check(100));
        let table = waits.lock();
        assert!(table.by_expiry.is_empty() && table.by_user.is_empty());
    }

    #[tokio::test]
    async fn a_task_wakes_expired_waits_again_and_again() {
        let (waits, clock) = (
            Arc::new(IdentityWaits::default()),
            Arc::new(SystemClock) as Arc<dyn Clock>,
        );
        let wait = waits.add(&user(1), 1, &clock);
        wait.woken().await;
        wait.woken().await;
    }
}
