//! Automated orders: their reserved funds and shares, their cancellation, and orders that are executed as they are placed.

use entities::hold::{self, HoldState};
use serde_json::json;

use crate::support::{
    ADA, BEN, BOAR, CLEO, EVE, FISH, Floor, HOUR_US, PLACE, admin, automated, buy, person, service, usd,
};

#[tokio::test]
async fn a_pending_order_reserves_its_money_or_shares() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 10).await;
    let ada = person(ADA);

    let purchase = floor.placed(&ada, &automated("BUY", 3, "19.00")).await;
    let sale = floor.placed(&ada, &automated("SELL", 4, "21.00")).await;

    assert_eq!(
        (&purchase["status"], &purchase["automated"]),
        (&json!("PENDING"), &json!(true))
    );
    assert_eq!(
        (&purchase["limitPrice"], &purchase["price"]),
        (&usd("19.00"), &json!(null))
    );
    assert_eq!(
        (&purchase["total"], &purchase["completedAt"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(
        (&sale["status"], &sale["exchangeOrder"]),
        (&json!("PENDING"), &json!(null))
    );
    assert_eq!(floor.money(ADA).await, [10_000 - 5_700, 0, 0, 5_700]);
    assert_eq!(floor.shares(ADA, FISH).await, [6, 0, 0, 4]);
    assert_eq!(floor.listed(FISH).await, 100);
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn an_order_within_its_limit_executes_at_the_current_price() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 10).await;
    let ada = person(ADA);
    for (side, limit) in [("BUY", "19.99"), ("BUY", "25.00"), ("SELL", "19.99"), ("SELL", "1.00")] {
        let order = floor.placed(&ada, &automated(side, 2, limit)).await;
        assert_eq!(order["status"], "COMPLETED", "{side} {limit}");
        assert_eq!((&order["price"], &order["limitPrice"]), (&usd("19.99"), &usd(limit)));
    }
    assert_eq!(floor.money(ADA).await, [10_000, 0, 0, 0]);
    assert_eq!(floor.shares(ADA, FISH).await, [10, 0, 0, 0]);
    assert!(
        floor
            .rows::<hold::Entity>()
            .await
            .iter()
            .all(|hold| hold.state == HoldState::Posted)
    );
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn an_order_within_its_limit_waits_for_enough_shares() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let order = floor
        .placed(&person(ADA), &automated("BUY", 101, "0.60").of(BOAR))
        .await;
    assert_eq!(order["status"], "PENDING");
    assert_eq!(floor.money(ADA).await, [10_000 - 6_060, 0, 0, 6_060]);
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn an_invalid_automated_order_changes_nothing() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 10).await;
    let lent = floor.lend_money(ADA, BEN, 1_000).await;
    let ada = person(ADA);
    for (order, why) in [
        (buy(1).with("automated", true), "INVALID_INPUT"),
        (automated("BUY", 1, "0.00"), "INVALID_INPUT"),
        (automated("BUY", 1, "-1.00"), "INVALID_INPUT"),
        (
            buy(1)
                .with("automated", true)
                .with("limitPrice", json!({ "amount": "1", "currency": "EUR" })),
            "INVALID_INPUT",
        ),
        (
            automated("BUY", 1, "1.00").until("2026-01-01T00:00:00Z"),
            "INVALID_INPUT",
        ),
        // Years have four digits.
        (
            automated("BUY", 1, "1.00").until("+10000-01-01T00:00:00Z"),
            "INVALID_INPUT",
        ),
        (
            automated("BUY", 1, "1.00").until("+262142-12-31T23:59:59Z"),
            "INVALID_INPUT",
        ),
        (automated("BUY", 1, "1.00").under(lent), "INVALID_AUTOMATED_ORDER"),
        (automated("BUY", 5, "19.00"), "INSUFFICIENT_FUNDS"),
        (automated("BUY", 2_147_483_647, "1000000000000"), "INSUFFICIENT_FUNDS"),
        (automated("SELL", 11, "21.00"), "INSUFFICIENT_SHARES"),
        (automated("SELL", 2_147_483_647, "1000000000000"), "INVALID_INPUT"),
    ] {
        assert_eq!(floor.refused(&ada, &order).await, why, "{order}");
    }
    assert_eq!(
        floor.refused(&person(CLEO), &automated("BUY", 1, "1.00")).await,
        "FORBIDDEN"
    );
}

