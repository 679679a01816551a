//! Sessions that have ended before their tokens expire.

use std::collections::{BTreeSet, HashMap};

use contract::Viewer;

use crate::auth::Identity;

/// The retention of ended sessions: longer than any user's access token lives, whose expiry rejects it afterwards.
const RETENTION_US: i64 = 24 * 3600 * 1_000_000;
/// The most ended sessions that are kept, about 10 MB.
const REVOCATIONS_MAX: usize = 100_000;

/// A session that ended before its tokens did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRevocation {
    /// The user.
    pub user: i64,
    /// The session; `None` stands for all sessions of the user.
    pub session: Option<i64>,
    /// When, in microseconds since the epoch.
    pub at_us: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum RevocationKey {
    Session(i64),
    User(i64),
}

/// Ended sessions, for as long as their tokens may be in use.
#[derive(Default)]
pub(super) struct SessionRevocations {
    at_us: HashMap<RevocationKey, i64>,
    oldest_first: BTreeSet<(i64, RevocationKey)>,
}

impl SessionRevocations {
    pub(super) fn insert(&mut self, revocation: SessionRevocation, now_us: i64) {
        let key = revocation
            .session
            .map_or(RevocationKey::User(revocation.user), RevocationKey::Session);
        let at_us = match self.at_us.get(&key) {
            Some(known_us) if *known_us >= revocation.at_us => return,
            Some(known_us) => {
                self.oldest_first.remove(&(*known_us, key));
                revocation.at_us
            }
            None => revocation.at_us,
        };
        self.at_us.insert(key, at_us);
        self.oldest_first.insert((at_us, key));
        self.evict(now_us);
    }

    fn evict(&mut self, now_us: i64) {
        while let Some(&(at_us, key)) = self.oldest_first.first() {
            let old = at_us < now_us.saturating_sub(RETENTION_US);
            if !old && self.at_us.len() <= REVOCATIONS_MAX {
                return;
            }
            if !old {
                tracing::warn!(
                    "the list of ended sessions is full; tokens of the oldest one are valid until they expire"
                );
            }
            self.oldest_first.remove(&(at_us, key));
            self.at_us.remove(&key);
        }
    }

    pub(super) fn includes(&self, identity: &Identity) -> bool {
        let session = identity
            .session
            .is_some_and(|id| self.at_us.contains_key(&RevocationKey::Session(id)));
        let everything = match identity.viewer {
            // A token's time has whole seconds. A token issued in the same second is rejected too: one extra sign-in
            // is the safe choice.
            Viewer::User { id, .. } => self
                .at_us
                .get(&RevocationKey::User(id))
                .is_some_and(|at_us| identity.issued_us.is_none_or(|made_us| made_us <= *at_us)),
            Viewer::Anonymous | Viewer::Service { .. } | Viewer::OpenMount { .. } => false,
        };
        session || everything
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_session(session: i64, at_us: i64) -> SessionRevocation {
        SessionRevocation {
            user: 1,
            session: Some(session),
            at_us,
        }
    }

    fn holder(session: i64) -> Identity {
        Identity {
            session: Some(session),
            ..Identity::ANONYMOUS
        }
    }

    #[test]
    fn only_old_revocations_are_dropped() {
        let mut ended = SessionRevocations::default();
        ended.insert(of_session(1, 0), 0);
        ended.insert(of_session(2, RETENTION_US), RETENTION_US);
        assert!(ended.includes(&holder(1)));
        ended.insert(of_session(3, RETENTION_US + 1), RETENTION_US + 1);
        assert!(!ended.includes(&holder(1)));
        assert!(ended.includes(&holder(2)));
        assert_eq!(ended.at_us.len(), ended.oldest_first.len());
    }

    #[test]
    fn memory_is_bounded_for_any_number_of_ended_sessions() {
        let mut ended = SessionRevocations::default();
        for session in 0..(REVOCATIONS_MAX as i64 + 10) {
            ended.insert(of_session(session, session), 0);
        }
        assert_eq!(ended.at_us.len(), REVOCATIONS_MAX);
        assert_eq!(ended.oldest_first.len(), REVOCATIONS_MAX);
        assert!(!ended.includes(&holder(9)));
        assert!(ended.includes(&holder(10)));
    }
}
