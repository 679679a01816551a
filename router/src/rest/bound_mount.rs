//! A mount, bound to the address at which it serves requests.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response};

use super::bound_route::BoundRoute;
use super::bound_service::BoundService;
use super::docs::StaticDocument;
use super::error::RestError;
use super::route::Mount;
use super::route_table::RouteTable;
use super::{docs, openapi};
use crate::gateway::Gateway;
use crate::rest_access::AnonymousAccess;

const JSON: &str = "application/json";

/// A mount, bound to the address at which it serves requests.
pub(super) struct BoundMount {
    pub mount: &'static Mount,
    pub gateway: Gateway,
    /// The callers without a token that may use routes whose document has no authentication.
    pub anonymous_access: AnonymousAccess,
    /// The path of the mount as the client sees it: its prefix, or nothing at an address of its own.
    pub base: &'static str,
    pub routes: Vec<BoundRoute>,
    pub route_table: RouteTable,
    address: MountAddress,
    openapi: StaticDocument,
    page: StaticDocument,
}

/// The place of a mount.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MountAddress {
    /// Under its prefix.
    Prefix,
    /// At `/` of an address of its own.
    Root,
    /// At `/`, and only one service of it.
    ServiceRoot,
}

impl BoundMount {
    pub fn new(
        gateway: &Gateway,
        anonymous_access: AnonymousAccess,
        mount: &'static Mount,
        services: &[Arc<BoundService>],
        address: MountAddress,
    ) -> Self {
        let rows = services
            .iter()
            .flat_map(|service| service.routes.iter().map(move |route| (service, route)));
        let routes: Result<Vec<BoundRoute>, String> =
            rows.map(|(service, route)| BoundRoute::new(service, route)).collect();
        let routes = routes.expect("a table fits its operations: every table is opened by a test");
        let route_table = RouteTable::new(&routes, address == MountAddress::ServiceRoot);
        let base = match address {
            MountAddress::Prefix => mount.prefix,
            MountAddress::Root | MountAddress::ServiceRoot => "",
        };
        let mut bound_mount = Self {
            mount,
            gateway: gateway.clone(),
            anonymous_access,
            base,
            routes,
            route_table,
            address,
            openapi: StaticDocument::new(JSON, ""),
            page: StaticDocument::page(mount.title, base),
        };
        bound_mount.openapi = StaticDocument::new(JSON, openapi::document(&bound_mount).to_string());
        bound_mount
    }

    /// Returns the documented prefix of a service inside the mount.
    pub fn prefix<'a>(&self, service: &'a BoundService) -> &'a str {
        service
            .prefixes(self.address == MountAddress::ServiceRoot)
            .next()
            .unwrap_or_default()
    }

    /// Returns the path inside the mount.
    pub fn inside<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.base).unwrap_or(path)
    }

    /// Returns the documentation, where the path is one of its paths.
    ///
    /// # Errors
    /// 405 for methods other than GET and HEAD, 404 for a file that the page does not have.
    pub fn documentation(&self, request: &Parts, path: &str) -> Result<Option<Response<Body>>, RestError> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let file = path.strip_prefix("/docs/");
        let is_openapi = path == "/openapi.json" || self.mount.extra_openapi_paths.contains(&path);
        if !is_openapi && path != "/docs" && file.is_none() {
            return Ok(None);
        }
        if request.method != Method::GET {
            return Err(RestError::wrong_method("GET, HEAD".to_owned()));
        }
        let request_headers = &request.headers;
        Ok(Some(match file {
            Some(name) => docs::file(name, request_headers)?,
            None if is_openapi => self.openapi.response(request_headers)?,
            None => self.page.response(request_headers)?,
        }))
    }
}
