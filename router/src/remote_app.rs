//! The router over remote subgraphs: a supergraph file, and a program behind HTTP for each of its subgraphs.
//!
//! It has no data folder. It composes nothing and asks no subgraph before a client does. Over the subgraphs of an Agora installation, it
//! has the REST mounts and the pages of a server.

mod loader;
mod reloader;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::HeaderName;
use contract::{Clock, SystemClock, TokenKeys};
use remote::RemoteError;

use self::loader::SupergraphLoader;
use self::reloader::Reloader;
use crate::auth::Authenticator;
use crate::cache::ResponseCache;
use crate::callers::{Callers, PropagationRules};
use crate::config::{ConfigError, Settings};
use crate::documents::{Documents, ManifestError};
use crate::gateway::Gateway;
use crate::http::{self, ListenerErrorFormat, with_unlimited_middleware};
use crate::metrics::{self, Collector, Sources};
use crate::readiness::Readiness;
use crate::rest;
use crate::rest::MountServices;
use crate::rest_access::AnonymousAccess;
use crate::supergraph::SupergraphError;
use crate::traces::Traces;

/// A supergraph file, and what its subgraphs receive.
#[derive(Clone, Debug)]
pub struct RemoteGraph {
    /// The file with the supergraph.
    pub file: PathBuf,
    /// The addresses of subgraphs that replace those in the file.
    pub urls: Vec<SubgraphUrl>,
    /// The headers of requests that their fetches carry.
    pub propagated_headers: Vec<HeaderName>,
    /// The keys of the Agora installation whose subgraphs these are; `None` for the subgraphs of other programs.
    pub internal_keys: Option<PathBuf>,
}

/// The address of a subgraph.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubgraphUrl {
    /// Its name in the supergraph.
    pub name: String,
    /// Its address.
    pub url: String,
}

impl std::str::FromStr for SubgraphUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, url)) if !name.is_empty() && !url.is_empty() => Ok(Self {
                name: name.to_owned(),
                url: url.to_owned(),
            }),
            _ => Err(format!("`{text}` is not of the form NAME=URL")),
        }
    }
}

