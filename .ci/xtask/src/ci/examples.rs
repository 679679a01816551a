//! The programs in `router/examples/`, each run once on loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::server::Server;
use crate::build::built;
use crate::command;
use crate::error::Result;
use crate::workspace::Workspace;

/// How long the subscription client may take to receive its events.
const EVENTS_TIME_MAX: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(30);

/// Starts the server with Agora in it, calls a route of its own and one of Agora's, and subscribes to its events.
pub fn check(workspace: &Workspace, folder: &Path) -> Result {
    let server = Server::embedded(workspace, folder)?;
    let address = server.url.strip_prefix("http://").ok_or("no address")?;
    for (path, expected) in [("/topics", "new arrivals"), ("/bookstore/info/2", "RPCs for Noobs")] {
        let response = get(address, path)?;
        if !response.starts_with("HTTP/1.1 200") || !response.contains(expected) {
            return Err(format!("GET {path} is not {expected:?}: {response}").into());
        }
    }
    // The demo's price feed changes prices, so that events arrive without a request.
    let mut client = workspace.command(built("examples/subscription_client")?);
    client.arg(format!("ws://{address}/graphql"));
    client.args(["subscription { stockChanged { name price } }", "2"]);
    let mut client = client.stdin(Stdio::null()).spawn()?;
    let status = command::wait(EVENTS_TIME_MAX, || Ok(client.try_wait()?))?;
    if !status.is_some_and(|status| status.success()) {
        // Fails when it has ended.
        let _ = client.kill();
        return Err(format!("subscription_client: {status:?}").into());
    }
    server.stop("INT")
}

/// Sends a GET, and returns the whole response.
fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}
