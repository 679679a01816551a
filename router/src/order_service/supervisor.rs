//! Replicas that this process starts: each is a process with its own file and port. It is restarted when it ends, and
//! ends with this process.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use order_log::{Catalog, Credentials, ReplicaId, catalog_routes};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::{TcpListener, TcpSocket};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::replica;
use crate::config::{LogFormat, Settings};
use crate::server::{self, Permits};

/// The configuration of a replica that this process starts.
#[derive(Clone, Debug)]
pub struct ReplicaCommandLine {
    /// Its command line from the subcommand on: `order-replica --id 1 …`.
    pub arguments: Vec<String>,
    /// The replica's id.
    pub id: ReplicaId,
}

/// Builds the command that starts a replica. This module sets the command's standard input, output and error.
pub type ReplicaCommandBuilder = Arc<dyn Fn(&ReplicaCommandLine) -> io::Result<Command> + Send + Sync>;

/// Builds the command from this program's own executable.
pub fn own_executable() -> ReplicaCommandBuilder {
    Arc::new(|command_line| {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(&command_line.arguments);
        Ok(command)
    })
}

/// Reserved loopback ports: they are bound, but no process listens on them yet.
///
/// A process that binds one by its number, as the replica does, succeeds (`SO_REUSEADDR` on both, and no listener yet).
/// A process that asks for any free port never gets one of them.
pub(super) struct ReservedPorts(BTreeMap<ReplicaId, (TcpSocket, SocketAddr)>);

impl ReservedPorts {
    /// Reserves a port for each of the replicas 1 to `number`.
    pub(super) fn reserve(number: u64) -> io::Result<Self> {
        let port = |id| {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            let address = socket.local_addr()?;
            Ok((id, (socket, address)))
        };
        (1..=number).map(port).collect::<io::Result<_>>().map(Self)
    }

    pub(super) fn urls(&self) -> BTreeMap<ReplicaId, String> {
        let url = |(id, (_, address)): (&ReplicaId, &(TcpSocket, SocketAddr))| (*id, format!("http://{address}"));
        self.0.iter().map(url).collect()
    }
}

/// The replicas that this server starts: their ports, files, secret and settings.
pub(super) struct ReplicaGroup<'a> {
    pub(super) ports: &'a ReservedPorts,
    pub(super) folder: PathBuf,
    pub(super) credential: PathBuf,
    pub(super) credentials: Arc<dyn Credentials>,
    pub(super) settings: &'a Settings,
}

/// The running replicas, and the catalog that this process serves to them.
pub struct ReplicaProcesses {
    supervisors: JoinSet<()>,
    stop: CancellationToken,
    /// The catalog, at its own address. Replicas need it as long as they run, which is longer than this process's
    /// listeners are open.
    catalog: JoinSet<()>,
    catalog_stop: CancellationToken,
}

impl ReplicaProcesses {
    /// Starts the replicas. They end when the caller awaits [`stop`](Self::stop), when this is dropped, or when this
    /// process ends.
    pub(super) async fn start(
        group: ReplicaGroup<'_>,
        catalog: Arc<dyn Catalog>,
        command_builder: &ReplicaCommandBuilder,
    ) -> io::Result<Self> {
        let settings = group.settings;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = catalog_routes(catalog, group.credentials, settings.order_log());
        let (stop, catalog_stop) = (CancellationToken::new(), CancellationToken::new());
        let mut catalog = JoinSet::new();
        let stop_catalog = catalog_stop.clone();
        let permits = Permits::new(&Arc::new(settings.limits.clone()));
        catalog.spawn(async move { server::serve(listener, router, &permits, stop_catalog).await });
        let urls = group.ports.urls();
        let mut supervisors = JoinSet::new();
        for (id, (_, address)) in &group.ports.0 {
            let mut arguments = replica::arguments(*id, &urls, &url, settings);
            let files = [("--data", &group.folder), ("--credential", &group.credential)];
            arguments.extend(["--listen".to_owned(), address.to_string()]);
            for (name, path) in files {
                let path = path
                    .to_str()
                    .ok_or_else(|| io::Error::other("the data folder's name is no text"))?;
                arguments.extend([name.to_owned(), path.to_owned()]);
            }
            let supervisor = Supervisor {
                command_line: ReplicaCommandLine { arguments, id: *id },
                command_builder: Arc::clone(command_builder),
                restart_delay: (
                    Duration::from_millis(settings.replicas.order_restart_ms),
                    Duration::from_millis(settings.replicas.order_restart_ms_max),
                ),
                // The replica finishes its requests and then closes its file.
                stop_timeout: Duration::from_millis(settings.server.shutdown_ms_max.saturating_mul(2)),
                format: settings.server.log_format,
            };
            supervisors.spawn(supervisor.run(stop.clone()));
        }
        Ok(Self {
            supervisors,
            stop,
            catalog,
            catalog_stop,
        })
    }

