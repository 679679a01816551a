//! Runs the `agora` command in its own process, to kill it, limit it or remove its files. The process is this test
//! program.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::server::run_passed_command;

/// Passes the arguments of the command to the child. The name lacks the prefix of settings, so the child does not
/// read it as one.
const ARGUMENTS: &str = "KILLED_TEST_COMMAND";
/// The longest wait for a line of a log.
const PATIENCE: Duration = Duration::from_secs(60);

/// Not a test: the command that the tests start.
#[test]
#[ignore = "started by the tests that kill it and change its files"]
fn child_that_is_the_command() {
    run_passed_command(ARGUMENTS);
}

/// Returns the command `agora` with these arguments and a data folder.
pub fn agora(data: &Path, arguments: &[&str]) -> Command {
    let mut arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    arguments.extend([
        "--data".to_owned(),
        data.to_str().expect("a name that is text").to_owned(),
    ]);
    let module = module_path!().split_once("::").map_or("", |(_, module)| module);
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command
        .args(["--exact", "--ignored", "--nocapture"])
        .arg(format!("{module}::child_that_is_the_command"))
        .env(ARGUMENTS, serde_json::to_string(&arguments).expect("JSON"))
        .stdin(Stdio::null());
    command
}

/// Returns the command `agora demo` with fixed prices and frequent checks of the files.
pub fn demo(data: &Path) -> Command {
    demo_with(data, &[])
}

/// Like [`demo`], with more arguments.
pub fn demo_with(data: &Path, arguments: &[&str]) -> Command {
    let quick = ["--price-feed-ms", "0", "--storage-ms", "50"];
    agora(
        data,
        &[&["demo", "--listen", "127.0.0.1:0"][..], &quick, arguments].concat(),
    )
}

/// Runs a command that must fail and returns its error output.
pub fn refusal_of(mut command: Command) -> String {
    let output = command.output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it was not refused: {said}");
    said
}

/// Runs a command that must succeed.
pub fn done(mut command: Command) {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The log of a process.
#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<String>, Condvar)>);

impl Log {
    fn of(mut from: ChildStderr) -> Self {
        let log = Self::default();
        let to = log.clone();
        std::thread::spawn(move || {
            let mut read = [0; 4096];
            while let Ok(bytes @ 1..) = from.read(&mut read) {
                to.lock().push_str(&String::from_utf8_lossy(&read[..bytes]));
                to.0.1.notify_all();
            }
        });
        log
    }

    /// Returns the log so far.
    pub fn text(&self) -> String {
        self.lock().clone()
    }

    /// Returns the number of lines that contain the text.
    pub fn count(&self, text: &str) -> usize {
        self.lock().lines().filter(|line| line.contains(text)).count()
    }

    /// Waits until the log has a whole line with the text, and returns the first such line.
    pub fn line_with(&self, text: &str) -> String {
        let whole = |log: &str| {
            let mut lines = log.split_inclusive('\n');
            let line = lines.find(|line| line.ends_with('\n') && line.contains(text))?;
            Some(line.to_owned())
        };
        let waited = self
            .0
            .1
            .wait_timeout_while(self.lock(), PATIENCE, |log| whole(log).is_none());
        let (log, _) = waited.unwrap_or_else(PoisonError::into_inner);
        whole(&log).unwrap_or_else(|| panic!("no line with {text:?} in the log: {log}"))
    }

    /// Waits until the log contains the text.
    pub fn wait_for(&self, text: &str) {
        let waited = self
            .0
            .1
            .wait_timeout_while(self.lock(), PATIENCE, |log| !log.contains(text));
        let (log, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "no {text:?} in the log: {log}");
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server that is ready. Dropping it kills the process.
pub struct ServerProcess {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// The log of the process.
    pub log: Log,
    _out: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts the server and waits until it prints its address.
    pub fn start(mut command: Command) -> Self {
        let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = started.expect("the program starts");
        let log = Log::of(child.stderr.take().expect("its log"));
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        let url = loop {
            line.clear();
            let read = out.read_line(&mut line).expect("its output");
            assert!(read > 0, "the server did not get ready: {}", log.text());
            if let ["GraphQL", url] = line.split_whitespace().collect::<Vec<_>>()[..] {
                break url.trim_end_matches("/graphql").to_owned();
            }
        };
        Self {
            child,
            url,
            log,
            _out: out,
        }
    }

    /// Starts a server whose log is JSON, which prints no address, and waits until its log has one.
    pub fn start_with_json_log(mut command: Command) -> Self {
        let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = started.expect("the program starts");
        let log = Log::of(child.stderr.take().expect("its log"));
        let line = log.line_with("\"message\":\"ready\"");
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let address = line["fields"]["addresses"].as_str().expect("an address");
        Self {
            url: format!("http://{address}"),
            log,
            _out: BufReader::new(child.stdout.take().expect("its output")),
            child,
        }
    }

    /// Returns the id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sets a soft limit of the process, as in `limit("fsize=4096")`.
    pub fn limit(&self, limit: &str) {
        let mut prlimit = Command::new("prlimit");
        prlimit.arg(format!("--pid={}", self.pid())).arg(format!("--{limit}:"));
        assert!(prlimit.status().expect("prlimit").success(), "{limit}");
    }

    /// Kills the process: no handler runs, and no file is closed properly.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("its end");
    }

    /// Terminates the process as a service manager does.
    pub fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(asked.expect("kill").success());
        assert!(self.child.wait().expect("its end").success(), "{}", self.log.text());
    }
}

impl Drop for ServerProcess {
    /// A failed test leaves no server running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
