//! The time that a task runs before it lets others run.
//!
//! tokio gives a task a budget of 128 units each time that it runs, and takes one for each operation that could wait. Reads and
//! resolvers never wait, so they take units for their work: a task that answers a large request stops after about a millisecond,
//! also where it polls many resolvers one after the other.

use std::time::Duration;

use tokio::task::coop;

/// The work that takes one unit.
const UNIT: Duration = Duration::from_micros(8);

/// Takes units of the task's budget for work that it has done or is about to do, and lets other tasks run when none is left.
/// A unit is the work of about 8 microseconds.
pub async fn consume_budget(units: usize) {
    for _ in 0..units {
        coop::consume_budget().await;
    }
}

/// Returns the units of work that took that long.
pub fn units_of(time: Duration) -> usize {
    usize::try_from(time.as_nanos() / UNIT.as_nanos()).unwrap_or(usize::MAX)
}
