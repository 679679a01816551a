//! Counts wrong passwords, so that nobody can try them all.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::{Error, Result};

use crate::Settings;

/// Wrong passwords by the client's address and the name that was typed, and the accounts that signed in from an address
/// before. In memory: a restart forgives, which is cheaper than a write per wrong password.
///
/// The name counts as it was typed, whether an account has it or not, so that a limit tells nothing about accounts: neither
/// whether there is one nor which email belongs to a username. A client at another address has counts of its own, and so
/// locks no owner out.
pub(crate) struct Throttle {
    max: u32,
    window_us: i64,
    entries_max: usize,
    hasher: RandomState,
    failures: Mutex<HashMap<u64, Failures>>,
    /// Digests of addresses and accounts, each in the slot that the secret hasher gives it: a caller cannot aim at the slot
    /// of another's.
    known: Mutex<Box<[u64]>>,
}

struct Failures {
    first_us: i64,
    count: u32,
}

impl Throttle {
    pub(crate) fn new(settings: &Settings) -> Self {
        let entries_max = settings.failed_logins_accounts_max.max(1);
        Self {
            max: settings.failed_logins_max,
            window_us: i64::from(settings.failed_logins_seconds) * 1_000_000,
            entries_max,
            hasher: RandomState::new(),
            failures: Mutex::default(),
            known: Mutex::new(vec![0; entries_max].into()),
        }
    }

    /// Lets an attempt pass, unless too many failed.
    ///
    /// # Errors
    /// `RATE_LIMITED` with the seconds until the failures are forgotten.
    pub(crate) fn check(&self, from: Option<IpAddr>, name: &str, now_us: i64) -> Result<()> {
        let mut failures = lock(&self.failures);
        let Some(found) = failures.get_mut(&self.hasher.hash_one((from, name))) else {
            return Ok(());
        };
        // A clock that stepped back must not make the wait longer than the window.
        found.first_us = found.first_us.min(now_us);
        let left_us = found.first_us.saturating_add(self.window_us).saturating_sub(now_us);
        if left_us <= 0 || found.count < self.max {
            return Ok(());
        }
        let left_seconds = left_us.cast_unsigned().div_ceil(1_000_000);
        Err(Error::RateLimited {
            retry_after_seconds: u32::try_from(left_seconds).unwrap_or(u32::MAX),
        })
    }

    /// Writes a failure down.
    pub(crate) fn failed(&self, from: Option<IpAddr>, name: &str, now_us: i64) {
        let key = self.hasher.hash_one((from, name));
        let mut failures = lock(&self.failures);
        let live = |first_us: i64| first_us.saturating_add(self.window_us) > now_us;
        if !failures.contains_key(&key) && failures.len() >= self.entries_max {
            failures.retain(|_, found| live(found.first_us));
            // The least severe goes: many names with one failure each push out no count that matters.
            let least = failures.iter().min_by_key(|(_, found)| (found.count, found.first_us));
            let least = least.map(|(key, _)| *key);
            if let Some(least) = least.filter(|_| failures.len() >= self.entries_max) {
                failures.remove(&least);
            }
        }
        let fresh = || Failures {
            first_us: now_us,
            count: 0,
        };
        let found = failures.entry(key).or_insert_with(fresh);
        if !live(found.first_us) {
            *found = fresh();
        }
        found.count = found.count.saturating_add(1);
    }

    /// Forgets the failures under that name, and remembers that the account signs in from there.
    pub(crate) fn succeeded(&self, from: Option<IpAddr>, name: &str, account: i64) {
        lock(&self.failures).remove(&self.hasher.hash_one((from, name)));
        let (slot, digest) = self.slot(from, account);
        lock(&self.known)[slot] = digest;
    }

    /// Whether the account signed in from there before.
    pub(crate) fn knows(&self, from: Option<IpAddr>, account: i64) -> bool {
        let (slot, digest) = self.slot(from, account);
        lock(&self.known)[slot] == digest
    }

    fn slot(&self, from: Option<IpAddr>, account: i64) -> (usize, u64) {
        // Zero is an empty slot.
        let digest = self.hasher.hash_one((from, account)).max(1);
        ((digest % self.entries_max as u64) as usize, digest)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Both tables are whole after every statement, so a panic elsewhere cannot have broken them.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(max: u32) -> Throttle {
        Throttle::new(&Settings {
            failed_logins_max: max,
            failed_logins_accounts_max: 3,
            ..Settings::default()
        })
    }

    #[test]
    fn many_names_push_out_no_count_that_matters() {
        let throttle = throttle(2);
        for _ in 0..2 {
            throttle.failed(None, "ada", 0);
        }
        for (now_us, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            throttle.failed(None, name, now_us as i64);
        }
        assert_eq!(lock(&throttle.failures).len(), 3);
        assert!(throttle.check(None, "ada", 4).is_err());
    }

    #[test]
    fn another_address_has_counts_of_its_own() {
        let throttle = throttle(1);
        let [here, there] = [[127, 0, 0, 1], [192, 0, 2, 7]].map(|octets| Some(IpAddr::from(octets)));
        throttle.failed(here, "ada", 0);
        assert!(throttle.check(here, "ada", 0).is_err());
        assert!(throttle.check(there, "ada", 0).is_ok());
        throttle.succeeded(there, "ada", 1);
        assert!(throttle.knows(there, 1) && !throttle.knows(here, 1) && !throttle.knows(there, 2));
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_wait_longer() {
        let throttle = throttle(1);
        throttle.failed(None, "ada", 10 * 3_600_000_000);
        let wait = |now_us: i64| match throttle.check(None, "ada", now_us) {
            Err(Error::RateLimited { retry_after_seconds }) => retry_after_seconds,
            _ => 0,
        };
        assert_eq!(wait(0), 900);
        assert_eq!(wait(900_000_000), 0);
    }
}
