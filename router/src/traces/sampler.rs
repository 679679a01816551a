//! Decides which requests are sampled, before they begin.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::http::HeaderMap;
use rand::RngCore;
use spans::SpanContext;

use super::trace_parent::parent_of;

/// Decides which requests are sampled.
#[derive(Debug)]
pub struct Sampler {
    /// A random number below it samples a request that belongs to no trace.
    threshold: u64,
    parents_per_second_max: u32,
    started: Instant,
    /// The second since the start in the upper half, and the requests in it that a client's trace sampled in the lower half.
    parents: AtomicU64,
}

impl Sampler {
    /// Samples that share of the requests without a trace, and those of sampled traces of clients up to a number per second: every
    /// client can claim one.
    pub fn new(ratio: f64, parents_per_second_max: u32) -> Self {
        Self {
            threshold: threshold(ratio),
            parents_per_second_max,
            started: Instant::now(),
            parents: AtomicU64::new(0),
        }
    }

    /// Returns the client's span of a sampled request, which may have none; `None` for a request that is not sampled.
    pub fn sample(&self, headers: &HeaderMap) -> Option<Option<SpanContext>> {
        match parent_of(headers) {
            Some(parent) => (parent.is_sampled() && self.admit_parent(self.second())).then_some(Some(parent)),
            None => self.is_chosen().then_some(None),
        }
    }

    fn is_chosen(&self) -> bool {
        match self.threshold {
            0 => false,
            u64::MAX => true,
            threshold => rand::rng().next_u64() < threshold,
        }
    }

    fn second(&self) -> u32 {
        // It wraps after 136 years.
        self.started.elapsed().as_secs() as u32
    }

    /// Whether the limit of this second has room for one more.
    fn admit_parent(&self, second: u32) -> bool {
        let mut admitted = false;
        let count = |state: u64| {
            let (of, taken) = ((state >> 32) as u32, state as u32);
            let taken = if of == second { taken } else { 0 };
            admitted = taken < self.parents_per_second_max;
            admitted.then(|| u64::from(second) << 32 | u64::from(taken + 1))
        };
        // If nothing changes, it is full.
        let _ = self.parents.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
        admitted
    }
}

/// Returns the number that a share of all random numbers is below.
fn threshold(ratio: f64) -> u64 {
    if ratio >= 1.0 {
        return u64::MAX;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share needs no 64 digits")]
    let all = u64::MAX as f64;
    // The cast of a float saturates.
    (ratio * all) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(flags: &str) -> HeaderMap {
        let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        HeaderMap::from_iter([("traceparent".parse().expect("a name"), parent.parse().expect("a value"))])
    }

    #[test]
    fn the_flag_of_a_client_decides_for_its_trace() {
        for ratio in [0.0, 1.0] {
            let sampler = Sampler::new(ratio, 10);
            assert!(matches!(sampler.sample(&headers("01")), Some(Some(_))));
            assert!(sampler.sample(&headers("00")).is_none());
            assert_eq!(sampler.sample(&HeaderMap::new()).is_some(), ratio > 0.5);
        }
    }

    #[test]
    fn the_share_without_a_trace_is_the_ratio() {
        let sampler = Sampler::new(0.25, 10);
        let sampled = (0..10_000)
            .filter(|_| sampler.sample(&HeaderMap::new()).is_some())
            .count();
        // Ten standard deviations are 433.
        assert!((2_000..3_000).contains(&sampled), "{sampled}");
    }

    #[test]
    fn clients_force_only_so_many_traces_in_a_second() {
        let sampler = Sampler::new(0.0, 2);
        let admitted = [
            (7, true),
            (7, true),
            (7, false),
            (7, false),
            (8, true),
            (8, true),
            (8, false),
        ];
        for (second, is_admitted) in admitted {
            assert_eq!(sampler.admit_parent(second), is_admitted, "second {second}");
        }
    }
}
