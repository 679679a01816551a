//! Servers that the checks from outside run against.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::build::built;
use crate::command;
use crate::error::Result;
use crate::workspace::Workspace;

/// How long a server may take until it listens.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How long it may take to end after the signal.
const STOP_TIME_MAX: Duration = Duration::from_secs(60);

/// A server on a loopback port. It is killed on drop.
pub struct Server {
    /// The address of the server: `http://127.0.0.1:PORT`.
    pub url: String,
    process: Child,
}

impl Server {
    /// Starts `agora demo` with a data folder of its own in `folder`, and these further arguments.
    pub fn demo(workspace: &Workspace, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = dependent_command(workspace, &built("agora")?);
        command
            .args(["demo", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"))
            .args(arguments);
        Self::start(command, &folder.join("demo"))
    }

    /// Starts the example `embedded`.
    pub fn embedded(workspace: &Workspace, folder: &Path) -> Result<Self> {
        let mut command = dependent_command(workspace, &built("examples/embedded")?);
        command.arg("127.0.0.1:0");
        Self::start(command, &folder.join("embedded"))
    }

    /// Starts a server and waits until it listens. Its output is in the files `NAME.out` and `NAME.log`.
    fn start(mut command: Command, name: &Path) -> Result<Self> {
        let (output, log) = (name.with_extension("out"), name.with_extension("log"));
        command.stdin(Stdio::null());
        command.stdout(File::create(&output)?).stderr(File::create(&log)?);
        let mut server = Self {
            url: String::new(),
            process: command.spawn()?,
        };
        let listens = command::wait(START_TIME_MAX, || {
            if let Some(url) = address(&fs::read_to_string(&output)?) {
                server.url = url;
            }
            let has_ended = server.process.try_wait()?.is_some();
            Ok((has_ended || !server.url.is_empty()).then_some(!has_ended))
        })?;
        if listens == Some(true) {
            return Ok(server);
        }
        let log = fs::read_to_string(&log)?;
        Err(format!("{} does not listen\n{log}", name.display()).into())
    }

    /// Asks the server to end by a signal, and waits; fails when it does not exit with 0.
    pub fn stop(mut self, signal: &str) -> Result {
        let pid = self.process.id().to_string();
        // The shell's own `kill`: not every machine has the program.
        command::run(Command::new("sh").args(["-c", "kill -\"$0\" \"$1\"", signal, &pid]))?;
        let status = command::wait(STOP_TIME_MAX, || Ok(self.process.try_wait()?))?;
        let status = status.ok_or("the server does not end")?;
        if status.success() {
            return Ok(());
        }
        Err(format!("the server ended with {status}").into())
    }
}

impl Drop for Server {
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
