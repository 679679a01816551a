//! The resolution of orphaned reservations when the catalog fails for one of them.

use std::sync::Arc;

use order_log::command::{Price, Shares, TradeSide};
use order_log::{Catalog, CatalogError, CatalogResult, ClientAccess, Dependencies, Replica, Reservation};
use tokio::net::TcpListener;

use crate::cluster::{catalog, settings, single_node, test_dependencies, within};
use crate::sqlite_catalog::SqliteCatalog;

/// A catalog that can neither confirm nor cancel one attempt.
struct StuckCatalog {
    catalog: SqliteCatalog,
    attempt: &'static str,
}

impl StuckCatalog {
    fn refuses(&self, attempt: &str) -> Option<CatalogError> {
        (attempt == self.attempt).then(|| CatalogError::Unavailable("of all attempts, this one".to_owned()))
    }
}

impl Catalog for StuckCatalog {
    fn reserve<'a>(&'a self, reservation: &'a Reservation, shares: &'a Shares) -> CatalogResult<'a, Price> {
        self.catalog.reserve(reservation, shares)
    }

    fn confirm<'a>(&'a self, attempt: &'a str, number: i64) -> CatalogResult<'a, ()> {
        match self.refuses(attempt) {
            Some(refusal) => Box::pin(async { Err(refusal) }),
            None => self.catalog.confirm(attempt, number),
        }
    }

    fn cancel<'a>(&'a self, attempt: &'a str) -> CatalogResult<'a, ()> {
        match self.refuses(attempt) {
            Some(refusal) => Box::pin(async { Err(refusal) }),
            None => self.catalog.cancel(attempt),
        }
    }

    fn reserved<'a>(&'a self, key: Option<&'a str>, limit: usize) -> CatalogResult<'a, Vec<Reservation>> {
        self.catalog.reserved(key, limit)
    }
}

#[tokio::test]
async fn an_unresolvable_reservation_blocks_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = catalog(folder.path());
    let one = Shares {
        name: "GameStart".to_owned(),
        side: TradeSide::Buy,
        quantity: 1,
    };
    let reserve = async |attempt: &str| {
        let reservation = Reservation {
            attempt: attempt.to_owned(),
            key: attempt.to_owned(),
        };
        let reserved = catalog.reserve(&reservation, &one).await;
        reserved.expect("a reservation");
    };
    reserve("stuck").await;
    reserve("left at once").await;

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let node_config = single_node(folder.path(), &listener);
    let stuck = StuckCatalog {
        catalog: catalog.clone(),
        attempt: "stuck",
    };
    let dependencies = Dependencies {
        catalog: Arc::new(stuck),
        ..test_dependencies(catalog.clone())
    };
    let replica = Replica::open(node_config, settings(), dependencies)
        .await
        .expect("a replica");
    let serving = replica.clone();
    tokio::spawn(async move {
        serving
            .serve(listener, ClientAccess::Open, std::future::pending())
            .await
    });

    let only_one_is_held = async || {
        let settled = async {
            while catalog.quantity("GameStart").await != Ok(Some((99, 1))) {
                tokio::task::yield_now().await;
            }
        };
        within("all others are settled", settled).await;
    };
    only_one_is_held().await;
    reserve("left later").await;
    only_one_is_held().await;
    replica.close().await;
}
