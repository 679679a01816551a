//! `agora health`: asks a running server whether it is ready, for service managers and containers without other programs.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use clap::Args;

use super::{CommandError, print};
use crate::config::{Settings, SettingsFlags};

/// The path that tells whether a server is ready.
const PATH: &str = "/ready";
/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The arguments of `agora health`.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// Milliseconds that the server has to answer.
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    wait_ms_max: u64,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl HealthArgs {
    /// Prints the server's answer, and fails when the server is not ready.
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let address = reachable(Settings::read(&self.settings)?.server.listen);
        let answer = ask(address, Duration::from_millis(self.wait_ms_max.max(1)));
        let (status, body) = answer.map_err(|error| format!("http://{address}{PATH}: {error}"))?;
        if status != 200 {
            return Err(format!("http://{address}{PATH}: {status} {}", body.trim()).into());
        }
        print(&format!("{}\n", body.trim()))
    }
}

/// Returns the address at which this machine reaches a listener.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

/// Returns the status and the body of the answer.
fn ask(address: SocketAddr, time_max: Duration) -> Result<(u16, String), CommandError> {
    let deadline = Instant::now() + time_max;
    let mut stream = TcpStream::connect_timeout(&address, time_max)?;
    stream.set_write_timeout(Some(time_max))?;
    write!(
        stream,
        "GET {PATH} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("no answer in time".into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => break,
            bytes => answer.extend_from_slice(&buffer[..bytes]),
        }
        if answer.len() > ANSWER_BYTES_MAX {
            return Err("the answer is too long".into());
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    status.zip(body).ok_or_else(|| "the answer is no HTTP".into())
}
