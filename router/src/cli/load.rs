//! `agora load`: a load test of a running server, and the bazaar's own load client.

mod bazaar;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit::AuditLimits;
use clap::{Args, Subcommand};
use load::{Credential, Display, Extent, MemorySource, Options, Patience, Report, Target};

use super::verify::require_sound;
use super::{CommandError, print};
use crate::config::DataFolder;
use crate::demo;
use bazaar::BazaarArgs;

/// The administrator of the sample data.
const DEMO_ADMINISTRATOR: &str = "admin";

/// The arguments of `agora load`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct LoadArgs {
    #[command(subcommand)]
    command: Option<LoadCommand>,
    /// The server, which has no TLS of its own.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4000")]
    target: Target,
    /// The simulated people at once.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    users: u32,
    /// How long new activities begin. Everyone reads everything back after it.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, conflicts_with = "lives", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// The lives of each simulated person, instead of a time: a life goes from the registration to the comparison of everything.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    lives: Option<u32>,
    /// The rounds of activities in a life.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The pause of a person between two activities, in milliseconds; 0 for as much load as the server takes.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    think_ms: u64,
    /// The seed of all random choices.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// A folder for the report: report.html, report.json and report.txt, and verify.json with `--verify-data`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A file with a service credential (`agora token --service load`), which lists the things that people buy. Without it the
    /// command signs in as the administrator of the demo, on loopback addresses only.
    #[arg(long, value_name = "FILE")]
    service_token_file: Option<PathBuf>,
    /// The id of the server's process on this machine, whose memory the report shows over time.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// The address of the server's metrics, from which the report has its memory over time: http://127.0.0.1:9090/metrics.
    #[arg(long, value_name = "URL", conflicts_with = "server_pid")]
    metrics: Option<String>,
    /// The longest wait for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_seconds: u64,
    /// How long the server may be away, in seconds, before that is an error: requests are repeated until then, for tests that
    /// restart the server.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    ride_out_seconds: u64,
    /// The server's data folder on this machine: at the end, `agora verify` checks that everything in it adds up.
    #[arg(long, value_name = "DIR")]
    verify_data: Option<PathBuf>,
    /// Adds clients that send bogus and hostile requests, one for ten people.
    #[arg(long)]
    stress: bool,
}

#[derive(Debug, Subcommand)]
enum LoadCommand {
    /// Plays the bazaar's own load client: look-ups and trades with a probability from 0 to 0.8, one to five clients at once,
    /// with the cache and without; prints a table, and writes plots, CSV and JSON.
    Bazaar(BazaarArgs),
}

impl LoadArgs {
    /// Runs the load test, writes the report, and fails where an answer was wrong.
    pub(super) async fn run(self) -> Result<(), CommandError> {
        if let Some(LoadCommand::Bazaar(args)) = self.command {
            return args.run().await;
        }
        if let Some(folder) = &self.out {
            // Before the run: a folder that cannot be made should not cost five minutes.
            std::fs::create_dir_all(folder).map_err(|error| format!("out: {}: {error}", folder.display()))?;
        }
        let report = load::run(self.options()?).await?;
        if let Some(folder) = &self.out {
            write_report(folder, &report)?;
        }
        print(&report.to_text())?;
        let verified = self.verify().await;
        if report.clean {
            return verified;
        }
        let totals = &report.recording.totals;
        Err(format!("{} wrong answers and {} errors", totals.wrong, totals.errors).into())
    }

    /// Verifies the data folder, if there is one to verify. The server may be running.
    async fn verify(&self) -> Result<(), CommandError> {
        let Some(data) = &self.verify_data else {
            return Ok(());
        };
        let folder = DataFolder::new(data);
        let files = folder.files()?;
        let audited = tokio::task::spawn_blocking(move || audit::audit(&files, &AuditLimits::default()));
        let audit = audited.await??;
        if let Some(out) = &self.out {
            write(out, "verify.json", &serde_json::to_string_pretty(&audit)?)?;
        }
        print(&format!("\n{audit}"))?;
        require_sound(&folder, &audit)
    }

    fn options(&self) -> Result<Options, CommandError> {
        let users = usize::try_from(self.users)?;
        Ok(Options {
            credential: self.credential()?,
            target: self.target.clone(),
            users,
            extent: match self.lives {
                Some(lives) => Extent::Lives(lives),
                None => Extent::Time(Duration::from_secs(self.seconds)),
            },
            rounds: self.rounds,
            think: Duration::from_millis(self.think_ms),
            seed: self.seed,
            hostile: if self.stress { users.div_ceil(10) } else { 0 },
            patience: Patience {
                timeout: Duration::from_secs(self.timeout_seconds),
                away: Duration::from_secs(self.ride_out_seconds),
            },
            memory: self.memory()?,
            display: if std::io::stderr().is_terminal() {
                Display::Terminal
            } else {
                Display::plain()
            },
        })
    }

    fn credential(&self) -> Result<Credential, CommandError> {
        match &self.service_token_file {
            Some(file) => {
                let token = std::fs::read_to_string(file);
                let token = token.map_err(|error| format!("service-token-file: {}: {error}", file.display()))?;
                Ok(Credential::Service(token.trim().to_owned()))
            }
            None if self.target.is_loopback() => {
                let password = demo::PASSWORD.to_owned();
                Ok(Credential::Administrator(DEMO_ADMINISTRATOR.to_owned(), password))
            }
            None => Err("service-token-file is needed for a target that is not on this machine".into()),
        }
    }

    fn memory(&self) -> Result<Option<MemorySource>, CommandError> {
        if let Some(id) = self.server_pid {
            return Ok(Some(MemorySource::Process(id)));
        }
        let Some(url) = &self.metrics else {
            return Ok(None);
        };
        let address = url.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
        let (authority, path) = address.ok_or("metrics: expected an address such as http://127.0.0.1:9090/metrics")?;
        let target: Target = format!("http://{authority}").parse()?;
        Ok(Some(MemorySource::Metrics(target, format!("/{path}"))))
    }
}

fn write_report(folder: &Path, report: &Report) -> Result<(), CommandError> {
    for (name, text) in [
        ("report.html", report.to_html()),
        ("report.json", report.to_json()?),
        ("report.txt", report.to_text()),
    ] {
        write(folder, name, &text)?;
    }
    Ok(())
}

/// Writes a file of the report.
fn write(folder: &Path, name: &str, text: &str) -> Result<(), CommandError> {
    let file = folder.join(name);
    std::fs::write(&file, text).map_err(|error| format!("out: {}: {error}", file.display()).into())
}
