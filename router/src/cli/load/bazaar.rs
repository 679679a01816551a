//! `agora load bazaar`: the load client of the bazaar's document.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use load::{BazaarOptions, BazaarReport, BazaarServer, OwnServer, Patience, Target};

use super::super::{CommandError, print};

/// The arguments of `agora load bazaar`.
#[derive(Debug, Args)]
pub(super) struct BazaarArgs {
    /// A running server; `GET /cache` says whether its cache is on. Without it, the command starts two demos of its own on free
    /// ports and temporary folders, with the cache and without.
    #[arg(long, value_name = "URL")]
    target: Vec<Target>,
    /// The look-ups of each client in each part.
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    iterations: u32,
    /// The most clients at once; the parts have one to so many.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    clients: u32,
    /// The seed of all random choices.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// A folder for bazaar.csv, bazaar.json, bazaar-by-probability.svg and bazaar-by-clients.svg.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The longest wait for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_seconds: u64,
}

impl BazaarArgs {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        if let Some(folder) = &self.out {
            std::fs::create_dir_all(folder).map_err(|error| format!("out: {}: {error}", folder.display()))?;
        }
        let own = if self.target.is_empty() {
            start_own().await?
        } else {
            Vec::new()
        };
        let played = self.play(&own).await;
        for server in own {
            server.stop().await?;
        }
        let report = played?;
        self.write(&report)?;
        print(&report.to_text())?;
        if report.is_clean() {
            Ok(())
        } else {
            Err(format!("{} wrong answers and errors", report.findings.len()).into())
        }
    }

    async fn play(&self, own: &[OwnServer]) -> Result<BazaarReport, CommandError> {
        let patience = Patience {
            timeout: Duration::from_secs(self.timeout_seconds),
            away: Duration::ZERO,
        };
        let mut servers = Vec::new();
        for target in self.target.iter().chain(own.iter().map(OwnServer::target)) {
            let cache = load::cache_of(target, patience).await?;
            let target = target.clone();
            servers.push(BazaarServer { target, cache });
        }
        let options = BazaarOptions {
            servers,
            iterations: self.iterations,
            clients_max: self.clients,
            seed: self.seed,
            patience,
        };
        Ok(load::play_bazaar(&options, |part| eprintln!("{part}")).await)
    }

    fn write(&self, report: &BazaarReport) -> Result<(), CommandError> {
        let Some(folder) = &self.out else {
            return Ok(());
        };
        for (name, text) in [
            ("bazaar.csv", report.to_csv()),
            ("bazaar.json", report.to_json()?),
            ("bazaar-by-probability.svg", report.plot_by_probability()),
            ("bazaar-by-clients.svg", report.plot_by_clients()),
        ] {
            super::write(folder, name, &text)?;
        }
        Ok(())
    }
}

/// Starts two demos of this program: with the cache, and without. Their prices stand still.
async fn start_own() -> Result<Vec<OwnServer>, CommandError> {
    let program = std::env::current_exe()?;
    let mut servers = Vec::new();
    for cache in ["true", "false"] {
        let arguments = ["demo", "--price-feed-ms", "0", "--cache-enabled", cache].map(OsStr::new);
        servers.push(OwnServer::start(&program, cache, &arguments).await?);
    }
    Ok(servers)
}
