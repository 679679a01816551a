//! `agora verify`: whether everything in a data folder adds up.

use std::time::Duration;

use audit::{AuditLimits, Report};
use clap::Args;

use super::{CommandError, print};
use crate::config::{DataFolder, Settings, SettingsFlags};

/// The arguments of `agora verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
    /// The deviations of each check that are listed; all are counted.
    #[arg(long, value_name = "NUMBER", default_value_t = AuditLimits::default().deviations_max)]
    deviations_max: usize,
    /// How long the snapshot may be held, in seconds: a running server cannot shorten its write-ahead log meanwhile.
    #[arg(long, value_name = "SECONDS", default_value_t = AuditLimits::default().time_max.as_secs())]
    snapshot_seconds_max: u64,
    /// How much longer the write-ahead log of a running server may get meanwhile, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = AuditLimits::default().log_growth_bytes_max >> 20)]
    snapshot_log_mib_max: u64,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl VerifyArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let settings = Settings::read(&self.settings)?;
        let folder = DataFolder::new(&settings.server.data);
        let limits = AuditLimits {
            deviations_max: self.deviations_max,
            time_max: Duration::from_secs(self.snapshot_seconds_max),
            log_growth_bytes_max: self.snapshot_log_mib_max.saturating_mul(1 << 20),
        };
        let report = audit::audit(&folder.files()?, &limits)?;
        if self.json {
            print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
        } else {
            print(&report.to_string())?;
        }
        require_sound(&folder, &report)
    }
}

/// Fails when a check failed.
pub(super) fn require_sound(folder: &DataFolder, report: &Report) -> Result<(), CommandError> {
    if report.adds_up {
        return Ok(());
    }
    Err(format!(
        "{} does not add up: see the report; docs/runbooks/corrupt-database.md has the next steps",
        folder.path().display()
    )
    .into())
}
