//! `agora check-config`: prints the settings, or everything that `agora serve` would refuse.

use clap::Args;

use super::{CommandError, Problems, print};
use crate::config::{Settings, SettingsFlags};
use crate::start_check::{self, Server};

/// The arguments of `agora check-config`.
#[derive(Debug, Args)]
pub(super) struct CheckConfigArgs {
    /// Checks the settings of a server that may be running: its addresses and its folder may be in use.
    #[arg(long)]
    running: bool,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl CheckConfigArgs {
    pub(super) async fn run(&self) -> Result<(), CommandError> {
        let settings = Settings::read_or_problems(&self.settings).map_err(|found| Problems::new(&found))?;
        let server = if self.running { Server::Running } else { Server::Stopped };
        let found = start_check::problems(&settings, server).await;
        if !found.is_empty() {
            return Err(Problems(found).into());
        }
        print(&settings.to_toml())
    }
}
