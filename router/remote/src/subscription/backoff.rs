//! The time between the attempts to replace a broken connection.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::settings::RemoteSettings;

/// The wait before the first attempt.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The time between attempts: it doubles up to a bound, and so does the number of attempts have a bound.
pub struct Backoff {
    attempts: u32,
    attempts_max: u32,
    wait: Duration,
    wait_max: Duration,
    /// From 0 to 255: the part of a wait that this subscription does without, so that not all of them come back in one moment.
    spread: u32,
}

impl Backoff {
    /// A backoff before its first attempt.
    pub fn new(settings: &RemoteSettings) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Multiples of an odd number visit all residues, far from each other.
        let spread = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(157) % 256;
        Self {
            attempts: 0,
            attempts_max: settings.subgraph_resubscriptions_max,
            wait: FIRST_WAIT,
            wait_max: settings.resubscribe_wait_max().max(FIRST_WAIT),
            spread,
        }
    }

    /// Returns the wait before the next attempt, after a connection that lasted for some time; `None` if there were enough attempts.
    pub fn wait_after(&mut self, lasted: Duration) -> Option<Duration> {
        if lasted > self.wait_max {
            self.attempts = 0;
            self.wait = FIRST_WAIT;
        }
        if self.attempts == self.attempts_max {
            return None;
        }
        self.attempts += 1;
        let wait = self.wait;
        self.wait = (wait * 2).min(self.wait_max);
        Some(wait - wait * self.spread / 512)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_their_bound_and_attempts_end_unless_a_connection_lasts() {
        let settings = RemoteSettings {
            subgraph_resubscriptions_max: 4,
            subgraph_resubscribe_ms_max: 200,
            ..RemoteSettings::default()
        };
        let mut backoff = Backoff::new(&settings);
        backoff.spread = 0;
        let waits: Vec<_> = std::iter::from_fn(|| backoff.wait_after(Duration::ZERO)).collect();
        assert_eq!(waits, [50, 100, 200, 200].map(Duration::from_millis));
        assert_eq!(
            backoff.wait_after(Duration::from_secs(1)),
            Some(Duration::from_millis(50))
        );
    }

    #[test]
    fn a_spread_shortens_a_wait_by_less_than_half() {
        let mut backoff = Backoff::new(&RemoteSettings::default());
        backoff.spread = 255;
        let wait = backoff.wait_after(Duration::ZERO).unwrap();
        assert!(wait > FIRST_WAIT / 2 && wait < FIRST_WAIT, "{wait:?}");
    }
}
