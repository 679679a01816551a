//! The sample data.

use brokerage::demo::seed;
use contract::DemoPeople;
use entities::brokerage_order::{self, OrderStatus};
use entities::stock::{self, NewStock};

use crate::support::{ADA, BEN, CLEO, Floor};

const PEOPLE: DemoPeople = DemoPeople {
    ada: ADA,
    ben: BEN,
    cleo: CLEO,
    dan: 0,
    admin: 0,
};

#[tokio::test]
async fn ada_has_shares_a_grant_to_ben_and_two_pending_orders() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 1_000_000).await;
    let listed = async |tx: &contract::Tx| {
        for (name, price_minor) in [
            ("GameStart", 1_599),
            ("MenhirCo", 999),
            ("DivineComics", 999),
            ("MercuryExpress", 1_599),
        ] {
            let new = NewStock {
                name: name.into(),
                price_minor,
                currency: "USD".into(),
                quantity: 100,
            };
            stock::add(tx, new, testing::NEW_YEAR_US).await?.unwrap();
        }
        Ok(())
    };
    floor.services.db.write(listed).await.unwrap();

    seed(&floor.services, PEOPLE).await.unwrap();

    // Ada's earlier deposits and the exchange's shares have not changed.
    let [balance, committed, lent, held] = floor.money(ADA).await;
    assert_eq!((balance, committed), (1_000_000, 0));
    assert!(lent > 0 && held > 0);
    assert!(
        floor
            .rows::<stock::Entity>()
            .await
            .iter()
            .all(|stock| stock.quantity == 100)
    );
    assert!(floor.money(BEN).await[0] > 0);
    for kind in ["CAPITAL", "STOCK_HOLDING"] {
        assert!(floor.open_between(ADA, BEN, kind).await.is_some(), "{kind}");
    }
    let statuses = floor.statuses().await;
    assert_eq!(statuses.iter().filter(|status| *status == "COMPLETED").count(), 6);
    let waiting = floor.rows::<brokerage_order::Entity>().await;
    let limits: Vec<_> = waiting
        .iter()
        .filter(|order| order.status == OrderStatus::Pending)
        .map(|order| order.limit_minor)
        .collect();
    assert_eq!(limits, [Some(1_583), Some(1_615)]);
    let on_top = floor
        .rows::<entities::holding::Entity>()
        .await
        .iter()
        .map(entities::holding::Model::shares)
        .sum();
    floor.assert_conserved(on_top).await;

    let before = floor.everything().await;
    seed(&floor.services, PEOPLE).await.unwrap();
    assert_eq!(floor.everything().await, before);
}

#[tokio::test]
async fn no_sample_is_seeded_without_the_sample_stocks() {
    let floor = Floor::new().await;
    seed(&floor.services, PEOPLE).await.unwrap();
    floor.assert_conserved(25).await;
}
