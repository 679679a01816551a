//! The guarantees of every catalog. The tests of each implementation include this file.

use order_log::command::{Shares, TradeSide};
use order_log::{Catalog, CatalogError, Reservation};

pub fn reservation(attempt: &str, key: &str) -> Reservation {
    Reservation {
        attempt: attempt.to_owned(),
        key: key.to_owned(),
    }
}

pub fn shares(name: &str, side: TradeSide, quantity: i64) -> Shares {
    Shares {
        name: name.to_owned(),
        side,
        quantity,
    }
}

/// Runs every step twice, as after a lost answer: the second run changes nothing.
///
/// `left` returns how many shares of `GameStart` are available, and how many are reserved; it begins with 100 and none.
pub async fn keeps_the_catalog_contract(catalog: &dyn Catalog, left: impl AsyncFn() -> (i64, i64)) {
    let (bought, sold) = (
        shares("GameStart", TradeSide::Buy, 30),
        shares("GameStart", TradeSide::Sell, 5),
    );
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
        .reserve(&reservation("a", "a"), &shares("GameStart", TradeSide::Buy, 71))
        .await;
    assert_eq!(too_many, Err(CatalogError::TooFew));
    let no_stock = catalog
        .reserve(&reservation("a", "a"), &shares("NoSuchCo", TradeSide::Buy, 1))
        .await;
    assert_eq!(no_stock, Err(CatalogError::NoStock));
    let all_there_are = shares("GameStart", TradeSide::Sell, i64::from(i32::MAX) - 104);
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