/// An error that prevents the router from opening.
#[derive(Debug, thiserror::Error)]
pub enum RemoteOpenError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The file has no supergraph that can be served.
    #[error("{}: {error}", path.display())]
    Supergraph {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: SupergraphError,
    },
    /// `--subgraph` names a subgraph that the supergraph does not have.
    #[error("--subgraph {name}: the supergraph has no subgraph of this name; its subgraphs are {}", .known.join(", "))]
    UnknownSubgraph {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The supergraph has no address of a subgraph.
    #[error("the supergraph has no address of the subgraph {0}: give one with --subgraph {0}=URL")]
    NoUrl(String),
    /// A subgraph cannot be set up.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The trusted documents cannot be used.
    #[error(transparent)]
    Documents(#[from] ManifestError),
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
}

/// The router over remote subgraphs: opened, but not listening yet.
pub struct RemoteApp {
    /// The state that the listeners' routers share.
    pub gateway: Gateway,
    reloader: Arc<Reloader>,
    /// The REST mounts, if the subgraphs are those of an Agora installation.
    pub mounts: Option<MountServices>,
    readiness: Readiness,
    traces: Option<Arc<Traces>>,
}

impl RemoteApp {
    /// Reads the supergraph and prepares its subgraphs. It opens no connection.
    ///
    /// # Errors
    /// When the file has no supergraph that can be served, or a subgraph has no usable address.
    pub async fn open(settings: &Settings, source: &RemoteGraph) -> Result<Self, RemoteOpenError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let keys = source.internal_keys.as_deref().map(load_keys).transpose()?;
        let loader = SupergraphLoader::new(source, settings, keys.clone(), &clock);
        let reloader = Reloader::open(loader, Arc::clone(&clock))?;
        let graph = reloader.graph();
        let traces = Traces::start(&settings.telemetry)?;
        let rules = PropagationRules {
            names: source.propagated_headers.clone(),
            has_sign_in: keys.is_some(),
        };
        let mounts = keys.is_some().then(|| MountServices::over_graph(rest::mounts()));
        let auth = Arc::new(match keys {
            Some(keys) => Authenticator::new(keys, Arc::clone(&clock), settings.limits.verified_tokens_max),
            None => Authenticator::without_sign_in(Arc::clone(&clock)),
        });
        let limits = Arc::new(settings.limits.clone());
        let gateway = Gateway::new(Arc::new(graph.clone()), auth, clock, limits)
            .with_long_operations(graph.current().long_operations())
            .with_callers(Callers::Remote(Arc::new(rules)))
            .with_trusted_proxies(&settings.server.trusted_proxies.0)
            .with_traces(traces.clone())
            .with_exposed_traces(settings.telemetry.expose_traces);
        let documents = Arc::new(Documents::open(&settings.documents)?);
        documents.require_valid(&*gateway.graph).await?;
        let gateway = gateway.with_documents(documents, settings.documents.batch_operations_max);
        Ok(Self {
            readiness: Readiness::of_router(&gateway, reloader.status()),
            gateway,
            reloader: Arc::new(reloader),
            mounts,
            traces,
        })
    }

    /// Starts the task that serves changes of the supergraph file. From now on, SIGHUP no longer ends the process.
    pub fn start_reloads(&self, settings: &Settings) {
        let reloader = Arc::clone(&self.reloader);
        reloader.start(settings.supergraph.poll_interval(), self.gateway.shutdown.clone());
    }

    /// Builds the router of the main address: the graph, GraphiQL, and the addresses for programs that watch this one. Over the
    /// subgraphs of an installation it has the REST mounts and all pages too.
    pub fn router(&self, settings: &Settings, access: AnonymousAccess) -> axum::Router {
        let front = http::FrontConfig {
            schema: settings.limits.introspection.then(|| self.reloader.schema().clone()),
            allowed_origins: settings.server.allowed_origins.0.clone(),
            anonymous_access: access,
            readiness: Some(self.readiness.clone()),
            metrics: settings.telemetry.metrics_listen.0.is_none().then(|| self.metrics()),
            has_only_graphiql: self.mounts.is_none(),
            is_foreign: self.mounts.is_none(),
            ..http::FrontConfig::default()
        };
        let (routes, envelope_at): (_, http::EnvelopeAt) = match &self.mounts {
            Some(mounts) => {
                let front = http::FrontConfig {
                    mounts: rest::mount_links(),
                    ..front
                };
                let routes = http::router(&self.gateway, front).merge(mounts.router(&self.gateway, access));
                (routes, rest::envelope_at)
            }
            None => (http::remote_router(&self.gateway, front), |_| None),
        };
        let routes = http::with_cors(&settings.server.allowed_origins.0, routes);
        http::with_middleware(&self.gateway, envelope_at, routes)
    }

    /// Builds the router of an address that has nothing but the metrics.
    pub fn metrics_router(&self) -> axum::Router {
        let format = ListenerErrorFormat::ByPath(|_| None);
        with_unlimited_middleware(&self.gateway.permits, format, metrics::router(&self.metrics()))
    }

    fn metrics(&self) -> Collector {
        Collector::new(Sources {
            gateway: self.gateway.clone(),
            graph: self.reloader.graph().clone(),
            reloads: Some(self.reloader.status().clone()),
            cache: Arc::new(ResponseCache::absent()),
            clock: Arc::clone(&self.gateway.clock),
            services: None,
            order_replicas: None,
            readiness: self.readiness.clone(),
            ledger_check: None,
            traces: self.traces.clone(),
        })
    }

    /// Sends the last spans.
    pub async fn close(self) {
        if let Some(traces) = &self.traces {
            traces.stop().await;
        }
    }
}

fn load_keys(path: &Path) -> Result<Arc<TokenKeys>, RemoteOpenError> {
    TokenKeys::load(path)
        .map(Arc::new)
        .map_err(|error| RemoteOpenError::File {
            path: path.to_owned(),
            error,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subgraph_url_needs_a_name_and_an_address() {
        let given: SubgraphUrl = "users=http://127.0.0.1:1/graphql?a=b".parse().unwrap();
        assert_eq!((&*given.name, &*given.url), ("users", "http://127.0.0.1:1/graphql?a=b"));
        for wrong in ["users", "=http://127.0.0.1", "users="] {
            assert!(wrong.parse::<SubgraphUrl>().is_err(), "{wrong}");
        }
    }
}
