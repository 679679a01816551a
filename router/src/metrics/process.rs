//! The figures of this process, from `/proc`. Other systems than Linux do not have it, so that they lack these metrics.

use std::fs;

use super::exposition::seconds;

/// The figures of this process.
#[derive(Clone, Debug, Default)]
pub struct ProcessFigures {
    /// Seconds of processor time.
    pub cpu_seconds: Option<String>,
    /// Bytes in memory.
    pub resident_bytes: Option<u64>,
    /// Bytes of address space.
    pub virtual_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// The most file descriptors.
    pub max_fds: Option<u64>,
}

impl ProcessFigures {
    /// Reads the figures.
    pub fn read() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let kib = |name| number_after(&status, name).map(|kib| kib * 1024);
        Self {
            cpu_seconds: cpu_seconds(),
            resident_bytes: kib("VmRSS:"),
            virtual_bytes: kib("VmSize:"),
            threads: number_after(&status, "Threads:"),
            open_fds: open_fds(),
            max_fds: number_after(&limits, "Max open files"),
        }
    }
}

/// Returns the first number after a name at the start of a line.
fn number_after(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_fds() -> Option<u64> {
    // The folder itself is open meanwhile.
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(entries.saturating_sub(1) as u64)
}

/// The ticks of a second in `/proc`: 100 on every architecture of Linux that Rust supports.
const TICKS_PER_SECOND: u64 = 100;

/// Returns the processor time of all threads, also of those that have ended.
fn cpu_seconds() -> Option<String> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let ticks = fields.next()?.ok()? + fields.next()?.ok()?;
    Some(seconds(ticks * (1_000_000 / TICKS_PER_SECOND)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_has_all_figures() {
        let figures = ProcessFigures::read();
        assert!(
            figures
                .cpu_seconds
                .is_some_and(|seconds| seconds.parse::<f64>().is_ok())
        );
        assert!(figures.resident_bytes.is_some_and(|bytes| bytes > 1024 * 1024));
        assert!(figures.virtual_bytes >= figures.resident_bytes);
        assert!(figures.threads.is_some_and(|threads| threads > 0));
        assert!(figures.open_fds.is_some_and(|fds| fds > 0));
        assert!(figures.max_fds > figures.open_fds);
    }
}
