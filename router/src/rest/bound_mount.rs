//! A mount, bound to the address at which it serves requests.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, Response};
use axum::response::{IntoResponse, Redirect};

use super::bound_route::BoundRoute;
use super::bound_service::BoundService;
use super::docs::StaticDocument;
use super::error::RestError;
use super::openapi;
use super::route::Mount;
use super::route_table::RouteTable;
use crate::gateway::Gateway;
use crate::http::{Links, Place, not_found_page, prefers_html};
use crate::request_meters::StatusCounter;
use crate::rest_access::AnonymousAccess;

const JSON: &str = "application/json";
/// The path of the page with the documentation, inside the mount.
const PAGE: &str = "/docs";

/// A mount, bound to the address at which it serves requests.
pub(super) struct BoundMount {
    pub mount: &'static Mount,
    /// Counts its responses.
    counter: Arc<StatusCounter>,
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
            counter: gateway.permits.meters.of_mount(mount.name),
            gateway: gateway.clone(),
            anonymous_access,
            base,
            routes,
            route_table,
            address,
            openapi: StaticDocument::new(JSON, ""),
            page: StaticDocument::new(JSON, ""),
        };
        bound_mount.openapi = StaticDocument::new(JSON, openapi::document(&bound_mount).to_string());
        bound_mount.page = StaticDocument::page(mount, base, bound_mount.operations_in_order());
        bound_mount
    }

    /// Counts a response.
    pub fn record(&self, response: &Response<Body>) {
        self.counter.record(response.status().as_u16());
    }

    /// Returns the documented prefix of a service inside the mount.
    pub fn prefix<'a>(&self, service: &'a BoundService) -> &'a str {
        service
            .prefixes(self.address == MountAddress::ServiceRoot)
            .next()
            .unwrap_or_default()
    }

    /// Returns the paths of a route inside the mount, as the documentation has them.
    pub fn documented_paths(&self, bound_route: &BoundRoute) -> impl Iterator<Item = String> {
        let prefix = self.prefix(&bound_route.service).to_owned();
        let route = bound_route.route;
        let paths = std::iter::once(&route.path).chain(route.aliases);
        paths.map(move |path| format!("{prefix}{path}"))
    }

    /// Returns the operations as the tables have them, with the sign-in first: each as its method and its path. In the document
    /// itself, paths are ordered by name.
    fn operations_in_order(&self) -> Vec<String> {
        let mut routes: Vec<&BoundRoute> = self.routes.iter().collect();
        routes.sort_by_key(|bound_route| bound_route.route.name != "login");
        let operations = routes.iter().flat_map(|bound_route| {
            let verb = bound_route.route.verb.as_str().to_ascii_lowercase();
            self.documented_paths(bound_route)
                .map(move |path| format!("{verb} {path}"))
        });
        operations.collect()
    }

    /// Returns the path inside the mount.
    pub fn inside<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.base).unwrap_or(path)
    }

    /// Returns the documentation, where the path is one of its paths.
    ///
    /// # Errors
    /// 405 for methods other than GET and HEAD.
    pub fn documentation(&self, request: &Parts, path: &str) -> Result<Option<Response<Body>>, RestError> {
        if !self.is_documentation(path) {
            return Ok(None);
        }
        if request.method != Method::GET {
            return Err(RestError::wrong_method("GET, HEAD".to_owned()));
        }
        let request_headers = &request.headers;
        let is_page = path.trim_end_matches('/') == PAGE;
        let document = if is_page { &self.page } else { &self.openapi };
        document.response(request_headers).map(Some)
    }

    fn is_documentation(&self, path: &str) -> bool {
        let path = path.strip_suffix('/').unwrap_or(path);
        path == PAGE || path == "/openapi.json" || self.mount.extra_openapi_paths.contains(&path)
    }

    /// Returns the answer to a browser that opens a path without a route: the documentation, or a page with the way to it.
    /// Other clients receive the error of the mount.
    pub fn lost_browser(&self, request: &Request) -> Option<Response<Body>> {
        if request.method() != Method::GET || !prefers_html(request.headers()) {
            return None;
        }
        let path = self.inside(request.uri().path());
        if self.is_documentation(path) || self.route_table.has_path(path) {
            return None;
        }
        let docs = format!("{}/docs", self.base);
        if matches!(path, "" | "/") {
            return Some(Redirect::to(&docs).into_response());
        }
        let about = format!("Every route of the mount {}, to read and to try out.", self.mount.title);
        let links = match self.address {
            MountAddress::Prefix => Links::Main(Some(Place::Rest)),
            MountAddress::Root | MountAddress::ServiceRoot => Links::None,
        };
        let door = (&*docs, "Documentation", &*about);
        Some(not_found_page(request.uri().path(), &[door], links))
    }
}
