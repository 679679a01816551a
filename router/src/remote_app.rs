//! The router over remote subgraphs: a supergraph file, and a program behind HTTP for each of its subgraphs.
//!
//! It has no data folder and no REST mount. It composes nothing and asks no subgraph before a client does.

use std::collections::HashMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::{HeaderName, Uri};
use contract::{Clock, Scalar, SystemClock, TokenKeys};
use remote::{RemoteError, RemoteSettings, RemoteSubgraph, RequestHeaders};

use crate::auth::Authenticator;
use crate::cache::ResponseCache;
use crate::callers::{Callers, PropagationRules};
use crate::config::{ConfigError, Settings};
use crate::gateway::Gateway;
use crate::http::{self, ListenerErrorFormat, with_unlimited_middleware};
use crate::metrics::{self, Collector, Sources};
use crate::readiness::Readiness;
use crate::remote_headers::{InternalHeaders, PropagatedHeaders};
use crate::rest_access::AnonymousAccess;
use crate::subgraph::Subgraph;
use crate::supergraph::{Supergraph, SupergraphError, public_sdl, subgraph_locations};
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
}

/// The router over remote subgraphs: opened, but not listening yet.
pub struct RemoteApp {
    /// The state that the listeners' routers share.
    pub gateway: Gateway,
    graph: Supergraph,
    /// The public schema.
    sdl: String,
    readiness: Readiness,
    traces: Option<Arc<Traces>>,
}

impl RemoteApp {
    /// Reads the supergraph and prepares its subgraphs. It opens no connection.
    ///
    /// # Errors
    /// When the file has no supergraph that can be served, or a subgraph has no usable address.
    pub fn open(settings: &Settings, source: &RemoteGraph) -> Result<Self, RemoteOpenError> {
        let text = std::fs::read_to_string(&source.file).map_err(|error| RemoteOpenError::File {
            path: source.file.clone(),
            error,
        })?;
        let refused = |error| supergraph_error(&source.file, error);
        let urls = subgraph_urls(&text, source)?;
        let keys = source.internal_keys.as_deref().map(load_keys).transpose()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let headers = |subgraph: &str| match &keys {
            Some(keys) => InternalHeaders::of(subgraph, keys, &clock, settings) as Arc<dyn RequestHeaders>,
            None => Arc::new(PropagatedHeaders),
        };
        let subgraphs = open_subgraphs(urls, &Arc::new(settings.subgraphs.clone()), headers)?;
        let sdl = public_sdl(&text).map_err(refused)?;
        let scalars = if keys.is_some() { &contract::SCALARS[..] } else { &[] };
        let graph = open_supergraph(&text, scalars, settings, subgraphs).map_err(refused)?;
        let traces = Traces::start(&settings.telemetry)?;
        let rules = PropagationRules {
            names: source.propagated_headers.clone(),
            has_sign_in: keys.is_some(),
        };
        let auth = Arc::new(match keys {
            Some(keys) => Authenticator::new(keys, Arc::clone(&clock), settings.limits.verified_tokens_max),
            None => Authenticator::without_sign_in(Arc::clone(&clock)),
        });
        let limits = Arc::new(settings.limits.clone());
        let gateway = Gateway::new(Arc::new(graph.clone()), auth, clock, limits)
            .with_long_operations(graph.long_operations())
            .with_callers(Callers::Remote(Arc::new(rules)))
            .with_trusted_proxies(&settings.server.trusted_proxies.0)
            .with_traces(traces.clone());
        Ok(Self {
            readiness: Readiness::of_router(&gateway),
            gateway,
            graph,
            sdl,
            traces,
        })
    }

