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
use crate::network::Peers;
use crate::order::{Price, Shares};
use crate::replica::OpenError;
use crate::{Credentials, Settings, server};

/// The path of the catalog.
const PATH: &str = "/raft/catalog";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Question {
    Reserve(Reservation, Shares),
    Confirm(String, i64),
    Cancel(String),
    Reserved(Option<String>, usize),
}

/// The catalog's routes for replicas. They need the credential.
pub fn catalog_routes(catalog: Arc<dyn Catalog>, credentials: Arc<dyn Credentials>, settings: Settings) -> Router {
    Router::new()
        .route(PATH, post(answer))
        .layer(DefaultBodyLimit::disable())
        .route_layer(middleware::from_fn_with_state(credentials, server::known))
        .with_state((catalog, Arc::new(settings)))
}

async fn answer(State((catalog, settings)): State<(Arc<dyn Catalog>, Arc<Settings>)>, body: Body) -> Response {
    let question = match server::parsed(body, &settings).await {
        Ok(question) => question,
        Err(refusal) => return refusal,
    };
    match question {
        Question::Reserve(reservation, shares) => match shares.check() {
            Ok(()) => server::json(&catalog.reserve(&reservation, &shares).await),
            Err(why) => server::json(&Err::<Price, _>(CatalogError::Unavailable(why))),
        },
        Question::Confirm(attempt, number) => server::json(&catalog.confirm(&attempt, number).await),
        Question::Cancel(attempt) => server::json(&catalog.cancel(&attempt).await),
        Question::Reserved(key, limit) => {
            let limit = limit.min(settings.settle_rows_max);
            server::json(&catalog.reserved(key.as_deref(), limit).await)
        }
    }
}

/// The client of a catalog in another process.
pub struct HttpCatalog {
    peers: Peers,
    url: String,
    settings: Arc<Settings>,
}

impl HttpCatalog {
    /// The catalog at this address.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(url: &str, credentials: Arc<dyn Credentials>, settings: Settings) -> Result<Self, OpenError> {
        let settings = Arc::new(settings);
        let peers = Peers::new(BTreeMap::new(), credentials, settings.clone());
        Ok(Self {
            peers: peers.map_err(|error| OpenError::Settings(error.to_string()))?,
            url: url.trim_end_matches('/').to_owned(),
            settings,
        })
    }

    fn ask<T: DeserializeOwned + Send>(&self, question: Question) -> CatalogResult<'_, T> {
        async move {
            let within = self.settings.commit_within;
            let answer = self.peers.post(&self.url, PATH, &question, within).await;
            answer.unwrap_or_else(|error| Err(CatalogError::Unavailable(error.to_string())))
        }
        .boxed()
    }
}

impl Catalog for HttpCatalog {
    fn reserve<'a>(&'a self, reservation: &'a Reservation, shares: &'a Shares) -> CatalogResult<'a, Price> {
        self.ask(Question::Reserve(reservation.clone(), shares.clone()))
    }

    fn confirm<'a>(&'a self, attempt: &'a str, number: i64) -> CatalogResult<'a, ()> {
        self.ask(Question::Confirm(attempt.to_owned(), number))
    }

    fn cancel<'a>(&'a self, attempt: &'a str) -> CatalogResult<'a, ()> {
        self.ask(Question::Cancel(attempt.to_owned()))
    }

    fn reserved<'a>(&'a self, key: Option<&'a str>, limit: usize) -> CatalogResult<'a, Vec<Reservation>> {
        self.ask(Question::Reserved(key.map(str::to_owned), limit))
    }
}
