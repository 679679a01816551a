//! The plan and the fetches of one request, for a caller that asks to see them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use foundation::ErrorCodeSet;
use serde_json::{Value, json};

/// The fetches that a trace lists; further ones are counted.
const FETCHES_MAX: usize = 1_000;

/// The work of one request: its plan, and its fetches with their times.
#[derive(Debug)]
pub struct ExecutionTrace {
    begun: Instant,
    state: Mutex<TraceState>,
}

#[derive(Debug, Default)]
struct TraceState {
    plan: Option<String>,
    fetches: Vec<TracedFetch>,
    omitted: u64,
}

#[derive(Debug)]
struct TracedFetch {
    subgraph: String,
    /// From the beginning of the trace.
    begun: Duration,
    took: Duration,
    codes: ErrorCodeSet,
}

impl Default for ExecutionTrace {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            state: Mutex::default(),
        }
    }
}

impl ExecutionTrace {
    /// Notes the plan, as text.
    pub(crate) fn note_plan(&self, plan: String) {
        self.with_state(|state| state.plan = Some(plan));
    }

    /// Notes a fetch that has been answered.
    pub(crate) fn note_fetch(&self, subgraph: &str, begun: Instant, codes: ErrorCodeSet) {
        self.with_state(|state| {
            if state.fetches.len() == FETCHES_MAX {
                state.omitted += 1;
                return;
            }
            state.fetches.push(TracedFetch {
                subgraph: subgraph.to_ascii_lowercase(),
                begun: begun.saturating_duration_since(self.begun),
                took: begun.elapsed(),
                codes,
            });
        });
    }

    /// Returns the trace for the caller, with its time until now. The fetches have the order of their answers.
    pub fn to_json(&self) -> Value {
        self.with_state(|state| {
            let fetches = state.fetches.iter().map(TracedFetch::to_json);
            let mut trace = json!({
                "tookUs": micros(self.begun.elapsed()),
                "plan": state.plan,
                "fetches": fetches.collect::<Value>(),
            });
            if state.omitted > 0 {
                trace["fetchesOmitted"] = state.omitted.into();
            }
            trace
        })
    }

    fn with_state<T>(&self, change: impl FnOnce(&mut TraceState) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TracedFetch {
    fn to_json(&self) -> Value {
        json!({
            "subgraph": self.subgraph,
            "beginUs": micros(self.begun),
            "tookUs": micros(self.took),
            "codes": self.codes.iter().map(|code| code.as_str()).collect::<Value>(),
        })
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_lists_a_bounded_number_of_fetches() {
        let trace = ExecutionTrace::default();
        for _ in 0..FETCHES_MAX + 2 {
            trace.note_fetch("books", Instant::now(), ErrorCodeSet::default());
        }
        let shown = trace.to_json();
        assert_eq!(shown["fetches"].as_array().map(Vec::len), Some(FETCHES_MAX));
        assert_eq!(shown["fetches"][0]["subgraph"], "books");
        assert_eq!(shown["fetchesOmitted"], 2);
    }
}
