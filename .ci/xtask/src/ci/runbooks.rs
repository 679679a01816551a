//! The runbooks in `docs/runbooks/`: each has its sections, and its `sh run` blocks run in an empty folder.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::shell_blocks::{self, blocks};
use crate::build::built;
use crate::error::Result;
use crate::workspace::Workspace;

/// The folder of the runbooks, relative to the top level.
const FOLDER: &str = "docs/runbooks";
/// The sections of a runbook, in order.
const SECTIONS: [&str; 3] = ["When", "Steps", "How to tell that it worked"];
/// The opening fence of commands that run here.
const RUNNABLE: &str = "sh run";
/// The addresses in the commands. Each port stands for a free one.
const LOOPBACK: &str = "127.0.0.1:";
/// The port where a server listens if nothing else is said.
const DEFAULT_PORT: &str = "4000";

/// Checks and runs the runbooks with these names, or all of them.
pub fn check(workspace: &Workspace, folder: &Path, names: &[&str]) -> Result {
    let known = list(workspace)?;
    for name in names {
        if !known.iter().any(|known| known == name) {
            return Err(format!("{name} is no runbook; the runbooks are {}", known.join(", ")).into());
        }
    }
    let index = workspace.read(format!("{FOLDER}/README.md"))?;
    let folder = folder.join("runbooks");
    fs::create_dir_all(&folder)?;
    let programs = folder.join("bin");
    fs::create_dir_all(&programs)?;
    symlink(built("agora")?, programs.join("agora"))?;
    let wanted = known
        .iter()
        .filter(|name| names.is_empty() || names.contains(&name.as_str()));
    for name in wanted {
        println!("{FOLDER}/{name}.md");
        let text = workspace.read(format!("{FOLDER}/{name}.md"))?;
        require_sections(name, &text)?;
        if !index.contains(&format!("]({name}.md)")) {
            return Err(format!("{FOLDER}/README.md does not list {name}.md").into());
        }
        run(workspace, name, &text, &folder.join(name), &programs)?;
    }
    Ok(())
}

/// Returns the names of the runbooks.
fn list(workspace: &Workspace) -> Result<Vec<String>> {
    let files = workspace.files(FOLDER)?;
    let names = files
        .iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "md"));
    let names = names
        .filter_map(|file| file.file_stem())
        .map(|name| name.to_string_lossy().into_owned());
    Ok(names.filter(|name| name != "README").collect())
}

fn require_sections(name: &str, text: &str) -> Result {
    let found: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    if found == SECTIONS {
        return Ok(());
    }
    let wanted = SECTIONS.join("`, `");
    Err(format!("{FOLDER}/{name}.md: the sections are not `{wanted}`").into())
}

/// Runs the commands of a runbook in an empty folder, with `agora` on the path.
fn run(workspace: &Workspace, name: &str, text: &str, folder: &Path, programs: &Path) -> Result {
    let (text, address) = with_free_ports(text)?;
    let blocks = blocks(&text, RUNNABLE);
    if blocks.is_empty() {
        return Ok(());
    }
    let scratch = folder.join("scratch");
    fs::create_dir_all(&scratch)?;
    let mut path: Vec<PathBuf> = vec![programs.to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let path = std::env::join_paths(path)?;
    let document = format!("{FOLDER}/{name}.md");
    shell_blocks::run(workspace, &document, &blocks, folder, |shell| {
        // Variables of the caller are no settings of the runbook.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AGORA_") {
                shell.env_remove(name);
            }
        }
        shell.current_dir(&scratch).env("PATH", path).env("HOME", &scratch);
        shell.env("DATA", scratch.join("data")).env("SOURCES", &workspace.root);
        shell.env("AGORA_SERVER_LISTEN", address);
    })
}

/// Puts a free port in the place of each port on loopback, the same one for the same port. Returns the address of a server too.
fn with_free_ports(text: &str) -> Result<(String, String)> {
    // All stay bound until the end, so that they differ.
    let mut ports: BTreeMap<String, TcpListener> = BTreeMap::new();
    ports.insert(DEFAULT_PORT.to_owned(), TcpListener::bind("127.0.0.1:0")?);
    let mut replaced = String::new();
    let mut pieces = text.split(LOOPBACK);
    replaced.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (port, rest) = piece.split_at(digits);
        replaced.push_str(LOOPBACK);
        if port.parse::<u16>().is_ok_and(|port| port > 0) {
            if !ports.contains_key(port) {
                ports.insert(port.to_owned(), TcpListener::bind("127.0.0.1:0")?);
            }
            replaced.push_str(&ports[port].local_addr()?.port().to_string());
        } else {
            replaced.push_str(port);
        }
        replaced.push_str(rest);
    }
    let address = ports[DEFAULT_PORT].local_addr()?.to_string();
    Ok((replaced, address))
}

#[cfg(test)]
mod tests {
    use super::{require_sections, with_free_ports};

    #[test]
    fn a_port_is_the_same_free_one_in_the_whole_document() {
        let (text, address) = with_free_ports("a 127.0.0.1:4000/x 127.0.0.1:4001, 127.0.0.1:0 127.0.0.1:4000").unwrap();
        let words: Vec<_> = text.split_whitespace().collect();
        let [_, first, second, any, again] = words[..] else {
            panic!("{text}")
        };
        assert_eq!((first, again), (&*format!("{again}/x"), &*address));
        assert_ne!(second, format!("{again},"));
        assert_eq!(any, "127.0.0.1:0");
        assert!(!text.contains(":4000"));
    }

    #[test]
    fn a_runbook_has_its_sections_in_order() {
        assert!(require_sections("a", "# A\n## When\n## Steps\n## How to tell that it worked\n").is_ok());
        assert!(require_sections("a", "# A\n## Steps\n## When\n## How to tell that it worked\n").is_err());
    }
}
