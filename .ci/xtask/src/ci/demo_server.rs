//! The server that the checks from outside run against.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::workspace::Workspace;
use crate::{Result, command};

/// How long the server may take until it listens.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How long it may take to end after SIGTERM.
const STOP_TIME_MAX: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// `agora demo` on a loopback port with a data folder of its own. It is killed on drop.
pub struct DemoServer {
    /// The address of the server: `http://127.0.0.1:PORT`.
    pub url: String,
    process: Child,
}

/// Returns the path of the program, which lies beside this one.
///
/// `cargo test` builds it. A `cargo build` here would select other features for the dependencies and build them again.
pub fn program() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("agora");
    if path.is_file() {
        return Ok(path);
    }
    let needed = "run the step tests first, or cargo build";
    Err(format!("{} is missing: {needed}", path.display()).into())
}

impl DemoServer {
    /// Starts a server and waits until it listens. Its files and logs are in `folder`.
    pub fn start(workspace: &Workspace, folder: &Path) -> Result<Self> {
        let output = folder.join("demo.out");
        let log = folder.join("demo.log");
        let mut command = dependent_command(workspace, &program()?);
        command.args(["demo", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(folder.join("data")).stdin(Stdio::null());
        command.stdout(File::create(&output)?).stderr(File::create(&log)?);
        let mut server = Self {
            url: String::new(),
            process: command.spawn()?,
        };
        let deadline = Instant::now() + START_TIME_MAX;
        loop {
            if let Some(url) = address(&fs::read_to_string(&output)?) {
                server.url = url;
                return Ok(server);
            }
            if server.process.try_wait()?.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(&log)?;
                return Err(format!("the demo server does not listen\n{log}").into());
            }
            sleep(POLL_INTERVAL);
        }
    }

    /// Asks the server to end, and waits; fails when it does not exit with 0.
    pub fn stop(mut self) -> Result {
        let pid = self.process.id().to_string();
        // The shell's own `kill`: not every machine has the program.
        command::run(Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]))?;
        let deadline = Instant::now() + STOP_TIME_MAX;
        loop {
            match self.process.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the demo server ended with {status}").into()),
                None if Instant::now() > deadline => return Err("the demo server does not end".into()),
                None => sleep(POLL_INTERVAL),
            }
        }
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        // Both fail when it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A command for a process that ends together with this one, where the system can do that.
fn dependent_command(workspace: &Workspace, program: &Path) -> Command {
    let mut probe = Command::new("setpriv");
    probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        return workspace.command(program);
    }
    let mut command = workspace.command("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(program);
    command
}

/// Returns the server's address from the lines that it prints when it listens.
fn address(output: &str) -> Option<String> {
    let graphql = |line: &str| {
        let url = line.trim_start().strip_prefix("GraphQL ")?.trim_start();
        Some(url.strip_suffix("/graphql")?.to_owned())
    };
    output.lines().find_map(graphql)
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_address_is_read_from_a_whole_line() {
        let output = "Agora demo\n  GraphQL    http://127.0.0.1:4000/graphql\n";
        assert_eq!(address(output).as_deref(), Some("http://127.0.0.1:4000"));
        assert_eq!(address("  GraphQL    http://127.0.0.1:40"), None);
    }
}
