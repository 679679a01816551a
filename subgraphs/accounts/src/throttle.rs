//! Throttles password guessing: counts wrong passwords and makes further attempts wait.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Settings;

/// The counts of wrong passwords by name and by account, each for one address and for all addresses together. They are
/// kept in memory: a restart loses them, but a wrong password costs no database write.
///
/// A name is counted as it was typed, whether an account has it or not, and its limit is reported to the caller. An account
/// is counted over its username and its email together, and its limit is not reported: an attempt beyond it gets the error
/// of a wrong password. So no response reveals whether an account exists, or which email belongs to a username.
pub(crate) struct Throttle {
    limits: ThrottleLimits,
    hasher: RandomState,
    failures: Mutex<FailureTable>,
}

/// One attempt to authenticate with a password.
#[derive(Clone, Copy)]
pub(crate) struct LoginAttempt<'a> {
    /// The client's address; `None` if this process itself calls.
    pub(crate) from: Option<IpAddr>,
    /// The name that was typed; `None` if the caller is signed in and the account is the caller's own.
    pub(crate) name: Option<&'a str>,
    /// The account; `None` if no account has the name.
    pub(crate) account: Option<i64>,
}

/// Whether an attempt is allowed, before its password is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The attempt is allowed.
    Allowed,
    /// The caller has to wait that many seconds, and the response may say so.
    Wait(u32),
    /// The caller has to wait, and the response says that the password is wrong.
    WaitSilently,
}

struct ThrottleLimits {
    from_one_address: FailureLimit,
    from_everywhere: FailureLimit,
    first_wait_us: i64,
    retention_us: i64,
    entries_max: usize,
}

/// A number of wrong passwords, and the longest wait after more of them.
#[derive(Clone, Copy)]
struct FailureLimit {
    max: u32,
    wait_us_max: i64,
}

