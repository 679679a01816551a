//! The record of a run: counts and latencies of each step, a row for each second, and the findings.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::http::Failure;

/// The findings that are kept; more are only counted.
const FINDINGS_MAX: usize = 100;
/// The characters of a request or an answer that a finding keeps.
const EXCERPT_CHARS_MAX: usize = 2_000;
/// The longest latency that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 600_000_000;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server did what was asked.
    Answered,
    /// The server refused with a code that the step expects, such as sold out.
    Refused,
    /// The server was busy and said when to come again (503 or 429 with `Retry-After`). The step repeats the request.
    Shed,
    /// There was no whole answer, or a status or a code that the step does not expect.
    Failed,
}

/// Whether a finding is about an answer or about its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// An answer contradicts what the person did.
    WrongAnswer,
    /// There was no answer, or one of a class that is never right here.
    Error,
}

/// A wrong answer or an error, with the request and the answer.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Whether the answer was wrong or missing.
    pub kind: FindingKind,
    /// The step.
    pub step: &'static str,
    /// The contradiction, or the reason.
    pub message: String,
    /// The request, shortened.
    pub request: String,
    /// The answer, shortened.
    pub answer: String,
    /// Seconds since the start of the run.
    pub at_seconds: f64,
}

/// One request and its answer, for findings.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// The request as text.
    pub request: String,
    /// The answer as text.
    pub answer: String,
}

/// The figures of one second.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Second {
    /// Seconds since the start of the run, at the end of this second.
    pub at: f64,
    /// Requests that ended in it.
    pub requests: u64,
    /// Requests that were shed.
    pub shed: u64,
    /// Errors and wrong answers.
    pub errors: u64,
    /// The median latency in microseconds.
    pub p50_us: u64,
    /// The 95th percentile.
    pub p95_us: u64,
    /// The 99th percentile.
    pub p99_us: u64,
    /// The memory of the server's process in bytes, if known.
    pub memory_bytes: Option<u64>,
}

/// The figures of a step.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StepFigures {
    /// The step's name.
    pub step: String,
    /// Requests that the server did.
    pub answered: u64,
    /// Expected refusals.
    pub refused: u64,
    /// Requests that were shed, and repeated.
    pub shed: u64,
    /// Errors.
    pub errors: u64,
    /// Wrong answers.
    pub wrong: u64,
    /// The mean latency in microseconds, of all answers.
    pub mean_us: f64,
    /// The median latency.
    pub p50_us: u64,
    /// The 95th percentile.
    pub p95_us: u64,
    /// The 99th percentile.
    pub p99_us: u64,
    /// The longest latency.
    pub max_us: u64,
}

/// Receives what all simulated people see.
pub struct Recorder {
    start: Instant,
    state: Mutex<State>,
}

struct State {
    steps: BTreeMap<&'static str, Step>,
    all: Histogram<u64>,
    window: Window,
    seconds: Vec<Second>,
    findings: Vec<Finding>,
    unknown_outcomes: u64,
    lost: Lost,
}

struct Step {
    endings: [u64; 4],
    wrong: u64,
    latency: Histogram<u64>,
}

