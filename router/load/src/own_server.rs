//! A server that a load test starts for itself, over a temporary folder.

use std::ffi::OsStr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::http::{Connection, Outgoing, Target};

/// The longest wait until a server is ready, and until it has ended.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// The interval at which a server that starts is asked whether it is ready, and the longest wait for its answer.
const ASK_INTERVAL: Duration = Duration::from_millis(50);
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// A server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum OwnServerError {
    /// The folder or the process cannot be made.
    #[error("a server of its own: {0}")]
    Io(#[from] std::io::Error),
    /// The process ended, or did not become ready.
    #[error("a server of its own did not start; its log is in {0}")]
    NotReady(PathBuf),
}

/// A running server. Its folder is removed when it is stopped.
pub struct OwnServer {
    target: Target,
    child: Child,
    folder: PathBuf,
}

impl OwnServer {
    /// Starts `program` with `arguments` on a free loopback port and a new folder under the system's temporary one.
    ///
    /// # Errors
    /// When the process does not start and become ready.
    pub async fn start(program: &Path, name: &str, arguments: &[&OsStr]) -> Result<Self, OwnServerError> {
        let folder = std::env::temp_dir().join(format!("agora-load-{}-{name}", std::process::id()));
        // Fails for a folder that another user has put there.
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let log = std::fs::File::create(folder.join("log"))?;
        // Free a moment ago: another program can take it in between, and then the start fails.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let target: Target = format!("http://{address}").parse().map_err(std::io::Error::other)?;
        let mut child = Command::new(program)
            .args(arguments)
            .args(["--listen", &address.to_string(), "--data"])
            .arg(folder.join("data"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        if !is_ready(&mut child, &target).await {
            return Err(OwnServerError::NotReady(folder.join("log")));
        }
        Ok(Self { target, child, folder })
    }

    /// Returns the server's address.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the id of the server's process.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Returns the server's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Stops the server as SIGTERM does, and removes its folder.
    ///
    /// # Errors
    /// When the process or the folder cannot be ended.
    pub async fn stop(mut self) -> std::io::Result<()> {
        let id = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(id) = id {
            kill_process(id, Signal::TERM)?;
        }
        if tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        std::fs::remove_dir_all(&self.folder)
    }
}

/// Waits until the server answers `GET /health` with 200, or has ended.
async fn is_ready(child: &mut Child, target: &Target) -> bool {
    let mut connection = Connection::new(target.clone(), ASK_TIMEOUT);
    let outgoing = Outgoing {
        method: Method::GET,
        path: "/health".to_owned(),
        body: Bytes::new(),
        token: None,
        key: None,
        accept: "*/*",
    };
    let asked = async {
        loop {
            if connection.send(&outgoing).await.is_ok_and(|reply| reply.status == 200) {
                return true;
            }
            tokio::time::sleep(ASK_INTERVAL).await;
        }
    };
    tokio::select! {
        ready = tokio::time::timeout(START_TIMEOUT, asked) => ready.unwrap_or(false),
        _ = child.wait() => false,
    }
}