/// A key of the counts.
#[derive(Hash)]
enum CounterKey<'a> {
    NameFrom(Option<IpAddr>, &'a str),
    Name(&'a str),
    AccountFrom(Option<IpAddr>, i64),
    Account(i64),
}

impl Throttle {
    pub(crate) fn new(settings: &Settings) -> Self {
        let us = |seconds: u32| i64::from(seconds) * 1_000_000;
        Self {
            limits: ThrottleLimits {
                from_one_address: FailureLimit {
                    max: settings.failed_logins_max,
                    wait_us_max: us(settings.failed_logins_wait_seconds_max),
                },
                from_everywhere: FailureLimit {
                    max: settings.failed_logins_everywhere_max,
                    wait_us_max: us(settings.failed_logins_everywhere_wait_seconds_max),
                },
                first_wait_us: us(settings.failed_logins_wait_seconds),
                retention_us: us(settings.failed_logins_seconds),
                entries_max: settings.failed_logins_accounts_max.max(1),
            },
            hasher: RandomState::new(),
            failures: Mutex::default(),
        }
    }

    /// Returns whether the attempt is allowed or has to wait.
    pub(crate) fn check(&self, attempt: LoginAttempt<'_>, now_us: i64) -> Verdict {
        let mut failures = self.lock();
        let mut wait_us = |counters: [Option<CounterKey<'_>>; 2]| {
            let waits = counters.into_iter().flatten().map(|counter| {
                let limit = self.limit(&counter);
                let known = failures.get(self.hasher.hash_one(&counter), &self.limits, now_us);
                known.map_or(0, |count| self.limits.remaining_wait_us(limit, count, now_us))
            });
            waits.max().unwrap_or(0)
        };
        let seconds = |us: i64| u32::try_from(us.cast_unsigned().div_ceil(1_000_000)).unwrap_or(u32::MAX);
        match (wait_us(attempt.reported_counters()), wait_us(attempt.hidden_counters())) {
            (0, 0) => Verdict::Allowed,
            (0, _) => Verdict::WaitSilently,
            (reported_us, _) => Verdict::Wait(seconds(reported_us)),
        }
    }

    /// Counts an attempt whose response says that the password is wrong. Attempts that were told to wait are not counted:
    /// repeating them does not extend the wait. `is_known` means that the account signed in from this address before: the
    /// owner's typing errors there do not block other addresses.
    pub(crate) fn record_failure(&self, attempt: LoginAttempt<'_>, verdict: Verdict, is_known: bool, now_us: i64) {
        let counters = match verdict {
            Verdict::Allowed => [attempt.reported_counters(), attempt.hidden_counters()],
            Verdict::WaitSilently => [attempt.reported_counters(), [None, None]],
            Verdict::Wait(_) => return,
        };
        let mut failures = self.lock();
        for counter in counters.into_iter().flatten().flatten() {
            if !(is_known && matches!(counter, CounterKey::Account(_))) {
                failures.add(self.hasher.hash_one(&counter), &self.limits, now_us);
            }
        }
    }

    /// Resets the counts of the attempt's name and account for its address.
    pub(crate) fn record_success(&self, attempt: LoginAttempt<'_>) {
        let name = attempt.name.map(|name| CounterKey::NameFrom(attempt.from, name));
        let account = attempt.account.map(|id| CounterKey::AccountFrom(attempt.from, id));
        let mut failures = self.lock();
        for counter in [name, account].into_iter().flatten() {
            failures.counts.remove(&self.hasher.hash_one(&counter));
        }
    }

    fn limit(&self, counter: &CounterKey<'_>) -> FailureLimit {
        match counter {
            CounterKey::NameFrom(..) | CounterKey::AccountFrom(..) => self.limits.from_one_address,
            CounterKey::Name(_) | CounterKey::Account(_) => self.limits.from_everywhere,
        }
    }

    fn lock(&self) -> MutexGuard<'_, FailureTable> {
        // The table is consistent after every statement, so a panic of another holder cannot have corrupted it.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> LoginAttempt<'a> {
    /// The counters whose limit the response may report.
    fn reported_counters(self) -> [Option<CounterKey<'a>>; 2] {
        match (self.name, self.account) {
            (Some(name), _) => [
                Some(CounterKey::NameFrom(self.from, name)),
                Some(CounterKey::Name(name)),
            ],
            (None, account) => self.account_counters(account),
        }
    }

    /// The counters whose limit the response must not reveal.
    fn hidden_counters(self) -> [Option<CounterKey<'a>>; 2] {
        self.account_counters(self.account.filter(|_| self.name.is_some()))
    }

    fn account_counters(self, account: Option<i64>) -> [Option<CounterKey<'a>>; 2] {
        let from = self.from;
        [
            account.map(|id| CounterKey::AccountFrom(from, id)),
            account.map(CounterKey::Account),
        ]
    }
}

/// The number of wrong passwords, and the time of the last one.
#[derive(Clone, Copy, Default)]
struct FailureCount {
    count: u32,
    last_us: i64,
}

/// A table of bounded size whose counts are never too low ("Space-Saving"; Metwally, Agrawal, El Abbadi, 2005). A key that
/// is not in it may have been evicted, so it gets the highest count that was evicted. A flood of other names therefore
/// allows no more guesses at one name.
#[derive(Default)]
struct FailureTable {
    counts: HashMap<u64, FailureCount>,
    evicted: FailureCount,
}

impl FailureTable {
    /// Returns the count of a key, unless it has expired.
    fn get(&mut self, key: u64, limits: &ThrottleLimits, now_us: i64) -> Option<FailureCount> {
        let found = self.counts.get_mut(&key).unwrap_or(&mut self.evicted);
        // A clock that stepped back extends no wait.
        found.last_us = found.last_us.min(now_us);
        Some(*found).filter(|found| found.count > 0 && limits.is_retained(*found, now_us))
    }

    fn add(&mut self, key: u64, limits: &ThrottleLimits, now_us: i64) {
        if !self.counts.contains_key(&key) && self.counts.len() >= limits.entries_max {
            self.evict(limits, now_us);
        }
        let before = self.get(key, limits, now_us).unwrap_or_default();
        let count = FailureCount {
            count: before.count.saturating_add(1),
            last_us: now_us,
        };
        self.counts.insert(key, count);
    }

    fn evict(&mut self, limits: &ThrottleLimits, now_us: i64) {
        self.counts.retain(|_, count| limits.is_retained(*count, now_us));
        if self.counts.len() < limits.entries_max {
            return;
        }
        let least = self.counts.iter().min_by_key(|(_, count)| (count.count, count.last_us));
        if let Some((key, count)) = least.map(|(key, count)| (*key, *count)) {
            self.counts.remove(&key);
            let before = Some(self.evicted).filter(|before| limits.is_retained(*before, now_us));
            self.evicted = FailureCount {
                count: count.count.max(before.map_or(0, |before| before.count)),
                last_us: count.last_us.max(before.map_or(0, |before| before.last_us)),
            };
        }
    }
}

impl ThrottleLimits {
    fn is_retained(&self, count: FailureCount, now_us: i64) -> bool {
        count.last_us.saturating_add(self.retention_us) > now_us
    }

    /// How long the next attempt has to wait, in microseconds: the first wait after `max` failures, doubled by each further one.
    fn remaining_wait_us(&self, limit: FailureLimit, count: FailureCount, now_us: i64) -> i64 {
        let Some(excess) = count.count.checked_sub(limit.max) else {
            return 0;
        };
        // Thirty doublings turn a microsecond into more than a quarter of an hour, and a second into 34 years.
        let wait_us = self
            .first_wait_us
            .saturating_mul(1 << excess.min(30))
            .min(limit.wait_us_max);
        let waited_us = now_us.saturating_sub(count.last_us);
        wait_us.saturating_sub(waited_us).max(0)
    }
}

#[cfg(test)]
mod tests;
