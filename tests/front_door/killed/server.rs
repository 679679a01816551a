//! Runs a server in its own process, to kill it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use agora::app::App;
use agora::config::Settings;
use agora::order_service::{ReplicaCommandBuilder, ReplicaCommandLine};
use agora::serve::Addresses;
use contract::SystemClock;

// None of these names has the prefix of settings, so the child does not read them as settings.
/// Passes the data folder to the child.
const CHILD: &str = "KILLED_TEST_SERVER";
/// Passes the number of replicas that number the trades to the child.
const REPLICAS: &str = "KILLED_TEST_REPLICAS";
/// Tells the child to leave the prices unchanged.
const QUIET: &str = "KILLED_TEST_QUIET";
/// Tells the child to write numbers of trades back only when it has to.
const LAZY: &str = "KILLED_TEST_LAZY";
/// Passes the arguments of its command to a replica.
const REPLICA: &str = "KILLED_TEST_REPLICA";

/// Not a test: the server that the tests start and kill.
#[test]
#[ignore = "started and killed by the tests of this folder"]
fn child_that_serves_until_it_is_killed() {
    let Some(data) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut settings = Settings::default();
        settings.server.data = data.into();
        settings.server.listen = "127.0.0.1:0".parse().expect("an address");
        settings.workers.price_feed_ms = if std::env::var_os(QUIET).is_some() { 0 } else { 20 };
        if let Some(replicas) = std::env::var_os(REPLICAS) {
            settings.orders.order_replicas = replicas.to_str().expect("text").parse().expect("a number");
            // Short times, so that a dead leader is noticed soon.
            settings.replicas.order_heartbeat_ms = 100;
            settings.replicas.order_election_ms = 500;
            settings.replicas.order_restart_ms = 50;
            if std::env::var_os(LAZY).is_some() {
                settings.replicas.order_write_back_ms = 3_600_000;
            }
        }
        let addresses = Addresses::reserve(&settings).map_err(|refused| refused[0].to_string());
        let addresses = addresses.expect("an address");
        let app = App::open(&settings, Arc::new(SystemClock)).await.expect("Agora opens");
        let replicas = app
            .start_replicas(&settings, &this_test())
            .await
            .expect("replicas start");
        agora::demo::seed(&app.services).await.expect("the demo's data");
        agora::serve::run(app, replicas, addresses, &settings, &agora::serve::Front::Demo)
            .await
            .expect("Agora serves");
    });
}

/// Not a test: a replica of that server.
#[test]
#[ignore = "started by the server above, and killed by the tests of this folder"]
fn child_that_is_a_replica_until_it_is_killed() {
    run_passed_command(REPLICA);
}

/// Runs the command whose arguments that environment variable holds as JSON; nothing runs without it.
pub fn run_passed_command(variable: &str) {
    let Some(arguments) = std::env::var_os(variable) else {
        return;
    };
    let arguments: Vec<String> = serde_json::from_str(arguments.to_str().expect("text")).expect("JSON");
    let ended = agora::cli::main_with(std::iter::once("agora".to_owned()).chain(arguments));
    assert_eq!(format!("{ended:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
}

/// Returns a function that starts this test program as a replica and writes its process id to a file.
fn this_test() -> ReplicaCommandBuilder {
    Arc::new(|command_line: &ReplicaCommandLine| {
        let mut command = tokio::process::Command::new("sh");
        let arguments = serde_json::to_string(&command_line.arguments).map_err(std::io::Error::other)?;
        let data = PathBuf::from(std::env::var_os(CHILD).unwrap_or_default());
        let pid = data.join(format!("replica-{}.pid", command_line.id));
        // `exec` replaces the shell with the test program, so that the file has the program's process id.
        command
            .args([
                "-c",
                r#"echo $$ >"$1.new" && mv "$1.new" "$1" && shift && exec "$@""#,
                "sh",
            ])
            .arg(pid)
            .arg(std::env::current_exe()?)
            .args(child("child_that_is_a_replica_until_it_is_killed"))
            .env(REPLICA, arguments);
        Ok(command)
    })
}

fn child(name: &str) -> [String; 4] {
    // The path of this module depends on the test program. Its first segment is the program itself.
    let module = module_path!().split_once("::").map_or("", |(_, module)| module);
    let name = format!("{module}::{name}");
    [
        "--exact".to_owned(),
        name,
        "--ignored".to_owned(),
        "--nocapture".to_owned(),
    ]
}

/// A server in its own process.
pub struct Server {
    child: Child,
    pub url: String,
    _out: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server whose database numbers the trades.
    pub fn start(data: &Path) -> Self {
        Self::spawn(data, None, &[])
    }

    /// Like [`start`](Self::start), with fixed prices, so that nothing happens without a request.
    pub fn quiet(data: &Path) -> Self {
        Self::spawn(data, None, &[QUIET])
    }

    /// Starts a server with this many replicas of the order log, which end with it.
    pub fn with_replicas(data: &Path, replicas: usize) -> Self {
        Self::spawn(data, Some(replicas), &[])
    }

    /// Like [`with_replicas`](Self::with_replicas), with fixed prices, so that nothing happens without a request.
    pub fn with_quiet_replicas(data: &Path, replicas: usize) -> Self {
        Self::spawn(data, Some(replicas), &[QUIET])
    }

    /// Like [`with_quiet_replicas`](Self::with_quiet_replicas), with numbers of trades that are written back only along
    /// with another write, or for a reader.
    pub fn with_lazy_replicas(data: &Path, replicas: usize) -> Self {
        Self::spawn(data, Some(replicas), &[QUIET, LAZY])
    }

    fn spawn(data: &Path, replicas: Option<usize>, manners: &[&str]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command
            .args(child("child_that_serves_until_it_is_killed"))
            .env(CHILD, data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(replicas) = replicas {
            command.env(REPLICAS, replicas.to_string());
        }
        for manner in manners {
            command.env(manner, "1");
        }
        let mut child = command.spawn().expect("the server starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        let url = loop {
            line.clear();
            let read = out.read_line(&mut line).expect("its output");
            assert!(read > 0, "the server did not get ready");
            let words: Vec<_> = line.split_whitespace().collect();
            if let ["GraphQL", url] = words[..] {
                break url.trim_end_matches("/graphql").to_owned();
            }
        };
        Self { child, url, _out: out }
    }

    /// Returns the id of the server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(&mut self) {
        let killed = self.child.kill();
        assert!(killed.is_ok(), "server {}: {killed:?}", self.pid());
        self.child.wait().expect("its end");
    }
}

impl Drop for Server {
    /// A failed test leaves no server running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a replica of the server over that folder.
pub fn kill_replica(data: &Path, id: &str) {
    let pid = std::fs::read_to_string(data.join(format!("replica-{id}.pid"))).expect("a replica");
    let killed = Command::new("kill").args(["-9", pid.trim()]).status().expect("kill");
    // The replica may have died already. The test only needs it to come back.
    let _ = killed.success();
}