    /// Stops the replicas, and waits until they have ended.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.supervisors.join_next().await.is_some() {}
        self.catalog_stop.cancel();
        while self.catalog.join_next().await.is_some() {}
    }
}

/// The log message about a replica that exited by itself.
struct ExitMessage(ExitStatus);

impl ExitMessage {
    fn new(status: ExitStatus) -> Self {
        Self(status)
    }
}

impl std::fmt::Display for ExitMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0.code() {
            Some(code) if code == i32::from(replica::NOT_ADMITTED) => {
                "the file of an order replica was lost or set back, and the others refuse it: they go on while a majority of them \
                 lives. Move the folder `orders` away while the server is stopped, and all replicas begin anew from the database"
            }
            _ => "an order replica ended; it is started again",
        })
    }
}

/// Starts one replica, and restarts it when it ends.
struct Supervisor {
    command_line: ReplicaCommandLine,
    command_builder: ReplicaCommandBuilder,
    /// The delays before a restart after an exit: the first one, and the maximum.
    restart_delay: (Duration, Duration),
    stop_timeout: Duration,
    format: LogFormat,
}

impl Supervisor {
    async fn run(self, stop: CancellationToken) {
        let id = self.command_line.id;
        let (first, longest) = self.restart_delay;
        let mut restart_delay = first;
        loop {
            match self.start() {
                Ok(mut child) => {
                    // `Child::wait` would close the replica's standard input.
                    let input = child.stdin.take();
                    tracing::info!(replica = id, pid = child.id(), "an order replica started");
                    let started = Instant::now();
                    tokio::select! {
                        ended = child.wait() => match ended {
                            // It exited by itself, and probably will again unless an operator intervenes.
                            Ok(status) if status.code().is_some() => {
                                if started.elapsed() > longest {
                                    // It ran long enough to count as recovered from the previous exit.
                                    restart_delay = first;
                                }
                                let again_in_ms = u64::try_from(restart_delay.as_millis()).unwrap_or(u64::MAX);
                                tracing::error!(replica = id, %status, again_in_ms, "{}", ExitMessage::new(status));
                                tokio::select! {
                                    () = tokio::time::sleep(restart_delay) => {}
                                    () = stop.cancelled() => return,
                                }
                                restart_delay = (restart_delay * 2).min(longest);
                                continue;
                            }
                            Ok(status) => {
                                tracing::error!(replica = id, %status, "an order replica was killed and restarts");
                                restart_delay = first;
                            }
                            Err(error) => tracing::error!(replica = id, %error, "cannot wait for an order replica"),
                        },
                        () = stop.cancelled() => {
                            drop(input);
                            return self.end(child).await;
                        }
                    }
                }
                Err(error) => tracing::error!(replica = id, %error, "cannot start an order replica"),
            }
            tokio::select! {
                () = tokio::time::sleep(first) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = (self.command_builder)(&self.command_line)?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C must reach only this process, which needs its replicas to finish its requests.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        if let Some(log) = child.stderr.take() {
            tokio::spawn(forward_log(log, self.command_line.id, self.format));
        }
        Ok(child)
    }

    /// Waits until the replica ends by itself, since its input has ended, or kills it after a timeout.
    async fn end(&self, mut child: Child) {
        let id = self.command_line.id;
        match tokio::time::timeout(self.stop_timeout, child.wait()).await {
            Ok(Ok(status)) if status.success() => tracing::info!(replica = id, "the order replica ended"),
            Ok(Ok(status)) => tracing::warn!(replica = id, %status, "the order replica ended"),
            Ok(Err(error)) => tracing::warn!(replica = id, %error, "cannot wait for the order replica"),
            Err(_) => {
                tracing::warn!(replica = id, "the order replica did not end in time and is killed");
                let _ = child.kill().await;
            }
        }
    }
}

/// Forwards the log of a replica, line by line, with its id.
async fn forward_log(log: impl AsyncRead + Unpin, id: ReplicaId, format: LogFormat) {
    let (mut log, mut line) = (BufReader::new(log), Vec::new());
    while log.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = tag_line(String::from_utf8_lossy(&line).trim_end(), id, format);
        // A failing standard error is ignored, so that the replica's pipe never fills up.
        let _ = writeln!(io::stderr().lock(), "{text}");
        line.clear();
    }
}

/// A line of a replica's log, with the replica's id.
fn tag_line(line: &str, id: ReplicaId, format: LogFormat) -> String {
    let mut fields = match (format, serde_json::from_str(line)) {
        (LogFormat::Text, _) => return format!("[replica {id}] {line}"),
        (LogFormat::Json, Ok(serde_json::Value::Object(fields))) => fields,
        // A panic message is not JSON.
        (LogFormat::Json, _) => [("message".to_owned(), line.into())].into_iter().collect(),
    };
    fields.insert("replica".to_owned(), id.into());
    serde_json::Value::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_log_line_names_its_replica() {
        assert_eq!(tag_line("ready", 2, LogFormat::Text), "[replica 2] ready");
        let json = tag_line(r#"{"level":"INFO"}"#, 2, LogFormat::Json);
        assert_eq!(json, r#"{"level":"INFO","replica":2}"#);
        let panic = tag_line("thread 'main' panicked", 2, LogFormat::Json);
        assert_eq!(panic, r#"{"message":"thread 'main' panicked","replica":2}"#);
    }

    #[tokio::test]
    async fn a_reserved_port_is_only_given_to_its_replica() {
        let ports = ReservedPorts::reserve(3).unwrap();
        let addresses: Vec<SocketAddr> = ports.0.values().map(|(_, address)| *address).collect();
        // The replica may bind its port repeatedly.
        for _ in 0..2 {
            for address in &addresses {
                drop(TcpListener::bind(address).await.unwrap());
            }
        }
        // A process that asks for any port gets another one.
        for _ in 0..200 {
            let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            assert!(!addresses.contains(&any.local_addr().unwrap()));
        }
    }

    /// Runs a supervisor of `sh -c SCRIPT`, and sends each line that the script logs to `lines` until the receiver is
    /// closed.
    async fn supervised(
        script: &'static str,
        stop_timeout: Duration,
        lines: tokio::sync::mpsc::UnboundedSender<String>,
    ) -> (JoinSet<()>, CancellationToken) {
        let folder = tempfile::tempdir().unwrap().keep();
        let said = folder.join("said");
        std::fs::write(&said, "").unwrap();
        let path = said.clone();
        let command_builder: ReplicaCommandBuilder = Arc::new(move |_| {
            let mut command = Command::new("sh");
            command.args(["-c", script, "sh"]).arg(&path);
            Ok(command)
        });
        let supervisor = Supervisor {
            command_line: ReplicaCommandLine {
                arguments: Vec::new(),
                id: 1,
            },
            command_builder,
            restart_delay: (Duration::from_millis(1), Duration::from_millis(1)),
            stop_timeout,
            format: LogFormat::Text,
        };
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(supervisor.run(stop.clone()));
        tasks.spawn(async move {
            let mut known = 0;
            while !lines.is_closed() {
                let text = tokio::fs::read_to_string(&said).await.unwrap();
                for line in text.lines().skip(known) {
                    known += 1;
                    let _ = lines.send(line.to_owned());
                }
                tokio::task::yield_now().await;
            }
            let _ = std::fs::remove_dir_all(&folder);
        });
        (tasks, stop)
    }

    async fn next(lines: &mut tokio::sync::mpsc::UnboundedReceiver<String>) -> String {
        tokio::time::timeout(PATIENCE, lines.recv())
            .await
            .expect("a line in time")
            .expect("a line")
    }

    async fn all_ended(mut tasks: JoinSet<()>) {
        let ended = async { while tasks.join_next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, ended).await.expect("an end in time");
    }

    #[tokio::test]
    async fn a_dead_replica_restarts_and_a_live_one_ends_with_its_input() {
        let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
        // The first two processes exit; the third one finds two lines and waits for the end of its input.
        let script = r#"n=$(wc -l < "$1"); echo "start $n" >> "$1"; [ "$n" -lt 2 ] && exit 3; cat; echo end >> "$1""#;
        let (tasks, stop) = supervised(script, PATIENCE, sender).await;
        for wanted in ["start 0", "start 1", "start 2"] {
            assert_eq!(next(&mut lines).await, wanted);
        }
        stop.cancel();
        assert_eq!(next(&mut lines).await, "end");
        drop(lines);
        all_ended(tasks).await;
    }

    #[tokio::test]
    async fn a_replica_that_ignores_the_stop_is_killed() {
        let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
        let script = r#"echo $$ >> "$1"; exec sleep 1000"#;
        let (tasks, stop) = supervised(script, Duration::from_millis(10), sender).await;
        let pid = next(&mut lines).await;
        stop.cancel();
        drop(lines);
        all_ended(tasks).await;
        assert!(!std::path::Path::new("/proc").join(pid).exists());
    }
}
