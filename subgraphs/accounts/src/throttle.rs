//! Counts wrong passwords, so that nobody can try them all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::{Error, Result};

use crate::Settings;

/// Wrong passwords per account, in memory: a restart forgives, which is cheaper than a write per wrong password.
pub(crate) struct Throttle {
    max: u32,
    window_us: i64,
    accounts_max: usize,
    failures: Mutex<HashMap<String, Failures>>,
}

struct Failures {
    first_us: i64,
    count: u32,
}

impl Throttle {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            max: settings.failed_logins_max,
            window_us: i64::from(settings.failed_logins_seconds) * 1_000_000,
            accounts_max: settings.failed_logins_accounts_max.max(1),
            failures: Mutex::default(),
        }
    }

    /// Lets an attempt pass, unless too many failed.
    ///
    /// # Errors
    /// `RATE_LIMITED` with the seconds until the failures are forgotten.
    pub(crate) fn check(&self, account: &str, now_us: i64) -> Result<()> {
        let failures = self.failures();
        let Some(found) = failures.get(account) else {
            return Ok(());
        };
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
    pub(crate) fn failed(&self, account: &str, now_us: i64) {
        let mut failures = self.failures();
        let live = |first_us: i64| first_us.saturating_add(self.window_us) > now_us;
        if !failures.contains_key(account) && failures.len() >= self.accounts_max {
            failures.retain(|_, found| live(found.first_us));
            let oldest = failures.iter().min_by_key(|(_, found)| found.first_us);
            let oldest = oldest.map(|(account, _)| account.clone());
            if let Some(oldest) = oldest.filter(|_| failures.len() >= self.accounts_max) {
                failures.remove(&oldest);
            }
        }
        let fresh = || Failures {
            first_us: now_us,
            count: 0,
        };
        let found = failures.entry(account.to_owned()).or_insert_with(fresh);
        if !live(found.first_us) {
            *found = fresh();
        }
        found.count = found.count.saturating_add(1);
    }

    /// Forgets an account's failures: its owner is here.
    pub(crate) fn succeeded(&self, account: &str) {
        self.failures().remove(account);
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<String, Failures>> {
        // Counters are whole after every statement, so a panic elsewhere cannot have broken them.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_no_more_accounts_than_it_may() {
        let throttle = Throttle::new(&Settings {
            failed_logins_max: 1,
            failed_logins_accounts_max: 3,
            ..Settings::default()
        });
        for (now_us, account) in ["a", "b", "c", "d"].into_iter().enumerate() {
            throttle.failed(account, now_us as i64);
        }
        assert_eq!(throttle.failures().len(), 3);
        assert!(throttle.check("a", 4).is_ok(), "the oldest was forgotten");
        assert!(throttle.check("d", 4).is_err());
    }
}
