//! A counter that only rises.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::shard::{SHARDS, is_recording, shard};

/// A counter that only rises, for events that happen with every request. A plain atomic is enough for rarer ones.
#[derive(Debug, Default)]
pub struct Counter([Shard; SHARDS]);

/// Two cache lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(AtomicU64);

impl Counter {
    /// Counts one event.
    pub fn increment(&self) {
        if is_recording() {
            self.0[shard()].0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the events since the start.
    pub fn value(&self) -> u64 {
        self.0.iter().map(|shard| shard.0.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_of_any_thread_is_lost() {
        let counter = Counter::default();
        std::thread::scope(|scope| {
            for _ in 0..3 * SHARDS {
                scope.spawn(|| (0..1_000).for_each(|_| counter.increment()));
            }
        });
        assert_eq!(counter.value(), 3 * SHARDS as u64 * 1_000);
    }
}
