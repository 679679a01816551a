//! `agora router`: a router over the subgraphs of any supergraph, behind HTTP.

use std::path::PathBuf;

use axum::http::HeaderName;
use clap::Args;

use super::serve::reserve;
use super::{CommandError, log};
use crate::config::RouterFlags;
use crate::remote_app::{RemoteApp, RemoteGraph, SubgraphUrl};

/// The arguments of `agora router`.
#[derive(Debug, Args)]
pub(super) struct RouterArgs {
    /// The supergraph, as a composition wrote it (`join` v0.3 to v0.5).
    #[arg(long, value_name = "FILE")]
    supergraph: PathBuf,
    /// The address of a subgraph, instead of the one in the supergraph. Once for each.
    #[arg(long = "subgraph", value_name = "NAME=URL")]
    subgraphs: Vec<SubgraphUrl>,
    /// A header of clients' requests that the subgraphs receive. Once for each; none by default, also not `authorization`.
    #[arg(long = "propagate-header", value_name = "NAME")]
    propagated_headers: Vec<HeaderName>,
    /// The keys of an Agora installation (`keys.json` of its data folder), whose subgraphs these are. The router signs its people and
    /// programs in, and states each caller to the subgraphs in a signed token. It serves the REST mounts and all pages too.
    #[arg(long, value_name = "FILE")]
    internal_keys: Option<PathBuf>,
    #[command(flatten)]
    flags: RouterFlags,
}

impl RouterArgs {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let settings = self.flags.settings(self.internal_keys.is_some())?;
        log::start(&settings);
        let addresses = reserve(&settings)?;
        let source = RemoteGraph {
            file: self.supergraph,
            urls: self.subgraphs,
            propagated_headers: self.propagated_headers,
            internal_keys: self.internal_keys,
        };
        let app = RemoteApp::open(&settings, &source).await?;
        crate::serve::run_router(app, addresses, &settings).await?;
        Ok(())
    }
}
