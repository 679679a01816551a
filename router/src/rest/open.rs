//! A mount that is ready to answer at an address.

use axum::body::Body;
use axum::http::{Method, Response};

use super::failure::Failure;
use super::operation::Compiled;
use super::paths::Paths;
use super::route::{Mount, Service};
use crate::gateway::Gateway;

/// A mount that is ready to answer at an address.
pub(super) struct Opened {
    pub mount: &'static Mount,
    pub gateway: Gateway,
    /// Whether routes whose document has no authentication answer anyone here.
    pub open: bool,
    /// Where the mount is for the client: its prefix, or nothing at an address of its own.
    pub base: &'static str,
    pub routes: Vec<Compiled>,
    pub paths: Paths,
}

/// Where a mount is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Under its prefix.
    Prefix,
    /// At `/` of an address of its own.
    Root,
    /// At `/`, and only one service of it.
    Alone,
}

impl Opened {
    pub fn new(gateway: &Gateway, open: bool, mount: &'static Mount, services: Vec<&'static Service>, at: At) -> Self {
        let rows = services
            .into_iter()
            .flat_map(|service| service.routes.iter().map(move |route| (service, route)));
        let routes: Result<Vec<Compiled>, String> =
            rows.map(|(service, route)| Compiled::new(service, route)).collect();
        let routes = routes.expect("a table fits its operations: every table is opened by a test");
        let paths = Paths::new(&routes, at == At::Alone);
        let base = match at {
            At::Prefix => mount.prefix,
            At::Root | At::Alone => "",
        };
        Self {
            mount,
            gateway: gateway.clone(),
            open,
            base,
            routes,
            paths,
        }
    }

    /// The path inside the mount.
    pub fn inside<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.base).unwrap_or(path)
    }

    /// The documentation, where the path asks for it.
    ///
    /// # Errors
    /// 405 where it is not asked for with GET.
    pub fn documentation(&self, _method: &Method, _path: &str) -> Result<Option<Response<Body>>, Failure> {
        Ok(None)
    }
}
