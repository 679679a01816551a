//! Counts wrong passwords, so that a guesser cannot try them all.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Settings;

/// Wrong passwords, counted by name and by account, each for one address and for all addresses together. In memory: a
/// restart forgives, which is cheaper than a write per wrong password.
///
/// A name counts as it was typed, whether an account has it or not, and its limit is shown. An account counts what was tried
/// under its username and its email together, and its limit is not shown: an attempt beyond it is answered like a wrong
/// password. So no answer tells whether an account exists, nor which email belongs to a username.
pub(crate) struct Throttle {
    bounds: Bounds,
    hasher: RandomState,
    failures: Mutex<Failures>,
}

/// A password that was sent to be checked.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// The client's address; none where this process itself calls.
    pub(crate) from: Option<IpAddr>,
    /// The name that was typed; none where the caller is signed in and the account is their own.
    pub(crate) name: Option<&'a str>,
    /// The account, where the name is an account's.
    pub(crate) account: Option<i64>,
}

/// Whether an attempt counts, before its password is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It does.
    Open,
    /// It has to wait that many seconds, and may be told so.
    Wait(u32),
    /// It has to wait, and is told that its password is wrong.
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

/// What is counted.
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

    /// Whether the attempt counts.
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

    /// Counts a wrong password, or one that is told to be wrong. Attempts that were told to wait are not counted: the wait
    /// does not grow by repeating them. `is_known` says that the account signed in from this address before: its owner's
    /// typing errors keep no other address from signing in.
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

    /// Forgets the wrong passwords from that address.
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
        // The table is whole after every statement, so a panic elsewhere cannot have broken it.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Attempt<'a> {
    /// What is counted and may be told.
    fn shown(self) -> [Option<Counter<'a>>; 2] {
        match (self.name, self.account) {
            (Some(name), _) => [Some(Counter::NameFrom(self.from, name)), Some(Counter::Name(name))],
            (None, account) => self.of_account(account),
        }
    }

    /// What is counted and must not be told.
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

/// How many wrong passwords there were, and when the last one.
#[derive(Clone, Copy, Default)]
struct Count {
    count: u32,
    last_us: i64,
}

/// A table of bounded size whose counts are never too low ("Space-Saving"; Metwally, Agrawal, El Abbadi, 2005): what is not in it
/// may have been, with as many failures as the highest count that was pushed out. So a flood of other names makes no room for
/// more guesses at one.
#[derive(Default)]
struct Failures {
    counts: HashMap<u64, Count>,
    pushed_out: Count,
}

impl Failures {
    /// The count under that key, if it is not forgotten.
    fn of(&mut self, key: u64, bounds: &Bounds, now_us: i64) -> Option<Count> {
        let found = self.counts.get_mut(&key).unwrap_or(&mut self.pushed_out);
        // A clock that stepped back makes no wait longer.
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

    /// How long the next attempt has to wait: the first wait once there are `max`, twice as long with each further one.
    fn left_us(&self, bound: Bound, count: Count, now_us: i64) -> i64 {
        let Some(more) = count.count.checked_sub(bound.max) else {
            return 0;
        };
        // Thirty doublings of a microsecond are more than a quarter of an hour, of a second 34 years.
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
