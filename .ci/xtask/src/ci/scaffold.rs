//! Checks that the domain that `new-domain` writes compiles in its place and passes its test.

use std::fs;
use std::path::Path;

use crate::build::target;
use crate::error::Result;
use crate::workspace::Workspace;
use crate::{command, new_domain};

const DOMAIN: &str = "library";
const ENTITY: &str = "reading_list";

/// Adds a domain to a copy of the repository, then checks the copy and runs the new test.
pub fn check(workspace: &Workspace) -> Result {
    let target = target()?;
    // The folder is always the same, so that this build replaces that of the last run.
    let folder = target.join("scaffold");
    let copy = copy(workspace, &folder)?;
    new_domain::write(&copy, DOMAIN, ENTITY)?;
    for arguments in [
        // Naming a test selects the features of the dependencies that the steps before have checked and built.
        &["check", "--workspace", "--lib", "--test", DOMAIN, "--offline"][..],
        &["test", "--workspace", "--test", DOMAIN, "--offline", ENTITY],
    ] {
        let mut cargo = copy.command("cargo");
        command::run(cargo.args(arguments).env("CARGO_TARGET_DIR", &target))?;
    }
    Ok(fs::remove_dir_all(folder)?)
}

fn copy(workspace: &Workspace, folder: &Path) -> Result<Workspace> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let copy = Workspace {
        root: folder.to_owned(),
    };
    for file in workspace.files("")? {
        let to = copy.path(&file);
        fs::create_dir_all(to.parent().ok_or("a file needs a folder")?)?;
        fs::copy(workspace.path(&file), to)?;
    }
    Ok(copy)
}
