//! The command line: one binary with a subcommand for each of its tasks.

mod load;
mod token;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use contract::{InProcessBus, SystemClock};
use migrations::{DataLoss, Migrator, MigratorTrait};
use sea_orm::DbErr;
use tokio::runtime::Runtime;
use tokio::signal::unix::SignalKind;
use tracing_subscriber::EnvFilter;

use crate::app::{self, App};
use crate::config::{DataFolder, LogFormat, Settings, SettingsFlags};
use crate::order_service::{self, MembersCommand, ReplicaArgs};
use crate::{demo, domains, serve, supergraph};
use token::TokenArgs;

/// Any error that ends a command.
type CommandError = Box<dyn std::error::Error + Send + Sync>;

/// One federated GraphQL API over a stock bazaar, a brokerage, a bookstore, a shop and a community.
#[derive(Debug, Parser)]
#[command(name = "agora", version)]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Runs everything in one process on SQLite, with sample data, and prints the addresses to open. Loopback addresses only.
    Demo(SettingsFlags),
    /// Runs everything in one process on SQLite, without sample data.
    Serve(SettingsFlags),
    /// Runs one replica of the order service; docs/ORDER_REPLICAS.md explains how.
    OrderReplica(Box<ReplicaArgs>),
    /// Lists, adds or removes the members of the order service, through any running replica.
    #[command(subcommand)]
    OrderMembers(MembersCommand),
    /// Prints the public schema, or writes the schema of each domain.
    Schema {
        /// Writes each domain's SDL to `DIR/NAME/schema.graphql` instead; the supergraph is composed from these files.
        #[arg(long, value_name = "DIR")]
        subgraphs: Option<PathBuf>,
        /// Writes the public schema to a file instead of printing it.
        #[arg(long, value_name = "FILE", conflicts_with = "subgraphs")]
        out: Option<PathBuf>,
    },
    /// Prints the query plan of an operation.
    Plan {
        /// A file with a GraphQL document; `-` reads standard input.
        file: PathBuf,
        /// The name of the operation, if the document has several.
        #[arg(long, value_name = "NAME")]
        operation: Option<String>,
    },
    /// Migrates the database of a data folder to the newest schema, or back.
    Migrate {
        /// Reverts this number of the latest migrations instead. Where that deletes rows, it reports these rows and needs `--yes`.
        #[arg(long, value_name = "STEPS")]
        down: Option<u32>,
        /// Reverts migrations even if that deletes rows.
        #[arg(long, requires = "down")]
        yes: bool,
        /// Only lists which migrations are applied and which are pending.
        #[arg(long, conflicts_with = "down")]
        status: bool,
        #[command(flatten)]
        settings: SettingsFlags,
    },
    /// Prints a credential for a service, signed with this installation's key; lists and revokes credentials.
    Token(Box<TokenArgs>),
    /// Creates an administrator; the password is read from standard input.
    CreateAdmin {
        /// The username.
        #[arg(long, value_name = "NAME")]
        username: String,
        /// The email address.
        #[arg(long, value_name = "ADDRESS")]
        email: String,
        #[command(flatten)]
        settings: SettingsFlags,
    },
    /// Prints the settings as they would be used, as a TOML file, or names the invalid one and the reason.
    CheckConfig(SettingsFlags),
    /// Lets many simulated people use all services of a running server at once, and compares every answer with their actions.
    Load(Box<load::LoadArgs>),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    main_with(std::env::args_os())
}

/// Runs that command line, whose first argument is the program's name.
pub fn main_with(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let matches = with_defaults(Cli::command()).get_matches_from(arguments);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let result = runtime(&cli.command)
        .map_err(CommandError::from)
        .and_then(|runtime| runtime.block_on(run(cli.command)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agora: {error}");
            let of_replica = error.downcast_ref::<order_service::ReplicaError>();
            of_replica.map_or(ExitCode::FAILURE, |error| ExitCode::from(error.exit_code()))
        }
    }
}

/// The runtime of a command.
///
/// A replica passes each entry from task to task, and each step is short. On one thread none of them has to wake another thread,
/// and a machine with several replicas has a thread for each. SQLite blocks threads of its own.
fn runtime(command: &CliCommand) -> std::io::Result<Runtime> {
    let mut builder = match command {
        CliCommand::OrderReplica(_) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

async fn run(command: CliCommand) -> Result<(), CommandError> {
    ignore_file_size_signal();
    match command {
        CliCommand::Demo(flags) => run_demo(&flags).await,
        CliCommand::Serve(flags) => run_serve(&flags).await,
        CliCommand::OrderReplica(args) => run_replica(&args).await,
        CliCommand::OrderMembers(command) => print(&command.execute().await?),
        CliCommand::Schema {
            subgraphs: Some(folder),
            ..
        } => write_subgraphs(&folder),
        CliCommand::Schema { out: Some(file), .. } => Ok(std::fs::write(file, public_schema()?)?),
        CliCommand::Schema { .. } => print(&public_schema()?),
        CliCommand::Plan { file, operation } => print(&plan(&file, operation.as_deref())?),
        CliCommand::Migrate {
            down,
            yes,
            status,
            settings,
        } => migrate(&settings, down, yes, status).await,
        CliCommand::Token(args) => args.run(),
        CliCommand::CreateAdmin {
            username,
            email,
            settings,
        } => create_admin(&settings, username, email).await,
        CliCommand::Load(args) => args.run().await,
        CliCommand::CheckConfig(flags) => print(&Settings::read(&flags)?.to_toml()),
    }
}

/// Makes a write beyond the file-size limit fail like one on a full disk; by default the signal would end the
/// process.
fn ignore_file_size_signal() {
    /// SIGXFSZ, on every platform but MIPS.
    const FILE_SIZE_EXCEEDED: i32 = 25;
    // The handler stays installed when the listener is dropped.
    if let Err(error) = tokio::signal::unix::signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED)) {
        tracing::warn!(%error, "a file-size limit would end this process");
    }
}

