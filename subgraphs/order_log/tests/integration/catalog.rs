//! A catalog in this process, and the same one over HTTP.

use std::sync::Arc;

use order_log::command::TradeSide;
use order_log::{Catalog, CatalogError, HttpCatalog, OrderLogSettings, SharedSecret, catalog_routes};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::catalog_contract::{keeps_the_catalog_contract, reservation, shares};
use crate::cluster::{SECRET, catalog, url};
use crate::sqlite_catalog::SqliteCatalog;

/// The same catalog twice: directly, and over HTTP.
async fn both(folder: &TempDir, secret: &str) -> (SqliteCatalog, HttpCatalog) {
    let here = catalog(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = url(&listener);
    let credentials = Arc::new(SharedSecret(SECRET.to_owned()));
    let routes = catalog_routes(Arc::new(here.clone()), credentials, OrderLogSettings::default());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let shown = Arc::new(SharedSecret(secret.to_owned()));
    let there = HttpCatalog::new(&url, shown, OrderLogSettings::default()).expect("a client");
    (here, there)
}

fn left(file: &SqliteCatalog) -> impl AsyncFn() -> (i64, i64) {
    async || file.quantity("GameStart").await.expect("a catalog").expect("a stock")
}

#[tokio::test]
async fn a_catalog_settles_each_reservation_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, _) = both(&folder, SECRET).await;
    keeps_the_catalog_contract(&here, left(&here)).await;
}

#[tokio::test]
async fn a_remote_catalog_satisfies_the_catalog_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, there) = both(&folder, SECRET).await;
    keeps_the_catalog_contract(&there, left(&here)).await;
}

#[tokio::test]
async fn a_catalog_refuses_callers_without_the_credential() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, there) = both(&folder, "wrong").await;
    let refused = there
        .reserve(&reservation("a", "a"), &shares("GameStart", TradeSide::Buy, 1))
        .await;
    assert!(matches!(refused, Err(CatalogError::Unavailable(_))));
    assert_eq!(here.quantity("GameStart").await, Ok(Some((100, 0))));
}
