//! The services of the mounts, each bound to the backend that handles its requests.

use std::borrow::Cow;
use std::sync::Arc;

use super::backend::Backend;
use super::route::{Mount, Route, Service};

/// A service, bound to the backend that handles its requests.
#[derive(Clone)]
pub struct BoundService {
    /// Its name in `--rest-listen SYSTEM.SERVICE=ADDR`, and its heading in the documentation.
    pub name: Cow<'static, str>,
    /// The description in the documentation.
    pub about: Cow<'static, str>,
    /// Its paths inside the mount; the first is the documented one.
    pub prefixes: Vec<Cow<'static, str>>,
    /// Its routes.
    pub routes: &'static [Route],
    /// The examples that differ from those of the table: the name of the route, and the JSON.
    pub examples: Vec<(&'static str, String)>,
    /// The backend of its routes.
    pub backend: Backend,
}

impl BoundService {
    /// Binds a service of a table to the graph.
    pub fn over_graph(service: &Service) -> Self {
        Self {
            name: service.name.into(),
            about: service.about.into(),
            prefixes: service.prefixes.iter().map(|prefix| Cow::Borrowed(*prefix)).collect(),
            routes: service.routes,
            examples: Vec::new(),
            backend: Backend::Graph,
        }
    }

    /// Returns the example of a route's successful response.
    pub fn example(&self, route: &Route) -> &str {
        let own = self.examples.iter().find(|(name, _)| *name == route.name);
        own.map_or(route.example, |(_, example)| example)
    }

    /// Returns its paths inside the mount; where it is `alone` at an address, the documented one is `/` there.
    pub(super) fn prefixes(&self, alone: bool) -> impl Iterator<Item = &str> {
        let own = self.documented_prefix();
        let prefixes = self.prefixes.iter().map(|prefix| &**prefix);
        prefixes.map(move |prefix| if alone && prefix == own { "" } else { prefix })
    }

    fn documented_prefix(&self) -> &str {
        self.prefixes.first().map_or("", |prefix| &**prefix)
    }
}

/// The mounts of this process with their services.
#[derive(Clone)]
pub struct MountServices(Vec<(&'static Mount, Vec<Arc<BoundService>>)>);

impl MountServices {
    /// Binds all services of these mounts to the graph.
    pub fn over_graph(mounts: &'static [Mount]) -> Self {
        let bound = |mount: &'static Mount| {
            let services = mount.services.iter().map(BoundService::over_graph);
            (mount, services.map(Arc::new).collect())
        };
        Self(mounts.iter().map(bound).collect())
    }

    /// Puts `instances` in the place of a service.
    #[must_use]
    pub fn with_instances(mut self, mount: &str, service: &str, instances: Vec<BoundService>) -> Self {
        for (_, services) in self.0.iter_mut().filter(|(known, _)| known.name == mount) {
            services.retain(|known| known.name != service);
            services.extend(instances.iter().cloned().map(Arc::new));
        }
        self
    }

    /// Returns each mount with its services.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static Mount, &[Arc<BoundService>])> {
        self.0.iter().map(|(mount, services)| (*mount, services.as_slice()))
    }
}