async fn run_demo(flags: &SettingsFlags) -> Result<(), CommandError> {
    let settings = Settings::read_with_defaults(Settings::demo(), flags)?;
    settings.require_loopback()?;
    start_log(&settings);
    let app = App::open(&settings, Arc::new(SystemClock)).await?;
    // The sample data contains trades.
    let replicas = app.start_replicas(&settings, &order_service::own_executable()).await?;
    demo::seed(&app.services).await?;
    serve::run(app, replicas, &settings, true).await?;
    Ok(())
}

async fn run_serve(flags: &SettingsFlags) -> Result<(), CommandError> {
    let settings = Settings::read(flags)?;
    start_log(&settings);
    let app = App::open(&settings, Arc::new(SystemClock)).await?;
    let replicas = app.start_replicas(&settings, &order_service::own_executable()).await?;
    serve::run(app, replicas, &settings, false).await?;
    Ok(())
}

async fn run_replica(args: &ReplicaArgs) -> Result<(), CommandError> {
    let settings = args.settings()?;
    start_log(&settings);
    Ok(order_service::run_replica(args, &settings).await?)
}

fn public_schema() -> Result<String, CommandError> {
    Ok(supergraph::public_sdl(domains::SUPERGRAPH_SDL)?)
}

fn write_subgraphs(folder: &std::path::Path) -> Result<(), CommandError> {
    for (name, sdl) in domains::sdls() {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("schema.graphql"), sdl)?;
    }
    Ok(())
}

fn plan(file: &std::path::Path, operation: Option<&str>) -> Result<String, CommandError> {
    let query = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin())?,
        _ => std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?,
    };
    let graph = supergraph::Supergraph::without_subgraphs(domains::SUPERGRAPH_SDL, &contract::SCALARS)?;
    Ok(graph.plan_text(&query, operation)?)
}

async fn migrate(flags: &SettingsFlags, down: Option<u32>, yes: bool, status: bool) -> Result<(), CommandError> {
    let settings = Settings::read(flags)?;
    start_log(&settings);
    let folder = DataFolder::new(&settings.server.data);
    let _lock = app::lock(&folder)?;
    let db = app::connect(&settings, &folder, Arc::new(InProcessBus::new(1))).await?;
    let (report, reported) = std::sync::mpsc::channel();
    db.migrate(async move |connection| {
        match (down, status) {
            (Some(steps), _) => {
                let losses = migrations::data_losses(connection, steps).await?;
                if !losses.is_empty() && !yes {
                    return Err(DbErr::Migration(rollback_error(steps, &losses)));
                }
                Migrator::down(connection, Some(steps)).await?;
            }
            (None, false) => Migrator::up(connection, None).await?,
            (None, true) => {}
        }
        for migration in Migrator::get_migration_with_status(connection).await? {
            // A report without a receiver does not fail the migration.
            let _ = report.send(format!("{:<24} {}\n", migration.name(), migration.status()));
        }
        Ok(())
    })
    .await
    .map_err(app::OpenError::from)?;
    db.close().await.map_err(contract::Error::from)?;
    print(&reported.iter().collect::<String>())
}

fn rollback_error(steps: u32, losses: &[DataLoss]) -> String {
    let losses: Vec<String> = losses.iter().map(ToString::to_string).collect();
    format!(
        "going back {steps} steps deletes rows of {}; nothing was changed. Money that brokers or orders have would go back to \
         its owners. Copy the data folder, then repeat the command with --yes",
        losses.join(", ")
    )
}

async fn create_admin(flags: &SettingsFlags, username: String, email: String) -> Result<(), CommandError> {
    let settings = Settings::read(flags)?;
    start_log(&settings);
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    let app = App::open(&settings, Arc::new(SystemClock)).await?;
    let created = accounts::create_admin(
        &app.services,
        &username,
        Some(&email),
        password.trim_end_matches(['\r', '\n']).to_owned(),
    )
    .await;
    app.close().await?;
    let id = created?;
    print(&format!("{username} is user {id} and administers this installation\n"))
}

/// Writes to standard output. A closed reader is not an error.
fn print(text: &str) -> Result<(), CommandError> {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn start_log(settings: &Settings) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&settings.server.log))
        .with_ansi(std::io::stderr().is_terminal())
        // If the starter of a replica was killed, the log has no reader, and the replica must still end cleanly.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // A second log in one process (in tests) is not an error: the first one stays.
    let _ = match settings.server.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

/// Adds the default value to every setting's help.
fn with_defaults(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|subcommand| {
        let defaults = match subcommand.get_name() {
            "demo" => Settings::demo(),
            "order-replica" => Settings::order_replica(),
            _ => Settings::default(),
        };
        let defaults = defaults.by_name();
        subcommand.mut_args(|arg| {
            let Some(default) = defaults
                .get(arg.get_id().as_str())
                .filter(|default| !default.is_empty())
            else {
                return arg;
            };
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            match arg.get_action() {
                ArgAction::Set => arg.help(format!("{help} [default: {default}]")),
                _ => arg,
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_setting_has_help() {
        with_defaults(Cli::command()).debug_assert();
        for name in ["serve", "order-replica"] {
            for arg in Cli::command().find_subcommand(name).unwrap().get_arguments() {
                assert!(arg.get_help().is_some(), "{} has no help", arg.get_id());
            }
        }
    }
}
