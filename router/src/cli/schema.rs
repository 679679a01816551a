//! `agora schema` and `agora plan`: the schema that is built into the program, and the plan of an operation.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{CommandError, print};
use crate::{domains, supergraph};

/// The arguments of `agora schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Writes each domain's SDL to `DIR/NAME/schema.graphql` instead; the supergraph is composed from these files.
    #[arg(long, value_name = "DIR")]
    subgraphs: Option<PathBuf>,
    /// Writes the schema to a file instead of printing it.
    #[arg(long, value_name = "FILE", conflicts_with = "subgraphs")]
    out: Option<PathBuf>,
    /// The composed supergraph instead of the public schema, for a router.
    #[arg(long, conflicts_with = "subgraphs")]
    supergraph: bool,
}

impl SchemaArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        match (&self.subgraphs, &self.out) {
            (Some(folder), _) => write_subgraphs(folder),
            (None, Some(file)) => Ok(std::fs::write(file, self.schema()?)?),
            (None, None) => print(&self.schema()?),
        }
    }

    fn schema(&self) -> Result<String, CommandError> {
        if self.supergraph {
            return Ok(domains::SUPERGRAPH_SDL.to_owned());
        }
        Ok(supergraph::public_sdl(domains::SUPERGRAPH_SDL)?)
    }
}

/// The arguments of `agora plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// A file with a GraphQL document; `-` reads standard input.
    file: PathBuf,
    /// The name of the operation, if the document has several.
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
}

impl PlanArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let query = match self.file.to_str() {
            Some("-") => std::io::read_to_string(std::io::stdin())?,
            _ => std::fs::read_to_string(&self.file).map_err(|error| format!("{}: {error}", self.file.display()))?,
        };
        let graph = supergraph::Supergraph::without_subgraphs(domains::SUPERGRAPH_SDL, &contract::SCALARS)?;
        print(&graph.plan_text(&query, self.operation.as_deref())?)
    }
}

fn write_subgraphs(folder: &Path) -> Result<(), CommandError> {
    for (name, sdl) in domains::sdls() {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("schema.graphql"), sdl)?;
    }
    Ok(())
}
