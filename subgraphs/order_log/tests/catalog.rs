//! What every catalog promises, asked of one in this process and of the same behind HTTP.

use std::sync::Arc;

use order_log::order::{Shares, Side};
use order_log::{
    Catalog, CatalogError, HttpCatalog, Reservation, Settings, SharedSecret, SqliteCatalog, catalog_routes,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::cluster::{SECRET, catalog, url};

/// The same catalog twice: as it is, and seen over HTTP.
async fn both(folder: &TempDir, secret: &str) -> (SqliteCatalog, HttpCatalog) {
    let here = catalog(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = url(&listener);
    let credentials = Arc::new(SharedSecret(SECRET.to_owned()));
    let routes = catalog_routes(Arc::new(here.clone()), credentials, Settings::default());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let shown = Arc::new(SharedSecret(secret.to_owned()));
    let there = HttpCatalog::new(&url, shown, Settings::default()).expect("a client");
    (here, there)
}

fn reservation(attempt: &str, key: &str) -> Reservation {
    Reservation {
        attempt: attempt.to_owned(),
        key: key.to_owned(),
    }
}

fn shares(name: &str, side: Side, quantity: i64) -> Shares {
    Shares {
        name: name.to_owned(),
        side,
        quantity,
    }
}

/// Every step twice, as it comes when an answer is lost: the second changes nothing.
async fn keeps_its_promises(catalog: &dyn Catalog, file: &SqliteCatalog) {
    let left = async || file.quantity("GameStart").await.expect("a catalog").expect("a stock");
    let (bought, sold) = (shares("GameStart", Side::Buy, 30), shares("GameStart", Side::Sell, 5));
    let (buy, sale) = (reservation("buy", "one"), reservation("sale", "two"));
    for _ in 0..2 {
        assert_eq!(catalog.reserve(&buy, &bought).await.expect("a price").minor, 1599);
        assert_eq!(left().await, (70, 30));
    }
    for _ in 0..2 {
        catalog.reserve(&sale, &sold).await.expect("a price");
        assert_eq!(left().await, (70, 35));
    }
    assert_eq!(catalog.reserved(None, 10).await, Ok(vec![buy.clone(), sale.clone()]));
    assert_eq!(catalog.reserved(Some("two"), 10).await, Ok(vec![sale.clone()]));
    assert_eq!(catalog.reserved(None, 1).await, Ok(vec![buy.clone()]));

    let too_many = catalog
        .reserve(&reservation("a", "a"), &shares("GameStart", Side::Buy, 71))
        .await;
    assert_eq!(too_many, Err(CatalogError::TooFew));
    let no_stock = catalog
        .reserve(&reservation("a", "a"), &shares("NoSuchCo", Side::Buy, 1))
        .await;
    assert_eq!(no_stock, Err(CatalogError::NoStock));
    let all_there_are = shares("GameStart", Side::Sell, i64::from(i32::MAX) - 104);
    let uncountable = catalog.reserve(&reservation("a", "a"), &all_there_are).await;
    assert_eq!(uncountable, Err(CatalogError::TooMany));

    for _ in 0..2 {
        assert_eq!(catalog.cancel("buy").await, Ok(()));
        assert_eq!(catalog.confirm("sale", 7).await, Ok(()));
        assert_eq!(left().await, (105, 0));
    }
    let ended = |end: &str| Err(CatalogError::Finished(end.to_owned()));
    assert_eq!(catalog.confirm("buy", 8).await, ended("cancelled"));
    assert_eq!(catalog.cancel("sale").await, ended("confirmed"));
    assert_eq!(catalog.confirm("sale", 8).await, ended("confirmed"));
    assert_eq!(catalog.confirm("never seen", 9).await, ended("unknown"));
    assert_eq!(catalog.cancel("never seen").await, Ok(()));
    assert!(catalog.reserve(&buy, &bought).await.is_err());
    assert_eq!((left().await, catalog.reserved(None, 10).await), ((105, 0), Ok(vec![])));
}

#[tokio::test]
async fn a_catalog_moves_each_reservation_once_and_to_one_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, _) = both(&folder, SECRET).await;
    keeps_its_promises(&here, &here).await;
}

#[tokio::test]
async fn a_catalog_in_another_process_keeps_the_same_promises() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, there) = both(&folder, SECRET).await;
    keeps_its_promises(&there, &here).await;
}

#[tokio::test]
async fn a_catalog_is_closed_to_who_has_no_credential() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, there) = both(&folder, "wrong").await;
    let refused = there
        .reserve(&reservation("a", "a"), &shares("GameStart", Side::Buy, 1))
        .await;
    assert!(matches!(refused, Err(CatalogError::Unavailable(_))));
    assert_eq!(here.quantity("GameStart").await, Ok(Some((100, 0))));
}
