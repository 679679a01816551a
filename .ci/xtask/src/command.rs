//! Child processes, and the programs that steps need.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::Result;

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A program that a step needs and that not every machine has.
pub struct Tool {
    /// Its name in lists and messages.
    pub name: &'static str,
    /// A command that succeeds where the program is present.
    probe: &'static [&'static str],
}

/// The C compiler for the dependencies in C.
pub const CC: Tool = Tool {
    name: "cc",
    probe: &["cc", "--version"],
};
/// The programs that read and strip executables.
pub const BINUTILS: Tool = Tool {
    name: "strip and objdump (binutils)",
    probe: &["objdump", "--version"],
};
/// The program that writes Debian packages.
pub const DPKG: Tool = Tool {
    name: "dpkg-deb",
    probe: &["dpkg-deb", "--version"],
};
/// The build tool of the cryptographic library.
pub const CMAKE: Tool = Tool {
    name: "cmake",
    probe: &["cmake", "--version"],
};
/// The program that gives replicas under test a network of their own.
pub const IP: Tool = Tool {
    name: "ip (iproute2)",
    probe: &["ip", "-V"],
};
/// The HTTP client of the commands in documents.
pub const CURL: Tool = Tool {
    name: "curl",
    probe: &["curl", "--version"],
};
/// The program that reads JSON in them.
pub const JQ: Tool = Tool {
    name: "jq",
    probe: &["jq", "--version"],
};
/// Node.js with npm, in the oldest version that is maintained.
pub const NODE: Tool = Tool {
    name: "Node 22 or newer with npm",
    probe: &[
        "node",
        "-e",
        "process.exit(parseInt(process.versions.node) >= 22 ? 0 : 1)",
    ],
};
/// The browser that opens the pages.
pub const CHROMIUM: Tool = Tool {
    name: "chromium",
    probe: &["chromium", "--version"],
};
/// The runtime of openapi-generator.
pub const JAVA: Tool = Tool {
    name: "Java 11 or newer",
    probe: &["java", "-version"],
};
/// The interpreter of the REST fuzzer and of the generated Python clients, with its module for virtual environments.
pub const PYTHON: Tool = Tool {
    name: "python3 with venv",
    probe: &["python3", "-c", "import ensurepip"],
};

/// Runs a command and waits for it.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub fn run(command: &mut Command) -> Result {
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", line(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{}: {status}", line(command)).into())
}

/// Calls `ask` until it returns an answer; `None` when the time is over.
pub fn wait<T>(time_max: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let deadline = Instant::now() + time_max;
    loop {
        let answer = ask()?;
        if answer.is_some() || Instant::now() > deadline {
            return Ok(answer);
        }
        sleep(POLL_INTERVAL);
    }
}

/// Fails with the names of the tools that are missing.
pub fn require(tools: &[Tool]) -> Result {
    let missing: Vec<_> = tools
        .iter()
        .filter(|tool| !is_present(tool))
        .map(|tool| tool.name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(format!("this needs {missing}; `.ci/run` installs it on Debian").into())
}

fn is_present(tool: &Tool) -> bool {
    let mut probe = Command::new(tool.probe[0]);
    probe.args(&tool.probe[1..]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// A command as it would be typed.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
