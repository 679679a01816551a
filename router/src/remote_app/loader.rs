//! Makes a graph of a supergraph file: at the start, and whenever the file has changed.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::http::Uri;
use contract::{Clock, Scalar, TokenKeys};
use remote::{RemoteError, RemoteSettings, RemoteSubgraph, RequestHeaders};

use super::{RemoteGraph, RemoteOpenError, SubgraphUrl};
use crate::cache::ResponseCache;
use crate::config::Settings;
use crate::remote_headers::{InternalHeaders, PropagatedHeaders};
use crate::subgraph::Subgraph;
use crate::supergraph::{Supergraph, SupergraphError, public_sdl, subgraph_locations};

/// Makes a graph of a supergraph file. A subgraph whose name and address another graph has is the same for both, with its connections
/// and its circuit breaker.
pub struct SupergraphLoader {
    source: RemoteGraph,
    settings: Settings,
    subgraph_settings: Arc<RemoteSettings>,
    keys: Option<Arc<TokenKeys>>,
    clock: Arc<dyn Clock>,
    /// The subgraphs of the graphs in memory.
    open: Mutex<HashMap<SubgraphUrl, Weak<RemoteSubgraph>>>,
}

/// The graph of a supergraph file.
pub struct LoadedSupergraph {
    /// The graph, which nothing serves yet.
    pub graph: Supergraph,
    /// The public schema.
    pub sdl: String,
}

impl SupergraphLoader {
    /// A loader of that file. `keys` are those of the Agora installation whose subgraphs these are.
    pub fn new(
        source: &RemoteGraph,
        settings: &Settings,
        keys: Option<Arc<TokenKeys>>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            source: source.clone(),
            subgraph_settings: Arc::new(settings.subgraphs.clone()),
            settings: settings.clone(),
            keys,
            clock: Arc::clone(clock),
            open: Mutex::default(),
        }
    }

    /// Returns the path of the file.
    pub fn file(&self) -> &Path {
        &self.source.file
    }

    /// Returns the content of the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<String, RemoteOpenError> {
        let path = &self.source.file;
        std::fs::read_to_string(path).map_err(|error| RemoteOpenError::File {
            path: path.clone(),
            error,
        })
    }

    /// Makes a graph of the content of the file. It opens no connection.
    ///
    /// # Errors
    /// When the content is not a supergraph that can be served, or a subgraph has no usable address.
    pub fn load(&self, text: &str) -> Result<LoadedSupergraph, RemoteOpenError> {
        let locations = self.subgraph_urls(text)?;
        let subgraphs = self.open_subgraphs(locations)?;
        let refused = |error| self.refused(error);
        let sdl = public_sdl(text).map_err(refused)?;
        let graph = self.open_supergraph(text, subgraphs).map_err(refused)?;
        Ok(LoadedSupergraph { graph, sdl })
    }

    fn refused(&self, error: SupergraphError) -> RemoteOpenError {
        RemoteOpenError::Supergraph {
            path: self.source.file.clone(),
            error,
        }
    }

    /// Returns the address of each subgraph.
    fn subgraph_urls(&self, supergraph: &str) -> Result<Vec<SubgraphUrl>, RemoteOpenError> {
        let locations = subgraph_locations(supergraph).map_err(|error| self.refused(error))?;
        let is_unknown = |given: &&SubgraphUrl| locations.iter().all(|known| known.name != given.name);
        if let Some(unknown) = self.source.urls.iter().find(is_unknown) {
            return Err(RemoteOpenError::UnknownSubgraph {
                name: unknown.name.clone(),
                known: locations.into_iter().map(|known| known.name).collect(),
            });
        }
        let located = locations.into_iter().map(|known| {
            let given = self.source.urls.iter().rfind(|given| given.name == known.name);
            let url = given.map_or(known.url, |given| given.url.clone());
            if url.is_empty() {
                return Err(RemoteOpenError::NoUrl(known.name));
            }
            Ok(SubgraphUrl { name: known.name, url })
        });
        located.collect()
    }

    fn open_subgraphs(
        &self,
        locations: Vec<SubgraphUrl>,
    ) -> Result<HashMap<String, Arc<dyn Subgraph>>, RemoteOpenError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, subgraph| subgraph.strong_count() > 0);
        let subgraphs = locations.into_iter().map(|location| {
            let subgraph = match open.get(&location).and_then(Weak::upgrade) {
                Some(subgraph) => subgraph,
                None => Arc::new(self.open_subgraph(&location)?),
            };
            open.insert(location.clone(), Arc::downgrade(&subgraph));
            Ok((location.name, subgraph as Arc<dyn Subgraph>))
        });
        subgraphs.collect()
    }

    fn open_subgraph(&self, SubgraphUrl { name, url }: &SubgraphUrl) -> Result<RemoteSubgraph, RemoteError> {
        let uri: Uri = url.parse().map_err(|_| RemoteError::Url {
            subgraph: name.clone(),
            url: url.clone(),
        })?;
        RemoteSubgraph::new(name, uri, Arc::clone(&self.subgraph_settings), self.headers(name))
    }

    /// Returns the headers of requests to a subgraph.
    fn headers(&self, subgraph: &str) -> Arc<dyn RequestHeaders> {
        match &self.keys {
            Some(keys) => InternalHeaders::of(subgraph, keys, &self.clock, &self.settings),
            None => Arc::new(PropagatedHeaders),
        }
    }

    fn open_supergraph(
        &self,
        text: &str,
        subgraphs: HashMap<String, Arc<dyn Subgraph>>,
    ) -> Result<Supergraph, SupergraphError> {
        let limits = Arc::new(self.settings.limits.clone());
        let scalars: &'static [Scalar] = if self.keys.is_some() { &contract::SCALARS } else { &[] };
        let open = || Supergraph::with_cache(text, scalars, subgraphs, limits, Arc::new(ResponseCache::absent()));
        // The file comes from elsewhere: a fault in its reader refuses the file, as an error does.
        std::panic::catch_unwind(AssertUnwindSafe(open))
            .unwrap_or_else(|_| Err(SupergraphError::Schema("the planner cannot read it".to_owned())))
    }
}
