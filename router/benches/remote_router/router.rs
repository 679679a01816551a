//! The router in a process of its own, so that its processor time and its memory are its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A running router.
pub struct Router {
    child: Child,
    address: String,
}

impl Router {
    /// Starts a router over the subgraphs at these addresses.
    pub fn start(folder: &Path, subgraphs: &[(&str, String)], shares_reads: bool) -> Self {
        let supergraph = folder.join("supergraph.graphql");
        std::fs::write(&supergraph, include_str!("supergraph.graphql")).expect("a file");
        let urls = subgraphs.iter().map(|(name, url)| format!("{name}={url}"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_agora"))
            .args(["router", "--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(["--log", "warn,agora::serve=info"])
            .args(["--subgraph-share-reads", &shares_reads.to_string()])
            .arg("--supergraph")
            .arg(&supergraph)
            .args(urls.flat_map(|url| ["--subgraph".to_owned(), url]))
            .current_dir(folder)
            .stderr(Stdio::piped())
            .spawn()
            .expect("agora starts");
        let mut log = BufReader::new(child.stderr.take().expect("its log"));
        let address = address_of(&mut log);
        // Its other end must be read, or the router could not write to it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::stderr()));
        Self { child, address }
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the processor time since the start, in user and system mode.
    pub fn processor_time(&self) -> Duration {
        let stat = self.read("stat");
        // The fields behind the name of the program, which is in parentheses.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<u32>().expect("ticks");
        // `utime` and `stime` are in hundredths of a second on every Linux.
        Duration::from_millis(10) * (ticks(11) + ticks(12))
    }

    /// Returns the most memory that was resident since the start, in MiB.
    pub fn resident_mib_max(&self) -> f64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: f64 = line
            .and_then(|line| line.split_whitespace().next()?.parse().ok())
            .expect("VmHWM");
        kib / 1_024.0
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("Linux")
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the address that the router listens on, once its log has it.
fn address_of(log: &mut impl BufRead) -> String {
    for line in log.lines() {
        let event: Value = serde_json::from_str(&line.expect("its log")).expect("JSON");
        if event["fields"]["listener"] == "graph" {
            let url = event["fields"]["url"].as_str().expect("an address");
            let address = url.trim_start_matches("http://");
            return address.split('/').next().unwrap_or_default().to_owned();
        }
    }
    panic!("the router did not get ready");
}
