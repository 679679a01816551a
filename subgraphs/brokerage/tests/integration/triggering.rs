//! Automated orders whose price reaches their limit.

use contract::{Event, Tx};
use entities::stock::{self, StockRef};
use entities::{brokerage_order, hold};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use crate::support::{ADA, BOAR, EVE, FISH, Floor, HOUR_US, automated, buy, person, sell};

#[tokio::test]
async fn an_order_triggers_at_its_limit_or_better() {
    let floor = Floor::new().await;
    let _worker = floor.worker();
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 10).await;
    let ada = person(ADA);
    floor.placed(&ada, &automated("BUY", 3, "19.00")).await;
    floor.placed(&ada, &automated("SELL", 4, "21.00")).await;

    floor.set_price(FISH, 1_901).await;
    floor.set_price(FISH, 2_099).await;
    assert_eq!(floor.statuses().await, ["PENDING", "PENDING"]);
    floor.set_price(FISH, 1_900).await;
    floor.until(["COMPLETED", "PENDING"]).await;
    floor.set_price(FISH, 2_200).await;
    floor.until(["COMPLETED", "COMPLETED"]).await;

    assert_eq!(floor.money(ADA).await, [10_000 - 3 * 1_900 + 4 * 2_200, 0, 0, 0]);
    assert_eq!(floor.shares(ADA, FISH).await, [9, 0, 0, 0]);
    assert_eq!(floor.listed(FISH).await, 101);
    let traded = floor.rows::<entities::exchange_order::Entity>().await;
    let traded: Vec<_> = traded
        .iter()
        .map(|trade| (trade.number, trade.price_minor, trade.trader_id))
        .collect();
    assert_eq!(traded, [(0, 1_900, Some(ADA)), (1, 2_200, Some(ADA))]);
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn an_order_executes_at_its_trigger_price_after_it_passed() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.placed(&person(ADA), &automated("BUY", 3, "19.00")).await;
    // No worker runs that could execute the order while the price crosses its limit and back.
    for price in [1_850, 1_700, 2_500] {
        floor.set_price(FISH, price).await;
    }
    assert_eq!(floor.statuses().await, ["PENDING"]);

    let _worker = floor.worker();
    floor.until(["COMPLETED"]).await;

    let order = floor
        .client(&person(ADA))
        .query(r#"{ brokerageOrder(id: "1") { price } }"#, json!({}))
        .await;
    assert_eq!(order["data"]["brokerageOrder"]["price"]["amount"], "18.50", "{order}");
    assert_eq!(floor.money(ADA).await, [10_000 - 3 * 1_850, 0, 0, 0]);
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn an_order_triggered_in_time_executes_after_its_expiry() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let order = automated("BUY", 3, "19.00").until("2026-01-01T01:00:00Z");
    floor.placed(&person(ADA), &order).await;
    floor.set_price(FISH, 1_900).await;
    floor.pass(HOUR_US);
    floor.services.expire_overdue().await.unwrap();

    let _worker = floor.worker();
    floor.until(["COMPLETED"]).await;
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn orders_execute_in_sequence_as_shares_come_back() {
    let floor = Floor::new().await;
    let _worker = floor.worker();
    floor.deposit(ADA, 100_000).await;
    floor.deposit(EVE, 100_000).await;
    let (ada, eve) = (person(ADA), person(EVE));
    floor.placed(&ada, &automated("BUY", 90, "0.40").of(BOAR)).await;
    floor.placed(&eve, &automated("BUY", 20, "0.45").of(BOAR)).await;

    floor.set_price(BOAR, 40).await;
    floor.until(["COMPLETED", "PENDING"]).await;
    assert_eq!(floor.money(EVE).await, [100_000 - 900, 0, 0, 900]);
    floor.assert_conserved(0).await;

    // Five more shares are too few. Ten are enough, but then the price is too high. At last shares and price suffice.
    floor.placed(&ada, &sell(5).of(BOAR)).await;
    floor.set_price(BOAR, 46).await;
    floor.placed(&ada, &sell(5).of(BOAR)).await;
    let statuses = floor.statuses().await;
    assert_eq!(statuses[..2], ["COMPLETED", "PENDING"]);
    floor.set_price(BOAR, 42).await;
    floor.until(["COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED"]).await;
    assert_eq!(floor.money(EVE).await, [100_000 - 20 * 42, 0, 0, 0]);
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn returned_shares_execute_the_orders_waiting_for_them() {
    let floor = Floor::new().await;
    let _worker = floor.worker();
    floor.deposit(EVE, 100_000).await;
    floor.give(ADA, BOAR, 10).await;
    floor
        .placed(&person(EVE), &automated("BUY", 105, "0.60").of(BOAR))
        .await;
    floor.placed(&person(ADA), &sell(4).of(BOAR)).await;
    assert_eq!(floor.statuses().await, ["PENDING", "COMPLETED"]);

    floor.placed(&person(ADA), &sell(1).of(BOAR)).await;
    floor.until(["COMPLETED", "COMPLETED", "COMPLETED"]).await;

    assert_eq!(floor.money(EVE).await, [100_000 - 105 * 50, 0, 0, 0]);
    assert_eq!(floor.listed(BOAR).await, 0);
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn a_worker_with_lost_events_checks_all_orders() {
    let floor = Floor::with_bus(1).await;
    floor.deposit(ADA, 10_000).await;
    floor.give(EVE, BOAR, 10).await;
    let _worker = floor.worker();
    floor
        .placed(&person(ADA), &automated("BUY", 101, "0.60").of(BOAR))
        .await;
    floor.placed(&person(ADA), &automated("BUY", 1, "19.00")).await;
    let back = async |tx: &Tx| {
        brokerage_order::trigger(tx, FISH, 1_900, testing::NEW_YEAR_US).await?;
        stock::adjust(
            tx,
            &StockRef::Id(BOAR),
            entities::side::Side::Sell,
            1,
            testing::NEW_YEAR_US,
        )
        .await?;
        Ok(())
    };
    floor.services.db.write(back).await.unwrap();
    // Unrelated events fill the buffer, so that the worker loses the events of the change.
    for user in 0..50 {
        floor.services.bus.publish(Event::SessionsEnded {
            user,
            session: None,
            at_us: 0,
        });
    }
    floor.until(["COMPLETED", "COMPLETED"]).await;
}

#[tokio::test]
async fn an_order_that_cannot_execute_blocks_no_other() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 100_000).await;
    for _ in 0..40 {
        floor.placed(&person(ADA), &automated("BUY", 1, "19.00")).await;
    }
    // Simulates a lost hold.
    let lose = async |tx: &Tx| {
        let lost = hold::Entity::update_many().col_expr(hold::Column::OrderId, Expr::value(None::<i64>));
        lost.filter(hold::Column::OrderId.eq(7)).exec(tx).await?;
        Ok(())
    };
    floor.services.db.write(lose).await.unwrap();
    floor.set_price(FISH, 1_900).await;

    let _worker = floor.worker();
    let expected: Vec<_> = (1..=40)
        .map(|id| if id == 7 { "PENDING" } else { "COMPLETED" })
        .collect();
    floor.until(expected).await;
    assert_eq!(floor.shares(ADA, FISH).await, [39, 0, 0, 0]);
}

#[tokio::test]
async fn an_execution_announces_every_changed_entity() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let mut events = floor.services.bus.subscribe();
    let _worker = floor.worker();
    let told = |events: &[Event]| -> Vec<String> {
        let mut told: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Invalidated { typename, key, .. } => Some(format!("{typename} {}", testing::number_of(key))),
                _ => None,
            })
            .collect();
        told.sort();
        told.dedup();
        told
    };
    floor.placed(&person(ADA), &automated("BUY", 3, "19.00")).await;
    assert_eq!(
        told(&testing::received_events(&mut events)),
        ["BrokerageOrder 1", "Wallet 1"]
    );

    floor.set_price(FISH, 1_900).await;
    floor.until(["COMPLETED"]).await;
    let wanted = ["BrokerageOrder 1", "Holding 1", "Stock 1", "Wallet 1"];
    let mut all = Vec::new();
    while told(&all) != wanted {
        all.push(floor.next_event(&mut events).await);
    }

    let capital = floor.lend_money(ADA, crate::support::BEN, 3_000).await;
    testing::received_events(&mut events);
    let order = buy(1).under(capital);
    floor.placed(&person(crate::support::BEN), &order).await;
    let wanted = json!([
        "Authorization 1",
        "Authorization 2",
        "BrokerageOrder 2",
        "Holding 1",
        "Stock 1",
        "Wallet 1",
        "Wallet 2"
    ]);
    assert_eq!(json!(told(&testing::received_events(&mut events))), wanted);
}
