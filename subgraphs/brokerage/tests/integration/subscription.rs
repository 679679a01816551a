//! `orderChanged`: the viewer's own orders after each change.

use futures_util::StreamExt;
use serde_json::json;

use crate::support::{ADA, BEN, EVE, FISH, Floor, automated, buy, person};

const WATCH: &str = "subscription { orderChanged { id status } }";

#[tokio::test]
async fn subscribers_see_changes_of_their_own_orders_only() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.deposit(EVE, 10_000).await;
    let capital = floor.lend_money(ADA, BEN, 4_100).await;
    let mut adas = floor.client(&person(ADA)).subscribe(WATCH, json!({})).await;
    let mut bens = floor.client(&person(BEN)).subscribe(WATCH, json!({})).await;
    let mut eves = floor.client(&person(EVE)).subscribe(WATCH, json!({})).await;

    floor.placed(&person(ADA), &automated("BUY", 1, "1.00")).await;
    let seen = |id: i64, status: &str| {
        let id = format!("brokerage_order_{id}");
        json!({ "data": { "orderChanged": { "id": id, "status": status } } })
    };
    assert_eq!(adas.next().await.unwrap(), seen(1, "PENDING"));
    floor.cancel(&person(ADA), "1").await;
    assert_eq!(adas.next().await.unwrap(), seen(1, "CANCELLED"));
    floor.placed(&person(BEN), &buy(1).under(capital)).await;
    assert_eq!(adas.next().await.unwrap(), seen(2, "COMPLETED"));
    assert_eq!(bens.next().await.unwrap(), seen(2, "COMPLETED"));
    floor.placed(&person(EVE), &buy(1)).await;
    // The first order that reaches eve is her own.
    assert_eq!(eves.next().await.unwrap(), seen(3, "COMPLETED"));
}

#[tokio::test]
async fn a_subscriber_with_lost_events_still_sees_every_order() {
    let floor = Floor::with_bus(1).await;
    floor.deposit(ADA, 10_000).await;
    let mut adas = floor.client(&person(ADA)).subscribe(WATCH, json!({})).await;
    for _ in 0..5 {
        floor.placed(&person(ADA), &buy(1)).await;
    }
    floor.set_price(FISH, 1_000).await;
    for id in 1..=5 {
        assert_eq!(
            adas.next().await.unwrap()["data"]["orderChanged"]["id"],
            format!("brokerage_order_{id}")
        );
    }
}

#[tokio::test]
async fn an_anonymous_caller_cannot_subscribe() {
    let floor = Floor::new().await;
    let mut answers = floor.anonymous().subscribe(WATCH, json!({})).await;
    assert_eq!(answers.next().await.unwrap().code(), "UNAUTHENTICATED");
}