struct Window {
    requests: u64,
    shed: u64,
    errors: u64,
    latency: Histogram<u64>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// Returns an empty recorder whose time begins now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            state: Mutex::new(State {
                steps: BTreeMap::new(),
                all: histogram(),
                window: Window::new(),
                seconds: Vec::new(),
                findings: Vec::new(),
                unknown_outcomes: 0,
                lost: Lost::default(),
            }),
        }
    }

    /// Records one request. `latency` is `None` where no answer arrived.
    pub fn request(&self, step: &'static str, ending: Ending, latency: Option<Duration>) {
        let mut state = self.state();
        let figures = state.steps.entry(step).or_insert_with(Step::new);
        figures.endings[ending as usize] += 1;
        let latency_us = latency.map(|latency| u64::try_from(latency.as_micros()).unwrap_or(LATENCY_US_MAX));
        if let Some(us) = latency_us {
            figures.latency.saturating_record(us);
            state.all.saturating_record(us);
            state.window.latency.saturating_record(us);
        }
        state.window.requests += 1;
        state.window.shed += u64::from(ending == Ending::Shed);
        state.window.errors += u64::from(ending == Ending::Failed);
    }

    /// Records a wrong answer.
    pub fn wrong(&self, step: &'static str, message: String, exchange: &Exchange) {
        let mut state = self.state();
        state.steps.entry(step).or_insert_with(Step::new).wrong += 1;
        state.window.errors += 1;
        self.keep(&mut state, FindingKind::WrongAnswer, step, message, exchange);
    }

    /// Keeps the details of an error that [`request`](Self::request) counted.
    pub fn error(&self, step: &'static str, message: String, exchange: &Exchange) {
        self.keep(&mut self.state(), FindingKind::Error, step, message, exchange);
    }

    /// Notes a change that may or may not have happened: sums over all people are no longer exact.
    pub fn unknown_outcome(&self) {
        self.state().unknown_outcomes += 1;
    }

    /// Counts a request without a whole answer, whether it is an error or is sent again.
    pub fn lost(&self, failure: Failure) {
        let mut state = self.state();
        match failure {
            Failure::Connect => state.lost.refused += 1,
            Failure::Unanswered => state.lost.unanswered += 1,
            Failure::Cut => state.lost.cut += 1,
            Failure::Timeout => state.lost.late += 1,
        }
    }

    /// Returns how many changes may or may not have happened.
    pub fn unknown_outcomes(&self) -> u64 {
        self.state().unknown_outcomes
    }

    fn keep(&self, state: &mut State, kind: FindingKind, step: &'static str, message: String, exchange: &Exchange) {
        if state.findings.len() < FINDINGS_MAX {
            state.findings.push(Finding {
                kind,
                step,
                message: excerpt(&message),
                request: excerpt(&exchange.request),
                answer: excerpt(&exchange.answer),
                at_seconds: self.start.elapsed().as_secs_f64(),
            });
        }
    }

    /// Ends the current second, and returns its figures.
    pub fn end_second(&self, memory_bytes: Option<u64>) -> Second {
        let mut state = self.state();
        let window = std::mem::replace(&mut state.window, Window::new());
        let second = Second {
            at: self.start.elapsed().as_secs_f64(),
            requests: window.requests,
            shed: window.shed,
            errors: window.errors,
            p50_us: window.latency.value_at_quantile(0.5),
            p95_us: window.latency.value_at_quantile(0.95),
            p99_us: window.latency.value_at_quantile(0.99),
            memory_bytes,
        };
        state.seconds.push(second);
        second
    }

    /// Whether no second has ended yet.
    pub fn is_without_rows(&self) -> bool {
        self.state().seconds.is_empty()
    }

    /// Returns the counts so far: requests, shed, errors, wrong answers.
    pub fn totals(&self) -> Totals {
        totals(&self.state())
    }

    /// Returns everything that was recorded.
    pub fn recording(&self) -> Recording {
        let state = self.state();
        let steps = state.steps.iter().map(|(name, step)| step.figures((*name).to_owned()));
        Recording {
            steps: steps.collect(),
            totals: totals(&state),
            seconds: state.seconds.clone(),
            findings: state.findings.clone(),
            unknown_outcomes: state.unknown_outcomes,
            lost: state.lost,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of another task leaves counts that are off by one at most.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sums over all steps.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// All requests.
    pub requests: u64,
    /// Expected refusals.
    pub refused: u64,
    /// Requests that were shed.
    pub shed: u64,
    /// Errors.
    pub errors: u64,
    /// Wrong answers.
    pub wrong: u64,
    /// The median latency in microseconds.
    pub p50_us: u64,
    /// The 95th percentile.
    pub p95_us: u64,
    /// The 99th percentile.
    pub p99_us: u64,
    /// The longest latency.
    pub max_us: u64,
}

/// A copy of everything that was recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Recording {
    /// The steps, by name.
    pub steps: Vec<StepFigures>,
    /// The sums.
    pub totals: Totals,
    /// One row for each second.
    pub seconds: Vec<Second>,
    /// The first wrong answers and errors.
    pub findings: Vec<Finding>,
    /// Changes that may or may not have happened, because no answer arrived.
    pub unknown_outcomes: u64,
    /// Requests without a whole answer. Those that were sent again are no errors.
    pub lost: Lost,
}

/// Requests without a whole answer, by reason.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Lost {
    /// The server did not accept a connection.
    pub refused: u64,
    /// The connection ended before an answer began, for example because the server closed it when it was idle.
    pub unanswered: u64,
    /// The connection ended inside an answer.
    pub cut: u64,
    /// The answer did not arrive in time.
    pub late: u64,
}

fn totals(state: &State) -> Totals {
    let sum = |of: fn(&Step) -> u64| state.steps.values().map(of).sum();
    Totals {
        requests: sum(|step| step.endings.iter().sum()),
        refused: sum(|step| step.endings[Ending::Refused as usize]),
        shed: sum(|step| step.endings[Ending::Shed as usize]),
        errors: sum(|step| step.endings[Ending::Failed as usize]),
        wrong: sum(|step| step.wrong),
        p50_us: state.all.value_at_quantile(0.5),
        p95_us: state.all.value_at_quantile(0.95),
        p99_us: state.all.value_at_quantile(0.99),
        max_us: state.all.max(),
    }
}

impl Step {
    fn new() -> Self {
        Self {
            endings: [0; 4],
            wrong: 0,
            latency: histogram(),
        }
    }

    fn figures(&self, step: String) -> StepFigures {
        let [answered, refused, shed, errors] = self.endings;
        StepFigures {
            step,
            answered,
            refused,
            shed,
            errors,
            wrong: self.wrong,
            mean_us: self.latency.mean(),
            p50_us: self.latency.value_at_quantile(0.5),
            p95_us: self.latency.value_at_quantile(0.95),
            p99_us: self.latency.value_at_quantile(0.99),
            max_us: self.latency.max(),
        }
    }
}

impl Window {
    fn new() -> Self {
        Self {
            requests: 0,
            shed: 0,
            errors: 0,
            latency: histogram(),
        }
    }
}

/// Three significant digits, of up to [`LATENCY_US_MAX`].
fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(LATENCY_US_MAX, 3).unwrap_or_else(|_| unreachable!("the bounds are valid"))
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
