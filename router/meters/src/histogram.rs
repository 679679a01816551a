//! The distribution of a value: how many values are at most as large as each of some bounds, and their sum.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::shard::{SHARDS, is_recording, shard};

/// The bounds of durations, in microseconds: from 10 µs to 10 s.
pub const DURATION_BOUNDS_US: &[u64] = &[
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];
/// The bounds of numbers of things.
pub const SIZE_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// The most bounds of a histogram.
const BOUNDS_MAX: usize = 23;

/// A distribution that is being recorded.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    shards: [Shard; SHARDS],
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    /// The values up to each bound and above the one before; the last one is for values above all bounds.
    counts: [AtomicU64; BOUNDS_MAX],
    beyond: AtomicU64,
    sum: AtomicU64,
}

/// A distribution at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// The bounds, in ascending order.
    pub bounds: &'static [u64],
    /// The number of values that are at most as large as each bound, and above the one before.
    pub counts: Vec<u64>,
    /// The number of values above all bounds.
    pub beyond: u64,
    /// The sum of all values.
    pub sum: u64,
}

impl Histogram {
    /// An empty histogram of that many bounds at most: 23.
    ///
    /// # Panics
    /// If there are more bounds; they are constants, and a test makes each of them.
    pub fn new(bounds: &'static [u64]) -> Self {
        assert!(bounds.len() <= BOUNDS_MAX, "at most {BOUNDS_MAX} bounds");
        Self {
            bounds,
            shards: Default::default(),
        }
    }

    /// Records a value, in the unit of the bounds.
    pub fn record(&self, value: u64) {
        if !is_recording() {
            return;
        }
        let shard = &self.shards[shard()];
        // Most values are small, so the search from below ends soon.
        let place = self.bounds.iter().position(|bound| value <= *bound);
        let count = place.map_or(&shard.beyond, |place| &shard.counts[place]);
        count.fetch_add(1, Ordering::Relaxed);
        shard.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Records the microseconds since that moment.
    pub fn record_since(&self, begun: Instant) {
        if is_recording() {
            self.record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX >> 16));
        }
    }

    /// Returns the distribution of all values since the start.
    pub fn distribution(&self) -> Distribution {
        let total = |count: &dyn Fn(&Shard) -> &AtomicU64| -> u64 {
            self.shards
                .iter()
                .map(|shard| count(shard).load(Ordering::Relaxed))
                .fold(0, u64::wrapping_add)
        };
        let places = 0..self.bounds.len();
        Distribution {
            bounds: self.bounds,
            counts: places.map(|place| total(&|shard| &shard.counts[place])).collect(),
            beyond: total(&|shard| &shard.beyond),
            sum: total(&|shard| &shard.sum),
        }
    }
}

impl Distribution {
    /// Returns the number of values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_at_the_first_bound_that_holds_it() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11, 1_000] {
            histogram.record(value);
        }
        let found = histogram.distribution();
        assert_eq!(
            (found.counts.as_slice(), found.beyond, found.sum),
            (&[2, 2][..], 2, 1_024)
        );
        assert_eq!(found.count(), 6);
    }

    #[test]
    fn no_value_of_any_thread_is_lost() {
        let histogram = Histogram::new(DURATION_BOUNDS_US);
        std::thread::scope(|scope| {
            for thread in 0..2 * SHARDS as u64 {
                let histogram = &histogram;
                scope.spawn(move || (0..500).for_each(|value| histogram.record(value * thread)));
            }
        });
        let found = histogram.distribution();
        let threads: u64 = (0..2 * SHARDS as u64).sum();
        assert_eq!(
            (found.count(), found.sum),
            (2 * SHARDS as u64 * 500, threads * 499 * 500 / 2)
        );
    }

    #[test]
    fn all_bounds_ascend_and_fit() {
        for bounds in [DURATION_BOUNDS_US, SIZE_BOUNDS] {
            assert!(bounds.is_sorted_by(|one, next| one < next));
            Histogram::new(bounds);
        }
    }
}
