//! A catalog in another process: the owner of the shares serves the routes, and every replica gets the client.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Router, middleware};
use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Catalog, CatalogError, CatalogResult, Reservation};
use crate::command::{Price, Shares};
use crate::network::Peers;
use crate::replica::SetupError;
use crate::{Credentials, OrderLogSettings, server};

/// The path of the catalog.
const PATH: &str = "/raft/catalog";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CatalogRequest {
    Reserve(Reservation, Shares),
    Confirm(String, i64),
    Cancel(String),
    Reserved(Option<String>, usize),
}

/// The catalog's routes for replicas. They need the credential.
pub fn catalog_routes(
    catalog: Arc<dyn Catalog>,
    credentials: Arc<dyn Credentials>,
    settings: OrderLogSettings,
) -> Router {
    Router::new()
        .route(PATH, post(handle))
        .layer(DefaultBodyLimit::disable())
        .route_layer(middleware::from_fn_with_state(credentials, server::require_credential))
        .with_state((catalog, Arc::new(settings)))
}

async fn handle(State((catalog, settings)): State<(Arc<dyn Catalog>, Arc<OrderLogSettings>)>, body: Body) -> Response {
    let request = match server::parse_json(body, &settings).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    match request {
        CatalogRequest::Reserve(reservation, shares) => match shares.check() {
            Ok(()) => server::json(&catalog.reserve(&reservation, &shares).await),
            Err(why) => server::json(&Err::<Price, _>(CatalogError::Unavailable(why))),
        },
        CatalogRequest::Confirm(attempt, number) => server::json(&catalog.confirm(&attempt, number).await),
        CatalogRequest::Cancel(attempt) => server::json(&catalog.cancel(&attempt).await),
        CatalogRequest::Reserved(key, limit) => {
            let limit = limit.min(settings.orphan_scan_rows_max);
            server::json(&catalog.reserved(key.as_deref(), limit).await)
        }
    }
}

/// The client of a catalog in another process.
pub struct HttpCatalog {
    peers: Peers,
    url: String,
    settings: Arc<OrderLogSettings>,
}

impl HttpCatalog {
    /// The catalog at this address.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(url: &str, credentials: Arc<dyn Credentials>, settings: OrderLogSettings) -> Result<Self, SetupError> {
        let settings = Arc::new(settings);
        let peers = Peers::new(BTreeMap::new(), credentials, settings.clone());
        Ok(Self {
            peers: peers.map_err(|error| SetupError::Settings(error.to_string()))?,
            url: url.trim_end_matches('/').to_owned(),
            settings,
        })
    }

    fn send<T: DeserializeOwned + Send>(&self, request: CatalogRequest) -> CatalogResult<'_, T> {
        async move {
            let timeout = self.settings.commit_timeout;
            let answer = self.peers.post(&self.url, PATH, &request, timeout).await;
            answer.unwrap_or_else(|error| Err(CatalogError::Unavailable(error.to_string())))
        }
        .boxed()
    }
}

impl Catalog for HttpCatalog {
    fn reserve<'a>(&'a self, reservation: &'a Reservation, shares: &'a Shares) -> CatalogResult<'a, Price> {
        self.send(CatalogRequest::Reserve(reservation.clone(), shares.clone()))
    }

    fn confirm<'a>(&'a self, attempt: &'a str, number: i64) -> CatalogResult<'a, ()> {
        self.send(CatalogRequest::Confirm(attempt.to_owned(), number))
    }

    fn cancel<'a>(&'a self, attempt: &'a str) -> CatalogResult<'a, ()> {
        self.send(CatalogRequest::Cancel(attempt.to_owned()))
    }

    fn reserved<'a>(&'a self, key: Option<&'a str>, limit: usize) -> CatalogResult<'a, Vec<Reservation>> {
        self.send(CatalogRequest::Reserved(key.map(str::to_owned), limit))
    }
}
