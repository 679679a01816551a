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
    bounds: Bounds,
    hasher: RandomState,
    failures: Mutex<Failures>,
}

/// One attempt to authenticate with a password.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
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
    Open,
    /// The caller has to wait that many seconds, and the response may say so.
    Wait(u32),
    /// The caller has to wait, and the response says that the password is wrong.
    WaitUntold,
}

struct Bounds {
    from_one_address: Bound,
    from_everywhere: Bound,
    first_wait_us: i64,
    kept_us: i64,
    entries_max: usize,
}

/// A number of wrong passwords, and the longest wait after more of them.
#[derive(Clone, Copy)]
struct Bound {
    max: u32,
    wait_us_max: i64,
}

/// A key of the counts.
#[derive(Hash)]
enum Counter<'a> {
    NameFrom(Option<IpAddr>, &'a str),
    Name(&'a str),
    AccountFrom(Option<IpAddr>, i64),
    Account(i64),
}

impl Throttle {
    pub(crate) fn new(settings: &Settings) -> Self {
        let us = |seconds: u32| i64::from(seconds) * 1_000_000;
        Self {
            bounds: Bounds {
                from_one_address: Bound {
                    max: settings.failed_logins_max,
                    wait_us_max: us(settings.failed_logins_wait_seconds_max),
                },
                from_everywhere: Bound {
                    max: settings.failed_logins_everywhere_max,
                    wait_us_max: us(settings.failed_logins_everywhere_wait_seconds_max),
                },
                first_wait_us: us(settings.failed_logins_wait_seconds),
                kept_us: us(settings.failed_logins_seconds),
                entries_max: settings.failed_logins_accounts_max.max(1),
            },
            hasher: RandomState::new(),
            failures: Mutex::default(),
        }
    }

    /// Returns whether the attempt is allowed or has to wait.
    pub(crate) fn check(&self, attempt: Attempt<'_>, now_us: i64) -> Verdict {
        let mut failures = self.lock();
        let mut wait_us = |counters: [Option<Counter<'_>>; 2]| {
            let waits = counters.into_iter().flatten().map(|counter| {
                let bound = self.bound(&counter);
                let known = failures.of(self.hasher.hash_one(&counter), &self.bounds, now_us);
                known.map_or(0, |count| self.bounds.left_us(bound, count, now_us))
            });
            waits.max().unwrap_or(0)
        };
        let seconds = |us: i64| u32::try_from(us.cast_unsigned().div_ceil(1_000_000)).unwrap_or(u32::MAX);
        match (wait_us(attempt.shown()), wait_us(attempt.hidden())) {
            (0, 0) => Verdict::Open,
            (0, _) => Verdict::WaitUntold,
            (shown, _) => Verdict::Wait(seconds(shown)),
        }
    }

    /// Counts an attempt whose response says that the password is wrong. Attempts that were told to wait are not counted:
    /// repeating them does not extend the wait. `is_known` means that the account signed in from this address before: the
    /// owner's typing errors there do not block other addresses.
    pub(crate) fn failed(&self, attempt: Attempt<'_>, verdict: Verdict, is_known: bool, now_us: i64) {
        let counters = match verdict {
            Verdict::Open => [attempt.shown(), attempt.hidden()],
            Verdict::WaitUntold => [attempt.shown(), [None, None]],
            Verdict::Wait(_) => return,
        };
        let mut failures = self.lock();
        for counter in counters.into_iter().flatten().flatten() {
            if !(is_known && matches!(counter, Counter::Account(_))) {
                failures.add(self.hasher.hash_one(&counter), &self.bounds, now_us);
            }
        }
    }

    /// Resets the counts of the attempt's name and account for its address.
    pub(crate) fn succeeded(&self, attempt: Attempt<'_>) {
        let name = attempt.name.map(|name| Counter::NameFrom(attempt.from, name));
        let account = attempt.account.map(|id| Counter::AccountFrom(attempt.from, id));
        let mut failures = self.lock();
        for counter in [name, account].into_iter().flatten() {
            failures.counts.remove(&self.hasher.hash_one(&counter));
        }
    }

    fn bound(&self, counter: &Counter<'_>) -> Bound {
        match counter {
            Counter::NameFrom(..) | Counter::AccountFrom(..) => self.bounds.from_one_address,
            Counter::Name(_) | Counter::Account(_) => self.bounds.from_everywhere,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Failures> {
        // The table is consistent after every statement, so a panic of another holder cannot have corrupted it.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Attempt<'a> {
    /// The counters whose limit the response may report.
    fn shown(self) -> [Option<Counter<'a>>; 2] {
        match (self.name, self.account) {
            (Some(name), _) => [Some(Counter::NameFrom(self.from, name)), Some(Counter::Name(name))],
            (None, account) => self.of_account(account),
        }
    }

    /// The counters whose limit the response must not reveal.
    fn hidden(self) -> [Option<Counter<'a>>; 2] {
        self.of_account(self.account.filter(|_| self.name.is_some()))
    }

    fn of_account(self, account: Option<i64>) -> [Option<Counter<'a>>; 2] {
        let from = self.from;
        [
            account.map(|id| Counter::AccountFrom(from, id)),
            account.map(Counter::Account),
        ]
    }
}

/// The number of wrong passwords, and the time of the last one.
#[derive(Clone, Copy, Default)]
struct Count {
    count: u32,
    last_us: i64,
}

/// A table of bounded size whose counts are never too low ("Space-Saving"; Metwally, Agrawal, El Abbadi, 2005). A key that
/// is not in it may have been evicted, so it gets the highest count that was evicted. A flood of other names therefore
/// allows no more guesses at one name.
#[derive(Default)]
struct Failures {
    counts: HashMap<u64, Count>,
    pushed_out: Count,
}

impl Failures {
    /// Returns the count of a key, unless it has expired.
    fn of(&mut self, key: u64, bounds: &Bounds, now_us: i64) -> Option<Count> {
        let found = self.counts.get_mut(&key).unwrap_or(&mut self.pushed_out);
        // A clock that stepped back extends no wait.
        found.last_us = found.last_us.min(now_us);
        Some(*found).filter(|found| found.count > 0 && bounds.keeps(*found, now_us))
    }

    fn add(&mut self, key: u64, bounds: &Bounds, now_us: i64) {
        if !self.counts.contains_key(&key) && self.counts.len() >= bounds.entries_max {
            self.make_room(bounds, now_us);
        }
        let before = self.of(key, bounds, now_us).unwrap_or_default();
        let count = Count {
            count: before.count.saturating_add(1),
            last_us: now_us,
        };
        self.counts.insert(key, count);
    }

    fn make_room(&mut self, bounds: &Bounds, now_us: i64) {
        self.counts.retain(|_, count| bounds.keeps(*count, now_us));
        if self.counts.len() < bounds.entries_max {
            return;
        }
        let least = self.counts.iter().min_by_key(|(_, count)| (count.count, count.last_us));
        if let Some((key, count)) = least.map(|(key, count)| (*key, *count)) {
            self.counts.remove(&key);
            let before = Some(self.pushed_out).filter(|before| bounds.keeps(*before, now_us));
            self.pushed_out = Count {
                count: count.count.max(before.map_or(0, |before| before.count)),
                last_us: count.last_us.max(before.map_or(0, |before| before.last_us)),
            };
        }
    }
}

impl Bounds {
    fn keeps(&self, count: Count, now_us: i64) -> bool {
        count.last_us.saturating_add(self.kept_us) > now_us
    }

    /// How long the next attempt has to wait, in microseconds: the first wait after `max` failures, doubled by each further one.
    fn left_us(&self, bound: Bound, count: Count, now_us: i64) -> i64 {
        let Some(more) = count.count.checked_sub(bound.max) else {
            return 0;
        };
        // Thirty doublings turn a microsecond into more than a quarter of an hour, and a second into 34 years.
        let wait_us = self
            .first_wait_us
            .saturating_mul(1 << more.min(30))
            .min(bound.wait_us_max);
        let waited_us = now_us.saturating_sub(count.last_us);
        wait_us.saturating_sub(waited_us).max(0)
    }
}

#[cfg(test)]
mod tests;
