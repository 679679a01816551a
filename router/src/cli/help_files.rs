//! `agora completions` and `agora man`: the files by which shells and `man` know the commands.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::{CommandError, print};

/// The arguments of `agora completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(&self, mut command: Command) -> Result<(), CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "agora", &mut script);
        print(&String::from_utf8(script)?)
    }
}

/// The arguments of `agora man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The folder of the pages; it is created.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl ManArgs {
    pub(super) fn run(&self, command: Command) -> Result<(), CommandError> {
        fs::create_dir_all(&self.folder)?;
        Ok(clap_mangen::generate_to(command, &self.folder)?)
    }
}
