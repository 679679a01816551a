//! The next expiry is kept in memory, and no write makes it wrong.

use contract::{ExpirySchedule, Services, Tx};
use entities::brokerage_order::{self, NewAutomatedOrder, OrderStatus};
use entities::order_reserve;
use entities::side::Side;
use sea_orm::EntityTrait;

use crate::support::{ADA, BEN, FISH, Floor, HOUR_US, NEW_YEAR_US, automated, person};

/// Places an automated order of one share that expires at that time; returns its id.
async fn place_until(services: &Services, expires_at_us: i64) -> i64 {
    let place = async move |tx: &Tx| {
        let order = NewAutomatedOrder {
            side: Side::Buy,
            stock_id: FISH,
            quantity: 1,
            limit_minor: 100,
            currency: "USD".into(),
            investor_id: ADA,
            expires_at_us: Some(expires_at_us),
        };
        let order = brokerage_order::place(tx, &order, u32::MAX, NEW_YEAR_US).await?;
        order_reserve::reserve(tx, &order, NEW_YEAR_US).await?;
        Ok(order.id)
    };
    services.db.write(place).await.unwrap()
}

async fn status(services: &Services, id: i64) -> OrderStatus {
    let order = brokerage_order::Entity::find_by_id(id);
    services.db.read().row(order).await.unwrap().unwrap().status
}

#[tokio::test]
async fn the_next_expiry_is_read_once_for_each_commit() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.lend_money(ADA, BEN, 1_000).await;
    let reads = async |times| {
        let before = floor.services.db.stats().reads;
        for _ in 0..times {
            floor.services.expire_overdue().await.unwrap();
        }
        floor.services.db.stats().reads - before
    };
    assert_eq!([reads(1).await, reads(3).await], [1, 0]);
    floor.pass(HOUR_US - 1);
    assert_eq!(reads(1).await, 0);

    floor.deposit(ADA, 1).await;

    assert_eq!([reads(1).await, reads(3).await], [1, 0]);
}

#[tokio::test]
async fn expiry_returns_money_when_its_time_comes() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.lend_money(ADA, BEN, 4_000).await;
    let until = "2026-01-01T00:30:00Z";
    floor
        .placed(&person(ADA), &automated("BUY", 1, "19.00").until(until))
        .await;
    floor.services.expire_overdue().await.unwrap();
    assert_eq!(floor.money(ADA).await, [4_100, 0, 4_000, 1_900]);

    floor.pass(HOUR_US / 2);
    floor.services.expire_overdue().await.unwrap();
    assert_eq!(floor.money(ADA).await, [6_000, 0, 4_000, 0]);

    floor.pass(HOUR_US / 2);
    floor.services.expire_overdue().await.unwrap();
    assert_eq!(floor.money(ADA).await, [10_000, 0, 0, 0]);
}

#[tokio::test]
async fn a_write_makes_the_next_expiry_earlier() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let now_us = floor.services.clock.now_us();
    let late = place_until(&floor.services, now_us + HOUR_US.cast_signed()).await;
    floor.services.expire_overdue().await.unwrap();

    let early = place_until(&floor.services, now_us + 1).await;
    floor.pass(1);
    floor.services.expire_overdue().await.unwrap();

    assert_eq!(status(&floor.services, early).await, OrderStatus::Cancelled);
    assert_eq!(status(&floor.services, late).await, OrderStatus::Pending);
}

#[tokio::test]
async fn a_new_process_reads_the_next_expiry() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let order = place_until(&floor.services, floor.services.clock.now_us()).await;
    let restarted = Services {
        expiry: ExpirySchedule::default().into(),
        ..floor.services.clone()
    };

    restarted.expire_overdue().await.unwrap();

    assert_eq!(status(&restarted, order).await, OrderStatus::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writes_hide_no_expiry() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 1_000_000).await;
    let writers = (0..8).map(|_| {
        let services = floor.services.clone();
        tokio::spawn(async move {
            for _ in 0..25 {
                let order = place_until(&services, services.clock.now_us()).await;
                services.expire_overdue().await.unwrap();
                assert_eq!(status(&services, order).await, OrderStatus::Cancelled);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(floor.money(ADA).await, [1_000_000, 0, 0, 0]);
}
