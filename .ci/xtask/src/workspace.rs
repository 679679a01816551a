//! The repository, and the commands that run in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::error::Result;

/// A checkout of the repository.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Its top level.
    pub root: PathBuf,
}

/// The files that a command wrote, relative to the top level.
#[derive(Debug, Default)]
pub struct WrittenFiles {
    /// The new ones.
    pub created: Vec<String>,
    /// Those that existed before.
    pub changed: Vec<String>,
}

impl WrittenFiles {
    /// Prints one line for each file.
    pub fn print(&self) {
        for path in &self.created {
            println!("created {path}");
        }
        for path in &self.changed {
            println!("changed {path}");
        }
    }
}

/// Hidden folders that belong to the project.
const OWN_HIDDEN_FOLDERS: [&str; 2] = [".ci", ".cargo"];
/// The names of folders that are installed or built.
const BUILT_FOLDERS: [&str; 5] = ["__pycache__", "dist", "generated", "node_modules", "target"];

impl Workspace {
    /// Returns the checkout that this program was built from.
    pub fn current() -> Result<Self> {
        // The program may have been built in another folder that shares its target folder, so the folder of the
        // caller decides.
        let current = std::env::current_dir()?;
        let root = current.ancestors().find(|folder| folder.join(".ci/xtask").is_dir());
        let root = root.ok_or("run it inside of a checkout of Agora")?.to_owned();
        Ok(Self { root })
    }

    /// Returns the path of a file or folder.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// Reads a text file.
    pub fn read(&self, relative: impl AsRef<Path>) -> Result<String> {
        let path = self.path(&relative);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Writes a text file and creates its folder.
    pub fn write(&self, relative: impl AsRef<Path>, text: &str) -> Result {
        let path = self.path(&relative);
        let folder = path.parent().ok_or("a file needs a folder")?;
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
        written.map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Lists the project's own files below a folder, relative to the top level, in alphabetical order.
    pub fn files(&self, folder: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        self.collect_files(Path::new(folder), &mut found)?;
        found.sort();
        Ok(found)
    }

    fn collect_files(&self, folder: &Path, found: &mut Vec<PathBuf>) -> Result {
        for entry in fs::read_dir(self.path(folder))? {
            let entry = entry?;
            let relative = folder.join(entry.file_name());
            if !entry.file_type()?.is_dir() {
                found.push(relative);
            } else if is_own_folder(&relative) {
                self.collect_files(&relative, found)?;
            }
        }
        Ok(())
    }

    /// Returns a command that runs at the top level.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        // `cargo run` describes this package to the program that it starts. The commands below are not part of it.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs cargo.
    pub fn cargo(&self, arguments: &[&str]) -> Result {
        command::run(self.command("cargo").args(arguments))
    }

    /// Runs npm for the package in a folder.
    pub fn npm(&self, folder: &str, arguments: &[&str]) -> Result {
        command::run(self.command("npm").args(["--prefix", folder]).args(arguments))
    }
}

/// Whether the folder belongs to the project: neither built, installed nor written by a server.
fn is_own_folder(relative: &Path) -> bool {
    let name = relative.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with('.') {
        return OWN_HIDDEN_FOLDERS.contains(&&*name);
    }
    !BUILT_FOLDERS.contains(&&*name) && relative != Path::new("data")
}
