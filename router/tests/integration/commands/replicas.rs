//! Replicas of the order service as processes: by the commands `agora order-replica` and `agora order-members`, and as
//! children of a demo server.

mod demo;
mod failover;
mod order_replica;
mod restored;

use std::thread;
use std::time::{Duration, Instant};

/// The longest time that a test waits for an event.
const PATIENCE: Duration = Duration::from_secs(120);

/// Polls until the condition holds, and fails the test with `what` when it does not hold in time.
pub fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < late, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