#[tokio::test]
async fn a_cancellation_releases_the_reserved_funds_once() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 10).await;
    let ada = person(ADA);
    for order in [automated("BUY", 3, "19.00"), automated("SELL", 4, "21.00")] {
        let order = floor.placed(&ada, &order).await;
        let id = order["id"].as_str().unwrap();
        let first = floor.cancel(&ada, id).await;
        assert_eq!(first["data"]["cancelOrder"]["status"], "CANCELLED", "{first}");
        let before = floor.everything().await;
        assert_eq!(floor.cancel(&ada, id).await, first);
        assert_eq!(floor.everything().await, before);
    }
    assert_eq!(floor.money(ADA).await, [10_000, 0, 0, 0]);
    assert_eq!(floor.shares(ADA, FISH).await, [10, 0, 0, 0]);
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn only_parties_cancel_and_only_uncompleted_orders() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.placed(&person(ADA), &automated("BUY", 1, "19.00")).await;
    let before = floor.everything().await;
    for (viewer, id, why) in [
        (person(EVE), "1", "NOT_FOUND"),
        (person(BEN), "1", "NOT_FOUND"),
        (admin(), "1", "NOT_FOUND"),
        (service(), "1", "NOT_FOUND"),
        (person(ADA), "2", "NOT_FOUND"),
        (person(ADA), "one", "NOT_FOUND"),
        (contract::Viewer::Anonymous, "1", "UNAUTHENTICATED"),
    ] {
        assert_eq!(floor.cancel(&viewer, id).await.code(), why, "{viewer:?} {id}");
    }
    assert_eq!(floor.everything().await, before);

    let capital = floor.lend_money(ADA, BEN, 5_000).await;
    let done = floor.placed(&person(BEN), &buy(1).under(capital)).await;
    for party in [ADA, BEN] {
        let answer = floor.cancel(&person(party), done["id"].as_str().unwrap()).await;
        assert_eq!(answer.code(), "ORDER_COMPLETED");
    }
}

#[tokio::test]
async fn reading_an_expired_order_releases_its_reserved_funds() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let order = automated("BUY", 3, "19.00").until("2026-01-01T01:00:00Z");
    let order = floor.placed(&person(ADA), &order).await;
    assert_eq!(order["expiresAt"], "2026-01-01T01:00:00+00:00");
    let look = r#"{ brokerageOrder(id: "1") { status reason completedAt } }"#;

    floor.pass(HOUR_US - 1);
    assert_eq!(
        floor.client(&person(ADA)).query(look, json!({})).await["data"]["brokerageOrder"]["status"],
        "PENDING"
    );
    floor.pass(1);
    let over = json!({ "status": "CANCELLED", "reason": "EXPIRED", "completedAt": null });
    assert_eq!(
        floor.client(&person(ADA)).query(look, json!({})).await["data"]["brokerageOrder"],
        over
    );
    assert_eq!(floor.money(ADA).await, [10_000, 0, 0, 0]);
    assert_eq!(
        floor.cancel(&person(ADA), "1").await["data"]["cancelOrder"]["status"],
        "CANCELLED"
    );
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn a_key_returns_its_order_after_the_order_expired() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let order = automated("BUY", 3, "19.00").until("2026-01-01T01:00:00Z");
    let ada = floor.client(&person(ADA));
    let args = json!({ "input": order.input(), "key": "k" });
    let first = ada.query(PLACE, args.clone()).await;
    floor.pass(2 * HOUR_US);
    assert_eq!(ada.query(PLACE, args).await, first);
    assert_eq!(first.code(), "OK", "{first}");
}

#[tokio::test]
async fn the_pending_orders_of_an_investor_are_limited() {
    let floor = Floor::with_pending_max(2).await;
    floor.deposit(ADA, 1_000).await;
    floor.deposit(EVE, 1_000).await;
    let order = automated("BUY", 1, "0.01");
    floor.placed(&person(ADA), &order).await;
    let last = floor.placed(&person(ADA), &order).await;
    assert_eq!(floor.refused(&person(ADA), &order).await, "CONFLICT");
    floor.placed(&person(EVE), &order).await;

    floor.cancel(&person(ADA), last["id"].as_str().unwrap()).await;
    floor.placed(&person(ADA), &order).await;
    assert_eq!(floor.refused(&person(ADA), &order).await, "CONFLICT");
}
