//! Waiting with a bound.

use std::time::Duration;

/// Returns the result of `work`, or fails the test with the name of the event when it takes longer than `timeout`.
pub async fn within<T>(timeout: Duration, event: &str, work: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(timeout, work).await;
    result.unwrap_or_else(|_| panic!("waited in vain: {event}"))
}