    /// Builds the router of the main address: the graph, GraphiQL, and the addresses for programs that watch this one.
    pub fn router(&self, settings: &Settings, access: AnonymousAccess) -> axum::Router {
        let front = http::FrontConfig {
            schema: settings.limits.introspection.then(|| self.sdl.clone().into()),
            allowed_origins: settings.server.allowed_origins.0.clone(),
            anonymous_access: access,
            readiness: Some(self.readiness.clone()),
            metrics: settings.telemetry.metrics_listen.0.is_none().then(|| self.metrics()),
            ..http::FrontConfig::default()
        };
        let routes = http::remote_router(&self.gateway, front);
        let routes = http::with_cors(&settings.server.allowed_origins.0, routes);
        http::with_middleware(&self.gateway, |_| None, routes)
    }

    /// Builds the router of an address that has nothing but the metrics.
    pub fn metrics_router(&self) -> axum::Router {
        let format = ListenerErrorFormat::ByPath(|_| None);
        with_unlimited_middleware(&self.gateway.permits, format, metrics::router(&self.metrics()))
    }

    fn metrics(&self) -> Collector {
        Collector::new(Sources {
            gateway: self.gateway.clone(),
            graph: self.graph.clone(),
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

fn supergraph_error(path: &Path, error: SupergraphError) -> RemoteOpenError {
    RemoteOpenError::Supergraph {
        path: path.to_owned(),
        error,
    }
}

/// Returns the address of each subgraph.
fn subgraph_urls(supergraph: &str, source: &RemoteGraph) -> Result<Vec<SubgraphUrl>, RemoteOpenError> {
    let locations = subgraph_locations(supergraph).map_err(|error| supergraph_error(&source.file, error))?;
    let is_unknown = |given: &&SubgraphUrl| locations.iter().all(|known| known.name != given.name);
    if let Some(unknown) = source.urls.iter().find(is_unknown) {
        return Err(RemoteOpenError::UnknownSubgraph {
            name: unknown.name.clone(),
            known: locations.into_iter().map(|known| known.name).collect(),
        });
    }
    let located = locations.into_iter().map(|known| {
        let given = source.urls.iter().rfind(|given| given.name == known.name);
        let url = given.map_or(known.url, |given| given.url.clone());
        if url.is_empty() {
            return Err(RemoteOpenError::NoUrl(known.name));
        }
        Ok(SubgraphUrl { name: known.name, url })
    });
    located.collect()
}

fn open_subgraphs(
    urls: Vec<SubgraphUrl>,
    settings: &Arc<RemoteSettings>,
    headers: impl Fn(&str) -> Arc<dyn RequestHeaders>,
) -> Result<HashMap<String, Arc<dyn Subgraph>>, RemoteOpenError> {
    let open = |SubgraphUrl { name, url }: SubgraphUrl| {
        let uri: Uri = url.parse().map_err(|_| RemoteError::Url {
            subgraph: name.clone(),
            url: url.clone(),
        })?;
        let subgraph = RemoteSubgraph::new(&name, uri, Arc::clone(settings), headers(&name))?;
        Ok((name, Arc::new(subgraph) as Arc<dyn Subgraph>))
    };
    urls.into_iter().map(open).collect()
}

fn load_keys(path: &Path) -> Result<Arc<TokenKeys>, RemoteOpenError> {
    TokenKeys::load(path)
        .map(Arc::new)
        .map_err(|error| RemoteOpenError::File {
            path: path.to_owned(),
            error,
        })
}

fn open_supergraph(
    text: &str,
    scalars: &'static [Scalar],
    settings: &Settings,
    subgraphs: HashMap<String, Arc<dyn Subgraph>>,
) -> Result<Supergraph, SupergraphError> {
    let limits = Arc::new(settings.limits.clone());
    let open = || Supergraph::with_cache(text, scalars, subgraphs, limits, Arc::new(ResponseCache::absent()));
    // The file comes from elsewhere: a fault in its reader refuses the file, as an error does.
    std::panic::catch_unwind(AssertUnwindSafe(open))
        .unwrap_or_else(|_| Err(SupergraphError::Schema("the planner cannot read it".to_owned())))
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
