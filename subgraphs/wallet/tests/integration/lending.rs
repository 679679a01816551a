//! Lent and held money, and its release.

use std::time::Duration;

use contract::{Audience, Event};
use entities::authorization::AuthorizationEnd;
use entities::{brokerage_order, hold, lending, order_reserve};
use serde_json::json;
use testing::received_events;

use crate::support::{ADA, Bank, NEW_YEAR_US, nodes};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn lent_money_is_committed_and_not_free() {
    let bank = Bank::with_money().await;
    let id = bank.lend(4_000).await;
    assert_eq!(bank.parts(ADA).await, ["60.00", "40.00", "40.00", "0.00"]);
    let list = bank
        .wallet(
            ADA,
            "transactions(type: GRANT) { nodes { account amount balanceAfter authorization { id } order { id } } }",
        )
        .await;
    let usd = |amount: &str| json!({ "amount": amount, "currency": "USD" });
    let entry = |account: &str, amount: &str, after: &str| {
        json!({
            "account": account, "amount": usd(amount), "balanceAfter": usd(after),
            "authorization": { "id": format!("authorization_{id}") }, "order": null,
        })
    };
    assert_eq!(
        *nodes(&list["transactions"]),
        [entry("LENT", "40.00", "40.00"), entry("BALANCE", "-40.00", "60.00")]
    );
}

#[tokio::test]
async fn revoked_money_is_free_again() {
    let bank = Bank::with_money().await;
    let id = bank.lend(4_000).await;
    bank.write(async move |tx| Ok(lending::end(tx, id, AuthorizationEnd::Revoked, NEW_YEAR_US).await?))
        .await;
    assert_eq!(bank.parts(ADA).await, ["100.00", "0.00", "0.00", "0.00"]);
    assert_eq!(
        bank.amounts(ADA, json!({ "type": "RELEASE", "account": "BALANCE" }))
            .await,
        ["40.00"]
    );
}

#[tokio::test]
async fn the_first_read_after_an_expiry_sees_the_released_money() {
    let bank = Bank::with_money().await;
    bank.lend(4_000).await;
    bank.clock.advance(HOUR - Duration::from_micros(1));
    assert_eq!(bank.parts(ADA).await[0], "60.00");
    let mut events = bank.services.bus.subscribe();
    assert!(received_events(&mut events).is_empty());
    bank.clock.advance(Duration::from_micros(1));
    assert_eq!(bank.parts(ADA).await, ["100.00", "0.00", "0.00", "0.00"]);
    let told = received_events(&mut events);
    let of = |typename| {
        told.iter()
            .filter(move |event| matches!(event, Event::Invalidated { typename: of, .. } if *of == typename))
    };
    assert_eq!((of("Wallet").count(), of("Authorization").count()), (1, 1), "{told:?}");
    assert!(
        of("Wallet").all(
            |event| matches!(event, Event::Invalidated { audience: Audience::Users(users), .. } if *users == [ADA])
        )
    );
}

#[tokio::test]
async fn released_money_can_be_used_at_once() {
    let bank = Bank::with_money().await;
    bank.lend(4_000).await;
    bank.clock.advance(HOUR);
    bank.withdraw(ADA, "100.00").await;
    assert_eq!(bank.parts(ADA).await, ["0.00"; 4]);
}

#[tokio::test]
async fn a_list_of_transactions_includes_releases() {
    let bank = Bank::with_money().await;
    bank.lend(4_000).await;
    bank.clock.advance(HOUR);
    assert_eq!(
        bank.amounts(ADA, json!({ "account": "BALANCE" })).await,
        ["40.00", "-40.00", "100.00"]
    );
}

#[tokio::test]
async fn a_hold_reserves_funds_until_its_order_ends() {
    let bank = Bank::with_money().await;
    let fields = "holds { nodes { id amount status placedAt expiresAt endedAt order { id } } }";
    let (cancelled, running) = (bank.order().await, bank.order().await);
    assert_eq!(bank.parts(ADA).await, ["40.00", "0.00", "0.00", "60.00"]);
    bank.write(async move |tx| {
        let order = brokerage_order::cancel(tx, cancelled, None, NEW_YEAR_US)
            .await?
            .unwrap();
        Ok(order_reserve::release(tx, &order, hold::HoldEnd::Voided, NEW_YEAR_US).await?)
    })
    .await;
    let hold = |id: i64, order: i64, status: &str, ended: Option<&str>| {
        json!({
            "id": format!("hold_{id}"), "amount": { "amount": "30.00", "currency": "USD" }, "status": status,
            "placedAt": "2026-01-01T00:00:00+00:00", "expiresAt": "2026-01-01T01:00:00+00:00", "endedAt": ended,
            "order": { "id": format!("brokerage_order_{order}") },
        })
    };
    let gone = hold(1, cancelled, "VOIDED", Some("2026-01-01T00:00:00+00:00"));
    let listed = bank.wallet(ADA, fields).await;
    assert_eq!(
        *nodes(&listed["holds"]),
        [hold(2, running, "PENDING", None), gone.clone()]
    );
    bank.clock.advance(HOUR);
    let listed = bank.wallet(ADA, fields).await;
    let expired = hold(2, running, "EXPIRED", Some("2026-01-01T01:00:00+00:00"));
    assert_eq!(*nodes(&listed["holds"]), [expired.clone(), gone]);
    assert_eq!(bank.parts(ADA).await, ["100.00", "0.00", "0.00", "0.00"]);
    let only = bank
        .wallet(ADA, &fields.replace("holds", "holds(status: EXPIRED, first: 1)"))
        .await;
    assert_eq!(*nodes(&only["holds"]), [expired]);
    let orders = bank
        .wallet(
            ADA,
            "transactions(type: HOLD, account: HELD) { nodes { order { id } authorization { id } } }",
        )
        .await;
    let of_order = |id: i64| json!({ "order": { "id": format!("brokerage_order_{id}") }, "authorization": null });
    assert_eq!(
        *nodes(&orders["transactions"]),
        [of_order(running), of_order(cancelled)]
    );
}

#[tokio::test]
async fn a_failed_expiry_check_is_a_server_error() {
    let bank = Bank::with_money().await;
    bank.services.db.close().await.unwrap();
    let answer = bank.member(ADA).query("{ transaction(id: 1) { id } }", json!({})).await;
    assert_eq!(answer.code(), "UNAVAILABLE", "{answer}");
    assert_eq!(answer.message(), "the database's storage does not work now");
}
