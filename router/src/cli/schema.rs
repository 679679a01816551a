//! `agora schema` and `agora plan`: the schema that is built into the program, and the plan of an operation.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{CommandError, print};
use crate::supergraph::Supergraph;
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
    #[arg(long, alias = "operation-name", value_name = "NAME")]
    operation: Option<String>,
    /// A supergraph file, instead of the graph that is built into the program.
    #[arg(long, value_name = "FILE")]
    supergraph: Option<PathBuf>,
    /// Prints the plan as JSON, with the documents as the subgraphs receive them.
    #[arg(long)]
    json: bool,
}

impl PlanArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let query = match self.file.to_str() {
            Some("-") => std::io::read_to_string(std::io::stdin())?,
            _ => read(&self.file)?,
        };
        let (graph, operation) = (self.graph()?, self.operation.as_deref());
        if self.json {
            let plan = serde_json::to_string_pretty(&graph.plan_json(&query, operation)?)?;
            return print(&format!("{plan}\n"));
        }
        print(&graph.plan_text(&query, operation)?)
    }

    fn graph(&self) -> Result<Supergraph, CommandError> {
        let Some(file) = &self.supergraph else {
            return Ok(Supergraph::without_subgraphs(
                domains::SUPERGRAPH_SDL,
                &contract::SCALARS,
            )?);
        };
        let text = read(file)?;
        // As a router does, it refuses a schema without subgraphs.
        let graph = supergraph::subgraph_locations(&text).and_then(|_| Supergraph::without_subgraphs(&text, &[]));
        Ok(graph.map_err(|error| format!("{}: {error}", file.display()))?)
    }
}

fn read(file: &Path) -> Result<String, CommandError> {
    Ok(std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?)
}

fn write_subgraphs(folder: &Path) -> Result<(), CommandError> {
    for (name, sdl) in domains::sdls() {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("schema.graphql"), sdl)?;
    }
    Ok(())
}
