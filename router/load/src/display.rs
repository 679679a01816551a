//! The progress of a run: one line that is written again and again on a terminal, or a plain line now and then.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::recorder::{Second, Totals};

/// The seconds between two plain lines.
const PLAIN_EVERY: u64 = 10;

/// Where and how the progress is shown. It goes to standard error: the final table is the command's result.
#[derive(Clone, Debug)]
pub enum Display {
    /// One line that is overwritten.
    Terminal,
    /// A line of its own every ten seconds.
    Plain(Arc<AtomicU64>),
    /// Nothing.
    Silent,
}

impl Display {
    /// Returns plain lines.
    pub fn plain() -> Self {
        Self::Plain(Arc::new(AtomicU64::new(0)))
    }

    /// Shows a second.
    pub(crate) fn row(&self, second: &Second, totals: &Totals, people: usize) {
        // A closed standard error does not end a run.
        match self {
            Self::Terminal => {
                let _ = write!(std::io::stderr(), "\r\x1b[K{}", line(second, totals, people));
            }
            Self::Plain(rows) if rows.fetch_add(1, Ordering::Relaxed).is_multiple_of(PLAIN_EVERY) => {
                let _ = writeln!(std::io::stderr(), "{}", line(second, totals, people));
            }
            Self::Plain(_) | Self::Silent => {}
        }
    }

    /// Ends the line of a terminal.
    pub(crate) fn end(&self) {
        if matches!(self, Self::Terminal) {
            let _ = writeln!(std::io::stderr());
        }
    }
}

fn line(second: &Second, totals: &Totals, people: usize) -> String {
    let memory = second
        .memory_bytes
        .map_or_else(String::new, |bytes| format!("  {} MiB", bytes / (1 << 20)));
    format!(
        "{:>5.0} s  {people} users  {} requests  {}/s  p50 {:.1} ms  p99 {:.1} ms{memory}  {} refused  {} shed  {} errors  {} wrong",
        second.at,
        totals.requests,
        second.requests,
        millis(second.p50_us),
        millis(second.p99_us),
        totals.refused,
        totals.shed,
        totals.errors,
        totals.wrong,
    )
}

/// Returns milliseconds.
pub(crate) fn millis(us: u64) -> f64 {
    us as f64 / 1_000.0
}
