//! The result of a run: a table for people, JSON for machines, and a page with charts.

pub(crate) mod chart;
mod page;

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::display::millis;
use crate::options::{Extent, Options};
use crate::recorder::{FindingKind, Recording};

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The arguments of the run.
    pub plan: Plan,
    /// How long the people lived, in seconds.
    pub elapsed_seconds: f64,
    /// Lives that went from the registration to the comparison.
    pub lives: u64,
    /// Lives that ended with an error or a wrong answer.
    pub lives_abandoned: u64,
    /// The figures and the findings.
    #[serde(flatten)]
    pub recording: Recording,
    /// The sums that were compared at the end.
    pub checks: Vec<Check>,
    /// Whether there was neither a wrong answer nor an error.
    pub clean: bool,
}

/// The lives at one place, or at all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lives {
    pub(crate) complete: u64,
    pub(crate) abandoned: u64,
}

/// The arguments of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The server.
    pub target: String,
    /// The people at once.
    pub users: usize,
    /// The time in seconds, if the run had one.
    pub seconds: Option<f64>,
    /// The lives of each place, if the run had no time.
    pub lives_each: Option<u32>,
    /// The rounds of a life.
    pub rounds: u32,
    /// The pause between two activities in milliseconds.
    pub think_ms: u64,
    /// The clients that send hostile requests.
    pub hostile: usize,
    /// The seed.
    pub seed: u64,
}

/// One comparison of sums.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// The thing that was summed.
    pub name: String,
    /// Whether the sums are equal.
    pub is_right: bool,
    /// Whether a difference proves a fault: not where the outcome of a change is unknown.
    pub proves: bool,
    /// The differences.
    pub differences: Vec<String>,
}

impl Report {
    pub(crate) fn new(
        options: &Options,
        elapsed: Duration,
        lives: Lives,
        recording: Recording,
        checks: Vec<Check>,
    ) -> Self {
        let clean = recording.totals.errors == 0 && recording.totals.wrong == 0;
        let (seconds, lives_each) = match options.extent {
            Extent::Time(time) => (Some(time.as_secs_f64()), None),
            Extent::Lives(lives) => (None, Some(lives)),
        };
        Self {
            plan: Plan {
                target: options.target.to_string(),
                users: options.users,
                seconds,
                lives_each,
                rounds: options.rounds,
                think_ms: u64::try_from(options.think.as_millis()).unwrap_or(u64::MAX),
                hostile: options.hostile,
                seed: options.seed,
            },
            elapsed_seconds: elapsed.as_secs_f64(),
            lives: lives.complete,
            lives_abandoned: lives.abandoned,
            recording,
            checks,
            clean,
        }
    }

    /// Returns the requests per second.
    pub fn throughput(&self) -> f64 {
        self.recording.totals.requests as f64 / self.elapsed_seconds.max(0.001)
    }

    /// Returns the report as JSON.
    ///
    /// # Errors
    /// Not with the types of this crate.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// Returns the report as one self-contained page.
    pub fn to_html(&self) -> String {
        page::page(self)
    }

    /// Returns the report as a table for a terminal.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) -> std::fmt::Result {
        let widest = self
            .recording
            .steps
            .iter()
            .map(|step| step.step.len())
            .max()
            .unwrap_or(4);
        writeln!(
            text,
            "{:widest$} {:>9} {:>8} {:>6} {:>7} {:>6} {:>9} {:>9} {:>9} {:>9}",
            "step", "answered", "refused", "shed", "errors", "wrong", "p50 ms", "p95 ms", "p99 ms", "max ms"
        )?;
        for step in &self.recording.steps {
            writeln!(
                text,
                "{:widest$} {:>9} {:>8} {:>6} {:>7} {:>6} {:>9.1} {:>9.1} {:>9.1} {:>9.1}",
                step.step,
                step.answered,
                step.refused,
                step.shed,
                step.errors,
                step.wrong,
                millis(step.p50_us),
                millis(step.p95_us),
                millis(step.p99_us),
                millis(step.max_us),
            )?;
        }
        let totals = &self.recording.totals;
        writeln!(
            text,
            "\n{} users, {} lives ({} abandoned), {:.0} s: {} requests, {:.0}/s, p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            self.plan.users,
            self.lives,
            self.lives_abandoned,
            self.elapsed_seconds,
            totals.requests,
            self.throughput(),
            millis(totals.p50_us),
            millis(totals.p95_us),
            millis(totals.p99_us),
            millis(totals.max_us),
        )?;
        let lost = &self.recording.lost;
        writeln!(
            text,
            "without a whole answer: {} connections refused, {} requests unanswered, {} answers cut, {} late",
            lost.refused, lost.unanswered, lost.cut, lost.late
        )?;
        for check in &self.checks {
            let verdict = match (check.is_right, check.proves) {
                (true, _) => "add up",
                (false, true) => "DO NOT ADD UP",
                (false, false) => "differ, and the outcome of some changes is unknown",
            };
            writeln!(text, "{}: {verdict}", check.name)?;
        }
        for finding in &self.recording.findings {
            let kind = match finding.kind {
                FindingKind::WrongAnswer => "WRONG ANSWER",
                FindingKind::Error => "ERROR",
            };
            writeln!(
                text,
                "\n{kind} at {:.1} s, {}: {}",
                finding.at_seconds, finding.step, finding.message
            )?;
            writeln!(text, "  request: {}", finding.request.replace('\n', " "))?;
            writeln!(text, "  answer:  {}", finding.answer.replace('\n', " "))?;
        }
        writeln!(
            text,
            "\n{} wrong answers, {} errors, {} expected refusals, {} shed",
            totals.wrong, totals.errors, totals.refused, totals.shed
        )
    }
}
