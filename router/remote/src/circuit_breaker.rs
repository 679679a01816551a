//! A subgraph that is down is asked now and then, not by every request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::subgraph_error::SubgraphError;

/// A circuit breaker. It opens after several failures in a row; then requests fail at once, except for one probe per interval. An
/// answer of any kind closes it.
///
/// A probe that hangs does not delay the next one, so a subgraph that returns is found within an interval. Requests that were sent
/// before it returned may still fail: they say nothing about it afterwards, and do not open the circuit again.
pub struct CircuitBreaker {
    subgraph: String,
    failures_max: u32,
    probe_interval: Duration,
    state: Mutex<State>,
}

struct State {
    /// Failures of requests that were sent since the last answer.
    failures: u32,
    last_answer: Option<Instant>,
    /// When the open circuit lets the next request through.
    next_probe: Option<Instant>,
}

impl CircuitBreaker {
    /// A closed circuit, which opens after `failures_max` failures; with 0, never.
    pub fn new(subgraph: &str, failures_max: u32, probe_interval: Duration) -> Self {
        Self {
            subgraph: subgraph.to_owned(),
            failures_max,
            probe_interval,
            state: Mutex::new(State {
                failures: 0,
                last_answer: None,
                next_probe: None,
            }),
        }
    }

    /// Lets a request through, or not.
    ///
    /// # Errors
    /// When the circuit is open and no probe is due.
    pub fn admit(&self, now: Instant) -> Result<(), SubgraphError> {
        let mut state = self.lock();
        if !self.is_open(&state) {
            return Ok(());
        }
        if state.next_probe.is_some_and(|next_probe| now < next_probe) {
            return Err(SubgraphError::CircuitOpen);
        }
        state.next_probe = Some(now + self.probe_interval);
        Ok(())
    }

    /// Counts the outcome of a request that was let through at `sent`.
    pub fn record<T>(&self, outcome: &Result<T, SubgraphError>, sent: Instant, now: Instant) {
        match outcome {
            Err(error) if error.is_outage() => self.record_failure(sent, now),
            // Too many requests in flight say nothing about the subgraph.
            Err(SubgraphError::Busy) => {}
            _ => self.record_answer(now),
        }
    }

    fn record_failure(&self, sent: Instant, now: Instant) {
        let mut state = self.lock();
        if state.last_answer.is_some_and(|answered| sent < answered) {
            return;
        }
        let was_open = self.is_open(&state);
        state.failures = state.failures.saturating_add(1);
        if self.is_open(&state) && !was_open {
            state.next_probe = Some(now + self.probe_interval);
            tracing::warn!(subgraph = %self.subgraph, failures = state.failures, "a subgraph is unavailable: the circuit opened");
        }
    }

    fn record_answer(&self, now: Instant) {
        let mut state = self.lock();
        if self.is_open(&state) {
            tracing::info!(subgraph = %self.subgraph, "a subgraph is back: the circuit closed");
        }
        state.failures = 0;
        state.last_answer = state.last_answer.max(Some(now));
    }

    fn is_open(&self, state: &State) -> bool {
        self.failures_max > 0 && state.failures >= self.failures_max
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(500);

    fn fail(circuit: &CircuitBreaker, now: Instant) {
        circuit.record::<()>(&Err(SubgraphError::Timeout(1)), now, now);
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_probe_through_per_interval() {
        let circuit = CircuitBreaker::new("reviews", 3, INTERVAL);
        let mut now = Instant::now();
        fail(&circuit, now);
        fail(&circuit, now);
        circuit.record(&Ok(()), now, now);
        fail(&circuit, now);
        fail(&circuit, now);
        assert!(circuit.admit(now).is_ok());
        fail(&circuit, now);
        for _ in 0..3 {
            assert!(circuit.admit(now).is_err());
            now += INTERVAL;
            assert!(circuit.admit(now).is_ok());
            assert!(circuit.admit(now).is_err());
            fail(&circuit, now);
        }
        now += INTERVAL;
        assert!(circuit.admit(now).is_ok());
        circuit.record(&Ok(()), now, now);
        assert!(circuit.admit(now).is_ok());
        assert!(circuit.admit(now).is_ok());
    }

    #[test]
    fn requests_from_before_the_last_answer_do_not_open_it() {
        let circuit = CircuitBreaker::new("reviews", 1, INTERVAL);
        let hung = Instant::now();
        let back = hung + INTERVAL;
        circuit.record(&Ok(()), back, back);
        circuit.record::<()>(&Err(SubgraphError::Timeout(1)), hung, back + INTERVAL);
        assert!(circuit.admit(back + INTERVAL).is_ok());
        fail(&circuit, back + INTERVAL);
        assert!(circuit.admit(back + INTERVAL).is_err());
    }

    #[test]
    fn nonsense_and_waiting_do_not_open_it() {
        let circuit = CircuitBreaker::new("reviews", 1, INTERVAL);
        let now = Instant::now();
        circuit.record::<()>(&Err(SubgraphError::Busy), now, now);
        circuit.record::<()>(&Err(SubgraphError::EmptyBody), now, now);
        assert!(circuit.admit(now).is_ok());
    }

    #[test]
    fn it_can_be_switched_off() {
        let circuit = CircuitBreaker::new("reviews", 0, INTERVAL);
        fail(&circuit, Instant::now());
        assert!(circuit.admit(Instant::now()).is_ok());
    }
}
