//! `agora subgraph`: serves domains as subgraphs behind HTTP, to routers with the same keys.

use clap::Args;

use super::CommandError;
use super::serve::serve_front;
use crate::config::{Settings, SettingsFlags};
use crate::domains;
use crate::serve::Front;

/// The name that stands for all subgraphs.
const ALL: &str = "all";

/// The arguments of `agora subgraph`.
#[derive(Debug, Args)]
pub(super) struct SubgraphArgs {
    /// The subgraphs to serve, each at `/NAME/graphql`: the names of domains, and `nodes`; or `all`.
    #[arg(required = true, value_name = "NAME", value_delimiter = ',')]
    names: Vec<String>,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl SubgraphArgs {
    pub(super) async fn run(&self) -> Result<(), CommandError> {
        let names = subgraph_names(&self.names)?;
        let settings = Settings::read_with_defaults(Settings::subgraph(), &self.settings)?;
        serve_front(&settings, &Front::Subgraphs(names)).await
    }
}

/// Returns the subgraphs that these names stand for, each once.
fn subgraph_names(given: &[String]) -> Result<Vec<String>, String> {
    let known: Vec<&str> = domains::names().collect();
    if let Some(unknown) = given
        .iter()
        .find(|name| *name != ALL && !known.contains(&name.as_str()))
    {
        let known = known.join(", ");
        return Err(format!(
            "there is no subgraph {unknown}; the subgraphs are {known}, or {ALL}"
        ));
    }
    let is_served = |name: &&str| given.iter().any(|given| given == ALL || given == name);
    Ok(known.into_iter().filter(is_served).map(str::to_owned).collect())
}
