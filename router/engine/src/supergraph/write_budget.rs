//! The rate limit of mutations by callers who have not signed in, for all of them together. Such writes cannot be
//! attributed to anyone, and all of them stay on the disk.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_graphql::{Value, Variables};
use tokio::time::Instant;

use super::request_error::RequestError;
use crate::limits::Limits;
use crate::subgraph::Caller;

const MINUTE: Duration = Duration::from_secs(60);
/// The size of a usual document, which does not count because documents are not stored.
const DOCUMENT_BYTES_FREE: usize = 1024;

/// Two token buckets, one for mutations and one for bytes, each of the size of a minute's share.
pub struct WriteBudget {
    writes: TokenBucket,
    bytes: TokenBucket,
}

impl WriteBudget {
    /// Full buckets of the sizes in `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            writes: TokenBucket::new(limits.anonymous_writes_per_minute_max),
            bytes: TokenBucket::new(limits.anonymous_write_bytes_per_minute_max),
        }
    }

    /// Takes one mutation with these arguments from the buckets, unless the caller has signed in.
    ///
    /// # Errors
    /// `RATE_LIMITED` with the seconds until the bucket has enough again; then nothing is taken.
    pub fn admit(&self, caller: &Caller, document_bytes: usize, arguments: &Variables) -> Result<(), RequestError> {
        if caller.is_signed_in() {
            return Ok(());
        }
        let values: usize = arguments.values().map(text_bytes).sum();
        // A literal in the document is one of the values too, so the larger count holds.
        let bytes = values.max(document_bytes.saturating_sub(DOCUMENT_BYTES_FREE));
        let now = Instant::now();
        self.writes.take(1, now)?;
        self.bytes
            .take(bytes as u64, now)
            .inspect_err(|_| self.writes.refund(1))
    }
}

/// Returns the bytes of all strings in a value.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(text_bytes).sum(),
        Value::Object(fields) => fields.values().map(text_bytes).sum(),
        _ => 0,
    }
}

/// A token bucket that refills within a minute.
struct TokenBucket {
    size: u64,
    state: Mutex<BucketState>,
}

struct BucketState {
    left: f64,
    at: Instant,
}

impl TokenBucket {
    fn new(size: u64) -> Self {
        let state = BucketState {
            left: size as f64,
            at: Instant::now(),
        };
        Self {
            size,
            state: Mutex::new(state),
        }
    }

    fn take(&self, wanted: u64, now: Instant) -> Result<(), RequestError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let per_second = self.size as f64 / MINUTE.as_secs_f64();
        let filled = now.saturating_duration_since(state.at).as_secs_f64() * per_second;
        state.left = (state.left + filled).min(self.size as f64);
        state.at = now;
        // A single request that is larger than the bucket passes when the bucket is full.
        let needed = wanted.min(self.size) as f64;
        if state.left < needed {
            let seconds = ((needed - state.left) / per_second).ceil();
            return Err(RequestError::RateLimited(
                seconds.clamp(1.0, MINUTE.as_secs_f64()) as u32
            ));
        }
        state.left -= needed;
        Ok(())
    }

    fn refund(&self, taken: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.left = (state.left + taken as f64).min(self.size as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_refills_within_a_minute() {
        let bucket = TokenBucket::new(60);
        let begin = bucket.state.lock().unwrap().at;
        let after = |seconds: u64| begin + Duration::from_secs(seconds);
        assert!(bucket.take(60, begin).is_ok());
        assert!(matches!(bucket.take(10, begin), Err(RequestError::RateLimited(10))));
        assert!(matches!(bucket.take(10, after(4)), Err(RequestError::RateLimited(6))));
        assert!(bucket.take(10, after(10)).is_ok());
        assert!(bucket.take(1, after(10)).is_err());
        assert!(bucket.take(60, after(70)).is_ok());
        assert!(bucket.take(1_000, after(129)).is_err());
        assert!(
            bucket.take(1_000, after(130)).is_ok(),
            "one that is larger than the bucket"
        );
        assert!(bucket.take(1, after(100)).is_err(), "a moment before the last one");
    }
}
