//! The domain that `new-domain` writes compiles in its place and passes its test.

use std::fs;
use std::path::Path;

use crate::workspace::Workspace;
use crate::{Result, command, new_domain};

const DOMAIN: &str = "library";
const ENTITY: &str = "reading_list";

/// Adds a domain to a copy of the repository in `folder`, then checks the copy and runs the new test.
pub fn check(workspace: &Workspace, folder: &Path) -> Result {
    let copy = copy(workspace, folder)?;
    new_domain::write(&copy, DOMAIN, ENTITY)?;
    let target = std::env::current_exe()?;
    let target = target.ancestors().nth(2).ok_or("this program is in no target folder")?;
    for arguments in [
        // The router and all domains, with the features that the steps before have built the dependencies with.
        &["check", "--workspace", "--lib", "--offline"][..],
        &["test", "--workspace", "--test", DOMAIN, "--offline", ENTITY],
    ] {
        let mut cargo = copy.command("cargo");
        command::run(cargo.args(arguments).env("CARGO_TARGET_DIR", target))?;
    }
    Ok(())
}

fn copy(workspace: &Workspace, folder: &Path) -> Result<Workspace> {
    let copy = Workspace {
        root: folder.join("copy"),
    };
    for file in workspace.files("")? {
        let to = copy.path(&file);
        fs::create_dir_all(to.parent().ok_or("a file needs a folder")?)?;
        fs::copy(workspace.path(&file), to)?;
    }
    Ok(copy)
}
