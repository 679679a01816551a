//! The memory of the server over time.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;

use crate::http::{Connection, Outgoing, Target};

/// The longest wait for the metrics: a row each second waits for them.
const METRICS_TIMEOUT: Duration = Duration::from_millis(800);
/// The gauge of Prometheus clients for resident memory.
const GAUGE: &str = "process_resident_memory_bytes";

/// Where the memory of the server is read.
#[derive(Clone, Debug)]
pub enum MemorySource {
    /// The process with that id on this machine (Linux).
    Process(u32),
    /// Prometheus metrics at that path of a server.
    Metrics(Target, String),
}

impl MemorySource {
    /// Returns a reader of this source.
    pub(crate) fn reader(self) -> MemoryReader {
        match self {
            Self::Process(id) => MemoryReader::Process(id),
            Self::Metrics(target, path) => {
                MemoryReader::Metrics(Box::new(Connection::new(target, METRICS_TIMEOUT)), path)
            }
        }
    }
}

/// Reads the memory again and again.
pub(crate) enum MemoryReader {
    Process(u32),
    Metrics(Box<Connection>, String),
}

impl MemoryReader {
    /// Returns the resident memory in bytes, if it is known.
    pub(crate) async fn bytes(&mut self) -> Option<u64> {
        match self {
            Self::Process(id) => {
                let status = tokio::fs::read_to_string(format!("/proc/{id}/status")).await.ok()?;
                resident_of_status(&status)
            }
            Self::Metrics(connection, path) => {
                let outgoing = Outgoing {
                    method: Method::GET,
                    path: path.clone(),
                    body: Bytes::new(),
                    token: None,
                    key: None,
                    accept: "text/plain",
                };
                let reply = connection.send(&outgoing).await.ok()?;
                resident_of_metrics(std::str::from_utf8(&reply.body).ok()?)
            }
        }
    }
}

fn resident_of_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

fn resident_of_metrics(metrics: &str) -> Option<u64> {
    let line = metrics.lines().find(|line| line.starts_with(GAUGE))?;
    let value: f64 = line.rsplit_once(' ')?.1.parse().ok()?;
    Some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_memory_is_read_from_both_sources() {
        let status = "Name:\tagora\nVmPeak:\t  90 kB\nVmRSS:\t   1234 kB\n";
        assert_eq!(resident_of_status(status), Some(1_234 * 1_024));
        let metrics = "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 1.5e7\n";
        assert_eq!(resident_of_metrics(metrics), Some(15_000_000));
        assert_eq!(resident_of_metrics(""), None);
    }
}
