//! GraphQL over HTTP, WebSocket, SSE and multipart, and the HTML pages.
//!
//! | address | content |
//! | --- | --- |
//! | `GET /`, `/graphiql/…` | the pages |
//! | `GET /health` | whether this process accepts requests |
//! | `GET /orders` | the state of the order service's replicas |
//! | `GET /cache` | the counters of the cache, for operators and callers on this machine |
//! | `POST`, `GET /graphql` | [`graphql`]: one answer, or a stream of them as SSE or multipart |
//! | `GET /graphql` with `Upgrade: websocket` | [`socket`] |

mod accept;
mod answers;
mod cors;
mod graphiql;
mod graphql;
mod guard;
mod host;
mod multipart;
mod operation;
mod orders;
mod origin;
mod pages;
mod params;
mod preconditions;
mod proxies;
mod refusal;
mod request_id;
mod socket;
mod sse;
mod wording;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::{HeaderValue, header};
use axum::routing::{any, get};
use contract::StorageHealth;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::cache::AnswerCache;
use crate::gateway::Gateway;
use crate::rest::Openness;

pub use guard::{guarded, guarded_mount, guarded_within};
pub(crate) use host::{called_host, is_loopback};
pub(crate) use origin::is_foreign;
pub(crate) use preconditions::{PRECONDITION_FAILED, is_known, matches, matches_without_tag, preconditions_hold};
pub use proxies::Network;
pub(crate) use proxies::Proxied;
pub use request_id::RequestId;
pub use wording::Wording;

/// The configuration of the main address besides the graph.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// The REST mounts, for the index page.
    pub mounts: Vec<MountLink>,
    /// Browser origins that may call the graph from other sites; `*` allows all of them.
    pub allowed_origins: Vec<String>,
    /// The users that GraphiQL offers to sign in as; only a demo has them.
    pub demo: Option<Demo>,
    /// The response cache, whose counters are shown.
    pub cache: Arc<AnswerCache>,
    /// The health of the database's files and the disk.
    pub storage: StorageHealth,
    /// The callers who may see the counters without being operators.
    pub open: Openness,
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
pub struct Demo {
    /// Their usernames.
    pub people: Vec<String>,
    /// The password of all of them.
    pub password: String,
}

/// The state that the handlers share.
#[derive(Clone)]
struct Shared {
    gateway: Gateway,
    front: Arc<Front>,
}

impl FromRef<Shared> for Gateway {
    fn from_ref(shared: &Shared) -> Self {
        shared.gateway.clone()
    }
}

/// Builds the router of the graph and its pages. The caller wraps it and the REST mounts together in
/// [`guarded`].
pub fn router(gateway: &Gateway, front: Front) -> Router {
    let graphql = Router::new()
        .route("/graphql", any(graphql::answer))
        .layer(cors::layer(&front.allowed_origins))
        .layer(fresh());
    let shared = Shared {
        gateway: gateway.clone(),
        front: Arc::new(front),
    };
    Router::new()
        .route("/", get(pages::what_is_where))
        .route("/health", get(pages::health))
        .route("/cache", get(pages::cache))
        .route("/orders", get(orders::page))
        .merge(graphiql::routes())
        .merge(graphql)
        .method_not_allowed_fallback(refusal::method_not_allowed)
        .fallback(refusal::not_found)
        .with_state(shared)
}

/// Answers depend on the caller and the time, so no intermediary may cache them.
fn fresh() -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}
