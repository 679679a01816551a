//! Documents for clients: their `sh` blocks run against a demo.

use std::fs;
use std::path::Path;

use super::server::Server;
use super::shell_blocks::{self, blocks};
use crate::build::target;
use crate::error::Result;
use crate::workspace::Workspace;

/// The documents, relative to the top level.
const DOCUMENTS: [&str; 2] = ["docs/CLIENTS.md", "docs/clients/README.md"];
/// The address of the demo in the documents.
const DEMO_ADDRESS: &str = "127.0.0.1:4000";
/// The origin that the documents allow.
const ALLOWED_ORIGIN: &str = "http://localhost:5173";

/// Runs the documents against a demo of their own: their outputs are those of fresh sample data.
pub fn check(workspace: &Workspace, folder: &Path) -> Result {
    for document in DOCUMENTS {
        let folder = folder.join(document.replace('/', "-"));
        fs::create_dir(&folder)?;
        let server = Server::demo(workspace, &folder, &["--allowed-origins", ALLOWED_ORIGIN])?;
        println!("{document}");
        run(workspace, document, &server, &folder)?;
        server.stop("TERM")?;
    }
    Ok(())
}

/// Runs the commands of a document in the top level of the repository.
fn run(workspace: &Workspace, document: &str, server: &Server, folder: &Path) -> Result {
    let address = server.url.strip_prefix("http://").ok_or("no address")?;
    let blocks = blocks(&workspace.read(document)?.replace(DEMO_ADDRESS, address), "sh");
    let target = target()?;
    shell_blocks::run(workspace, document, &blocks, folder, |shell| {
        shell.env("AGORA_URL", &server.url).env("CARGO_TARGET_DIR", target);
    })
}
