//! `cargo xtask`: the tasks of development. It has no dependencies, so that it builds in a second.

mod build;
mod checks;
mod ci;
mod command;
mod dist;
mod edit;
mod error;
mod new_domain;
mod new_migration;
mod text;
mod workspace;

use std::process::ExitCode;

use crate::error::Result;
use crate::workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask TASK

  ci [STEP…]                 run the full check, or some of its steps in their usual order
  ci --list                  list the steps, and what each needs
  dist [--debug-binary]      write the release archive and the Debian package to target/package, of an optimised build or, to
                             check them, of the debug build that exists
  runbooks [NAME…]           run the commands of all runbooks, or of some, with the program that was built last
  schemas                    write the schemas of all domains, the supergraph and schema.graphql (needs Node)
  new-domain NAME [ENTITY]   add a domain: a crate with one entity, one query and its test
  new-migration NAME         add a migration with the next number
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result {
    let workspace = Workspace::current()?;
    match arguments {
        [] | ["help"] | [.., "--help" | "-h"] => print!("{USAGE}"),
        ["ci", "--list"] => ci::list(),
        ["ci", steps @ ..] => ci::run(&workspace, steps)?,
        ["dist"] => dist(&workspace, dist::Program::Dist)?,
        ["dist", "--debug-binary"] => dist(&workspace, dist::Program::Debug)?,
        ["runbooks", names @ ..] => ci::run_runbooks(&workspace, names)?,
        ["schemas"] => schemas(&workspace)?,
        ["new-domain", name] => new_domain::add(&workspace, name, None)?,
        ["new-domain", name, entity] => new_domain::add(&workspace, name, Some(entity))?,
        ["new-migration", name] => new_migration::add(&workspace, name)?,
        _ => return Err(format!("no such task\n\n{USAGE}").into()),
    }
    Ok(())
}

/// Writes the packages of a release.
fn dist(workspace: &Workspace, program: dist::Program) -> Result {
    let written = dist::write(workspace, program, &dist::default_folder()?)?;
    println!("{}\n{}", written.archive.display(), written.debian.display());
    Ok(())
}

/// Writes the files that are generated from the domains' code.
fn schemas(workspace: &Workspace) -> Result {
    command::require(&[command::NODE])?;
    workspace.npm("router/web", &["ci", "--no-audit", "--no-fund", "--ignore-scripts"])?;
    workspace.npm("router/web", &["run", "schemas"])
}
