//! The result of an audit.

use std::fmt;

use serde::Serialize;

/// The result of an audit.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether all checks passed.
    pub adds_up: bool,
    /// Whether a server used the folder.
    pub state: FolderState,
    /// The number of commits of the database.
    pub commits: i32,
    /// How long the snapshot was held, in milliseconds.
    pub held_ms: u64,
    /// How much longer the write-ahead log got meanwhile, in bytes.
    pub log_growth_bytes: u64,
    /// The checks.
    pub checks: Vec<CheckResult>,
}

/// Whether a server used the folder during the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FolderState {
    /// No server did.
    Offline,
    /// A server did.
    Running,
}

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    /// The name of the check.
    pub name: &'static str,
    /// The rule that it checks, as a sentence.
    pub rule: &'static str,
    /// The number of rows that it concerns.
    pub rows: i64,
    /// The number of deviations.
    pub deviations: u64,
    /// The first of them.
    pub first: Vec<Deviation>,
}

impl CheckResult {
    /// Whether there is no deviation.
    pub fn passed(&self) -> bool {
        self.deviations == 0
    }
}

/// A row that violates a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deviation {
    /// The table.
    pub table: String,
    /// The key of the row.
    pub key: String,
    /// The value that the rule requires.
    pub expected: String,
    /// The value that the row has.
    pub found: String,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            key,
            expected,
            found,
        } = self;
        write!(f, "{table} {key}: expected {expected}, found {found}")
    }
}

impl fmt::Display for Report {
    /// A table of the checks, with the deviations below each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        writeln!(f, "{:width$}  {:>10}  RESULT", "CHECK", "ROWS")?;
        for check in &self.checks {
            let result = match check.deviations {
                0 => "ok".to_owned(),
                1 => "1 deviation".to_owned(),
                many => format!("{many} deviations"),
            };
            writeln!(f, "{:width$}  {:>10}  {result}", check.name, check.rows)?;
            if check.passed() {
                continue;
            }
            writeln!(f, "    not true: {}", check.rule)?;
            for deviation in &check.first {
                writeln!(f, "    {deviation}")?;
            }
            let more = check.deviations.saturating_sub(check.first.len() as u64);
            if more > 0 {
                writeln!(f, "    and {more} more")?;
            }
        }
        let failed = self.checks.iter().filter(|check| !check.passed()).count();
        let verdict = if failed == 0 {
            "everything adds up".to_owned()
        } else {
            format!("{failed} of {} checks failed", self.checks.len())
        };
        let state = match self.state {
            FolderState::Offline => "no server uses the folder",
            FolderState::Running => "beside a running server",
        };
        writeln!(
            f,
            "{verdict} (commit {}, {state}; snapshot held for {} ms, log {} KiB longer)",
            self.commits,
            self.held_ms,
            self.log_growth_bytes / 1024
        )
    }
}
