//! The table of stocks as the catalog of the replicated order log.

use contract::Event;
use entities::stock;
use order_log::Catalog;
use order_log::command::TradeSide;
use replicated_exchange::StockCatalog;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait, Statement};
use testing::{NEW_YEAR_US, TestServices, received_events};

use crate::catalog_contract::{keeps_the_catalog_contract, reservation, shares};

async fn stocks() -> TestServices {
    let on = TestServices::new(NEW_YEAR_US).await;
    exchange::demo::seed(&on.services).await.unwrap();
    on
}

async fn quantity_and_held(on: &TestServices) -> (i64, i64) {
    let db = on.services.db.read();
    let sql = "SELECT quantity, held FROM stock WHERE name = 'GameStart'";
    let row = db
        .query_one_raw(Statement::from_string(db.get_database_backend(), sql))
        .await;
    let row = row.unwrap().unwrap();
    (row.try_get("", "quantity").unwrap(), row.try_get("", "held").unwrap())
}

#[tokio::test]
async fn the_stock_table_satisfies_the_catalog_contract() {
    let on = stocks().await;
    let catalog = StockCatalog::new(on.services.clone());
    keeps_the_catalog_contract(&catalog, async || quantity_and_held(&on).await).await;
}

#[tokio::test]
async fn a_confirmed_reservation_is_a_stored_and_traded_order() {
    let on = stocks().await;
    let catalog = StockCatalog::new(on.services.clone());
    catalog
        .reserve(&reservation("buy", "one"), &shares("GameStart", TradeSide::Buy, 30))
        .await
        .unwrap();
    catalog
        .reserve(&reservation("not", "two"), &shares("GameStart", TradeSide::Sell, 2))
        .await
        .unwrap();
    let db = on.services.db.read();
    assert_eq!(entities::exchange_order::Entity::find().count(db).await.unwrap(), 0);
    catalog.confirm("buy", 0).await.unwrap();
    catalog.cancel("not").await.unwrap();

    let orders = entities::exchange_order::Entity::find().all(db).await.unwrap();
    let order = &orders[0];
    assert_eq!(
        (orders.len(), order.number, order.quantity, order.price_minor),
        (1, 0, 30, 1_599)
    );
    assert_eq!((order.side.as_str(), order.trader_id), ("BUY", None));
    let stock = stock::by_name(db, "GameStart").await.unwrap().unwrap();
    assert_eq!((stock.quantity, stock.today(NEW_YEAR_US).volume), (70, 30));
}

#[tokio::test]
async fn every_change_of_a_stocks_quantity_is_announced() {
    let on = stocks().await;
    let catalog = StockCatalog::new(on.services.clone());
    let mut events = on.services.bus.subscribe();
    let mut told = || {
        let events = received_events(&mut events);
        for event in &events {
            assert!(
                matches!(event, Event::Invalidated { typename: "Stock", .. }),
                "{event:?}"
            );
        }
        events.len()
    };
    catalog
        .reserve(&reservation("buy", "one"), &shares("GameStart", TradeSide::Buy, 30))
        .await
        .unwrap();
    assert_eq!(told(), 1);
    catalog
        .reserve(&reservation("sale", "two"), &shares("GameStart", TradeSide::Sell, 3))
        .await
        .unwrap();
    assert_eq!(told(), 0, "a reservation of room is not visible");
    catalog.cancel("buy").await.unwrap();
    assert_eq!(told(), 1);
    catalog.confirm("sale", 0).await.unwrap();
    assert_eq!(told(), 1);
    catalog.confirm("sale", 0).await.unwrap();
    assert_eq!(told(), 0, "what was done already is told already");
}
