//! A mount, bound to the address at which it serves requests.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response};

use super::docs::Document;
use super::failure::Failure;
use super::openness::Openness;
use super::operation::Compiled;
use super::paths::{self, Paths};
use super::route::{Mount, Service};
use super::{docs, openapi};
use crate::gateway::Gateway;

const JSON: &str = "application/json";

/// A mount, bound to the address at which it serves requests.
pub(super) struct Opened {
    pub mount: &'static Mount,
    pub gateway: Gateway,
    /// The callers without a token that may use routes whose document has no authentication.
    pub open: Openness,
    /// The path of the mount as the client sees it: its prefix, or nothing at an address of its own.
    pub base: &'static str,
    pub routes: Vec<Compiled>,
    pub paths: Paths,
    at: At,
    openapi: Document,
    page: Document,
}

/// The place of a mount.
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
    pub fn new(
        gateway: &Gateway,
        open: Openness,
        mount: &'static Mount,
        services: Vec<&'static Service>,
        at: At,
    ) -> Self {
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
        let mut opened = Self {
            mount,
            gateway: gateway.clone(),
            open,
            base,
            routes,
            paths,
            at,
            openapi: Document::new(JSON, ""),
            page: Document::page(mount.title, base),
        };
        opened.openapi = Document::new(JSON, openapi::document(&opened).to_string());
        opened
    }

    /// Returns the documented prefix of a service inside the mount.
    pub fn prefix(&self, service: &'static Service) -> &'static str {
        paths::prefixes(service, self.at == At::Alone)
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
    pub fn documentation(&self, request: &Parts, path: &str) -> Result<Option<Response<Body>>, Failure> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let file = path.strip_prefix("/docs/");
        let is_openapi = path == "/openapi.json" || self.mount.openapi_also.contains(&path);
        if !is_openapi && path != "/docs" && file.is_none() {
            return Ok(None);
        }
        if request.method != Method::GET {
            return Err(Failure::wrong_method("GET, HEAD".to_owned()));
        }
        let asked = &request.headers;
        Ok(Some(match file {
            Some(name) => docs::file(name, asked)?,
            None if is_openapi => self.openapi.response(asked)?,
            None => self.page.response(asked)?,
        }))
    }
}
