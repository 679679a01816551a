//! Checks while the server runs that money, shares, products and votes add up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audit::{AuditError, AuditLimits, InstallationFiles};
use contract::Clock;
use pace::BackgroundThreads;

/// The longest time between the start of the server and the first check.
const FIRST_DELAY_MAX: Duration = Duration::from_secs(60);
/// The niceness of the thread of a check: requests come first.
const NICENESS: u8 = 10;

/// The check of one server, and its last result. Cheap to clone.
#[derive(Clone)]
pub struct LedgerCheck(Arc<State>);

struct State {
    files: InstallationFiles,
    clock: Arc<dyn Clock>,
    thread: BackgroundThreads,
    last: Mutex<Option<LedgerCheckResult>>,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerCheckResult {
    /// When it ended, in microseconds since 1970.
    pub at_us: i64,
    /// How long it took.
    pub took: Duration,
    /// The rows that deviate from a rule, over all rules.
    pub deviations: u64,
}

impl LedgerCheck {
    /// A check of these files.
    pub fn new(files: InstallationFiles, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(State {
            files,
            clock,
            thread: BackgroundThreads::new(1, NICENESS),
            last: Mutex::default(),
        }))
    }

    /// Returns the last result; `None` before the first check has ended.
    pub fn last(&self) -> Option<LedgerCheckResult> {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Repeats the check until the task is dropped. After a check that could not read the database or took too long, the last result
    /// stays, and its age shows it.
    pub async fn repeat(&self, every: Duration) {
        tokio::time::sleep(every.min(FIRST_DELAY_MAX)).await;
        loop {
            if let Err(error) = self.run().await {
                tracing::warn!(%error, "the check of the ledger has no result");
            }
            tokio::time::sleep(every).await;
        }
    }

    async fn run(&self) -> Result<(), Failure> {
        let files = self.0.files.clone();
        let check = async move { audit::audit_tables(&files, &AuditLimits::default()) };
        let running = self.0.thread.spawn(Box::pin(check)).map_err(|_| Failure::NoThread)?;
        let report = running.await.map_err(|_| Failure::Panicked)??;
        let deviations = report.checks.iter().map(|check| check.deviations).sum();
        for check in report.checks.iter().filter(|check| !check.passed()) {
            tracing::error!(
                check = check.name,
                rule = check.rule,
                deviations = check.deviations,
                first = check.first.first().map(ToString::to_string),
                "the tables do not add up; `agora verify` lists the rows"
            );
        }
        let result = LedgerCheckResult {
            at_us: self.0.clock.now_us(),
            took: Duration::from_millis(report.held_ms),
            deviations,
        };
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        Ok(())
    }
}

/// The reason why a check has no result.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("no thread could be started for it")]
    NoThread,
    #[error("it panicked")]
    Panicked,
}
