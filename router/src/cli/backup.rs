//! `agora backup` and `agora restore`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use audit::AuditLimits;
use clap::Args;
use contract::{Clock, SystemClock, to_date_time};

use super::verify::require_sound;
use super::{CommandError, print};
use crate::backup::{self, BackupOptions, Manifest, RestoreOptions};
use crate::config::{DataFolder, Settings, SettingsFlags};

/// The arguments of `agora backup`.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The archive, which must not exist; `-` writes to standard output. A name that ends in `.zst` compresses it.
    file: PathBuf,
    /// Compresses the archive with zstd, whatever its name.
    #[arg(long)]
    zstd: bool,
    /// How long to wait for a moment in which no database is written, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    backup_lock_ms_max: u64,
    /// How long one database may be copied, in seconds: a running server cannot shorten its write-ahead log meanwhile.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    backup_copy_seconds_max: u64,
    #[command(flatten)]
    settings: SettingsFlags,
}

/// The arguments of `agora restore`.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The archive; `-` reads standard input.
    file: PathBuf,
    /// Does not check whether the restored data adds up.
    #[arg(long)]
    no_verify: bool,
    /// The most bytes that all files of the archive together may have.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 40)]
    restore_bytes_max: u64,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl BackupArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let settings = Settings::read(&self.settings)?;
        let folder = DataFolder::new(&settings.server.data);
        let options = BackupOptions {
            zstd: self.zstd || self.file.extension().is_some_and(|extension| extension == "zst"),
            lock_wait_max: Duration::from_millis(self.backup_lock_ms_max),
            copy_time_max: Duration::from_secs(self.backup_copy_seconds_max),
        };
        let made_at = to_date_time(SystemClock.now_us()).to_string();
        let made = backup::create(&folder, named(&self.file), &options, made_at)?;
        // Standard output may have the archive.
        eprintln!(
            "agora: {}; writes waited for {:.1} ms",
            summary(&made.manifest),
            made.locks_held.as_secs_f64() * 1_000.0
        );
        Ok(())
    }
}

impl RestoreArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let settings = Settings::read(&self.settings)?;
        let folder = DataFolder::new(&settings.server.data);
        let options = RestoreOptions {
            bytes_max: self.restore_bytes_max,
        };
        let manifest = backup::restore(named(&self.file), &folder, &options)?;
        eprintln!(
            "agora: restored to {}: {}, made at {} by Agora {}",
            folder.path().display(),
            summary(&manifest),
            manifest.made_at,
            manifest.agora
        );
        if self.no_verify {
            return Ok(());
        }
        if manifest.migrations.len() < migrations::names().len() {
            eprintln!("agora: an older Agora made the archive: run `agora migrate`, then `agora verify`");
            return Ok(());
        }
        let report = audit::audit(&folder.files()?, &AuditLimits::default())?;
        print(&report.to_string())?;
        require_sound(&folder, &report)
    }
}

fn named(file: &Path) -> Option<&Path> {
    (file != Path::new("-")).then_some(file)
}

fn summary(manifest: &Manifest) -> String {
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    format!(
        "{} files with {} KiB, {} commits",
        manifest.files.len(),
        bytes / 1024,
        manifest.commits
    )
}
