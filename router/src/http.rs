//! GraphQL over HTTP, WebSocket, SSE and multipart, and the HTML pages.
//!
//! | address | content |
//! | --- | --- |
//! | `GET /`, `/console/…`, `/graphiql/…` | the pages |
//! | `GET /assets/…` | the files that pages share |
//! | `GET /docs/errors` | the error codes |
//! | `GET /schema.graphql` | the public schema |
//! | `GET /health` | whether this process accepts requests |
//! | `GET /ready` | whether everything that a request needs works |
//! | `GET /metrics` | the metrics, for operators and callers on this machine, unless they have an address of their own |
//! | `GET /orders` | the state of the order service's replicas |
//! | `GET /cache` | the counters of the cache, for operators and callers on this machine |
//! | `POST`, `GET /graphql` | [`graphql`]: one answer, or a stream of them as SSE or multipart |
//! | `GET /graphql` with `Upgrade: websocket` | [`socket`] |
//! | `/NAME/graphql` of a subgraph process | [`subgraph`] |

mod accept;
mod assets;
mod batch;
mod built_pages;
mod compression;
mod content_encoding;
mod cors;
mod error;
mod error_codes;
mod error_format;
mod exposed_trace;
mod graphql;
mod json;
mod middleware;
mod multipart;
mod operations;
mod order_replicas;
mod origin;
mod pages;
mod params;
mod preconditions;
mod proxies;
mod response_queue;
mod response_stream;
mod schema;
mod shell;
mod socket;
mod sse;
mod subgraph;
mod tagged_bytes;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::HeaderValue;
use axum::response::Redirect;
use axum::routing::{any, get};
use contract::StorageHealth;

use crate::allowed_origin::AllowedOrigin;
use crate::cache::ResponseCache;
use crate::gateway::Gateway;
use crate::metrics::Collector;
use crate::readiness::Readiness;
use crate::rest_access::AnonymousAccess;

pub(crate) use accept::prefers_html;
pub use assets::asset_routes;
pub(crate) use assets::{DOCS_SCRIPT, DOCS_STYLE, SWAGGER_SCRIPT, SWAGGER_STYLE, address};
pub(crate) use content_encoding::{ENCODED_BODY_MESSAGE, is_encoded};
pub use cors::with_cors;
pub use error::ErrorEnvelope;
pub use error_format::{EnvelopeAt, ListenerErrorFormat};
pub use middleware::{with_middleware, with_middleware_within, with_mount_middleware, with_unlimited_middleware};
pub(crate) use pages::not_found_page;
pub(crate) use preconditions::{PRECONDITION_FAILED, if_match_holds, if_match_holds_without_tag, preconditions_hold};
pub use schema::ServedSchema;
pub(crate) use shell::{Links, Page, Place, escape};
pub(crate) use tagged_bytes::TaggedBytes;

/// The configuration of the main address besides the graph.
#[derive(Clone, Debug, Default)]
pub struct FrontConfig {
    /// The REST mounts, for the index page.
    pub mounts: Vec<MountLink>,
    /// The public schema as SDL; `None` keeps it private.
    pub schema: Option<ServedSchema>,
    /// Origins of other sites whose pages may open a WebSocket; [`with_cors`] lets them call everything else.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// Whether GraphiQL is the only page, so that it links to no other.
    pub has_only_graphiql: bool,
    /// Whether the graph is not Agora's, so that GraphiQL has neither its examples nor its sign-in.
    pub is_foreign: bool,
    /// The users that GraphiQL offers to sign in as; only a demo has them.
    pub demo: Option<DemoUsers>,
    /// The response cache, whose counters are shown.
    pub cache: Arc<ResponseCache>,
    /// The health of the database's files and the disk.
    pub storage: StorageHealth,
    /// The callers who may see the counters without being operators.
    pub anonymous_access: AnonymousAccess,
    /// The checks of `GET /ready`; without them there is no such address.
    pub readiness: Option<Readiness>,
    /// The metrics; `None` if they have an address of their own.
    pub metrics: Option<Collector>,
}

/// A REST mount, for the index page.
#[derive(Clone, Debug)]
pub struct MountLink {
    /// Its name, `Bookstore`.
    pub name: String,
    /// Its path prefix, `/bookstore`; its documentation is at `docs` below.
    pub prefix: String,
    /// Its description, in one sentence.
    pub about: String,
}

/// The users of a demo.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DemoUsers {
    /// Their usernames.
    pub people: Vec<String>,
    /// The password of all of them.
    pub password: String,
}

/// The state that the handlers share.
#[derive(Clone)]
struct HttpState {
    gateway: Gateway,
    config: Arc<FrontConfig>,
}

impl HttpState {
    fn new(gateway: &Gateway, front: FrontConfig) -> Self {
        Self {
            gateway: gateway.clone(),
            config: Arc::new(front),
        }
    }
}

impl FromRef<HttpState> for Gateway {
    fn from_ref(state: &HttpState) -> Self {
        state.gateway.clone()
    }
}

/// Builds the router of the graph and its pages. The caller wraps it and the REST mounts together in
/// [`with_middleware`].
pub fn router(gateway: &Gateway, front: FrontConfig) -> Router {
    graph_routes()
        .route("/", get(pages::index))
        .route("/cache", get(operations::cache))
        .route("/orders", get(order_replicas::page))
        .route("/docs", get(pages::documentation))
        .route("/docs/", get(pages::documentation))
        .route("/docs/errors", get(error_codes::page))
        .merge(built_pages::console())
        .fallback(pages::not_found)
        .with_state(HttpState::new(gateway, front))
}

/// As [`router`], for a graph that is not Agora's: GraphiQL is the only page.
pub fn remote_router(gateway: &Gateway, front: FrontConfig) -> Router {
    graph_routes()
        .route("/", get(async || Redirect::to("/graphiql/")))
        .fallback(async || error::nothing_here())
        .with_state(HttpState::new(gateway, front))
}

/// The routes of subgraphs for routers, each with a gateway of its own, beside those for programs that watch this one.
pub fn subgraph_router<'n>(
    gateway: &Gateway,
    front: FrontConfig,
    subgraphs: impl Iterator<Item = (&'n str, Gateway)>,
) -> Router {
    let state = HttpState::new(gateway, front);
    let watched = operations::routes().with_state(state.clone());
    let routes = subgraphs.fold(watched, |routes, (name, gateway)| {
        let state = HttpState {
            gateway,
            ..state.clone()
        };
        routes.route(&format!("/{name}/graphql"), any(subgraph::handle).with_state(state))
    });
    routes
        .method_not_allowed_fallback(error::method_not_allowed)
        .fallback(async || error::nothing_here())
}

/// The routes of every graph.
fn graph_routes() -> Router<HttpState> {
    operations::routes()
        .route("/schema.graphql", get(schema::sdl))
        .merge(asset_routes())
        .merge(built_pages::graphiql())
        .route("/graphql", any(graphql::handle))
        .method_not_allowed_fallback(error::method_not_allowed)
}

/// Answers depend on the caller and the time, so no intermediary may cache them. [`graphql::handle`] says so in its own
/// responses.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
