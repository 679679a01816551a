//! The command line: one binary with a subcommand for each of its tasks.

mod backup;
mod check_config;
mod create_admin;
mod health;
mod help_files;
mod keys;
mod load;
mod log;
mod migrate;
mod router;
mod schema;
mod serve;
mod subgraph;
mod token;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::runtime::Runtime;
use tokio::signal::unix::SignalKind;

use crate::config::{Settings, SettingsFlags};
use crate::order_service::{self, MembersCommand, ReplicaArgs};
use backup::{BackupArgs, RestoreArgs};
use check_config::CheckConfigArgs;
use create_admin::CreateAdminArgs;
use health::HealthArgs;
use help_files::{CompletionsArgs, ManArgs};
use keys::KeysCommand;
use migrate::MigrateArgs;
use router::RouterArgs;
use schema::{PlanArgs, SchemaArgs};
use subgraph::SubgraphArgs;
use token::TokenArgs;
use verify::VerifyArgs;

/// Any error that ends a command.
type CommandError = Box<dyn std::error::Error + Send + Sync>;

/// Several problems, each on a line of its own.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\nagora: "))]
struct Problems(Vec<String>);

impl Problems {
    fn new<P: ToString>(problems: &[P]) -> Self {
        Self(problems.iter().map(ToString::to_string).collect())
    }
}

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
    /// Runs a router over the subgraphs of any supergraph, behind HTTP; docs/ROUTER.md explains how.
    Router(Box<RouterArgs>),
    /// Serves domains as subgraphs behind HTTP, to routers with the same keys; docs/ROUTER.md explains how.
    Subgraph(Box<SubgraphArgs>),
    /// Runs one replica of the order service; docs/ORDER_REPLICAS.md explains how.
    OrderReplica(Box<ReplicaArgs>),
    /// Lists, adds or removes the members of the order service, through any running replica.
    #[command(subcommand)]
    OrderMembers(MembersCommand),
    /// Prints the public schema, or writes the schema of each domain.
    Schema(SchemaArgs),
    /// Prints the query plan of an operation: the tree of its fetches.
    Plan(PlanArgs),
    /// Migrates the database of a data folder to the newest schema, or back.
    Migrate(Box<MigrateArgs>),
    /// Prints a credential for a service, signed with this installation's key; lists and revokes credentials.
    Token(Box<TokenArgs>),
    /// Lists, rotates and retires the keys that sign tokens, also while the server runs.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Checks that everything in a data folder adds up, also while the server runs.
    Verify(Box<VerifyArgs>),
    /// Writes an archive of a data folder, also while the server runs.
    Backup(Box<BackupArgs>),
    /// Restores an archive into an empty folder, and checks that everything adds up.
    Restore(Box<RestoreArgs>),
    /// Creates an administrator. A terminal asks for the password and does not show it; otherwise it is a line of standard input.
    CreateAdmin(Box<CreateAdminArgs>),
    /// Prints the settings as they would be used, as a TOML file, or everything that `serve` would refuse.
    CheckConfig(Box<CheckConfigArgs>),
    /// Lets many simulated people use all services of a running server at once, and compares every answer with their actions.
    Load(Box<load::LoadArgs>),
    /// Asks the running server whether it is ready, and fails when it is not.
    Health(Box<HealthArgs>),
    /// Prints the completions of the commands for a shell.
    Completions(CompletionsArgs),
    /// Writes the manual pages of the commands into a folder.
    Man(ManArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    main_with(std::env::args_os())
}

/// Runs that command line, whose first argument is the program's name.
pub fn main_with(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let matches = with_defaults(Cli::command()).get_matches_from(arguments);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let result = runtime(&cli.command).map_err(CommandError::from).and_then(|runtime| {
        let result = runtime.block_on(run(cli.command));
        // A statement that still runs on a thread for blocking work would delay the end.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::report(&error);
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
        CliCommand::Demo(flags) => serve::demo(&flags).await,
        CliCommand::Serve(flags) => serve::serve(&flags).await,
        CliCommand::Router(args) => args.run().await,
        CliCommand::Subgraph(args) => args.run().await,
        CliCommand::OrderReplica(args) => serve::order_replica(&args).await,
        CliCommand::OrderMembers(command) => print(&command.execute().await?),
        CliCommand::Schema(args) => args.run(),
        CliCommand::Plan(args) => args.run(),
        CliCommand::Migrate(args) => args.run().await,
        CliCommand::Token(args) => args.run(),
        CliCommand::Keys(command) => command.run(),
        CliCommand::Verify(args) => args.run(),
        CliCommand::Backup(args) => args.run(),
        CliCommand::Restore(args) => args.run(),
        CliCommand::CreateAdmin(args) => args.run().await,
        CliCommand::CheckConfig(args) => args.run().await,
        CliCommand::Load(args) => args.run().await,
        CliCommand::Health(args) => args.run(),
        CliCommand::Completions(args) => args.run(Cli::command()),
        CliCommand::Man(args) => args.run(with_defaults(Cli::command())),
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

/// Writes to standard output. A closed reader is not an error.
fn print(text: &str) -> Result<(), CommandError> {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Adds the default value to every setting's help.
fn with_defaults(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|subcommand| {
        let defaults = match subcommand.get_name() {
            "demo" => Settings::demo(),
            "order-replica" => Settings::order_replica(),
            "subgraph" => Settings::subgraph(),
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
        for name in ["serve", "order-replica", "router", "subgraph"] {
            for arg in Cli::command().find_subcommand(name).unwrap().get_arguments() {
                assert!(arg.get_help().is_some(), "{} has no help", arg.get_id());
            }
        }
    }
}
