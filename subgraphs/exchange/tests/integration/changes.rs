//! `stockChanged`.

use std::collections::BTreeMap;

use contract::Viewer;
use futures_util::stream::StreamExt;
use serde_json::{Value, json};

use crate::support::{Market, admin, code, trader};

const ALL: &str = "subscription { stockChanged { name quantity } }";

fn changed(name: &str, quantity: i64) -> Value {
    json!({ "data": { "stockChanged": { "name": name, "quantity": quantity } } })
}

async fn buy(market: &Market, name: &str, quantity: i64) {
    let document = format!(r#"mutation {{ trade(stock: "{name}", side: BUY, quantity: {quantity}) {{ number }} }}"#);
    assert_eq!(code(&market.ask(&trader(), document).await), "OK");
}

#[tokio::test]
async fn shows_a_stock_after_each_trade_price_and_correction() {
    let market = Market::with_shares(10).await;
    let all = "subscription { stockChanged { name quantity price open volume } }";
    let mut changes = market.watch(&Viewer::Anonymous, all).await;
    buy(&market, "FishCo", 3).await;
    let shown = changes.next().await.unwrap()["data"]["stockChanged"].clone();
    assert_eq!((&shown["quantity"], &shown["volume"]), (&json!(7), &json!(3)));
    market.set_price("21").await;
    let shown = changes.next().await.unwrap()["data"]["stockChanged"].clone();
    assert_eq!(
        (&shown["price"]["amount"], &shown["open"]["amount"]),
        (&json!("21.00"), &json!("19.99"))
    );
    let corrected = market
        .ask(
            &admin(),
            r#"mutation { adjustStock(stock: "FishCo", side: SELL, quantity: 1) { id } }"#,
        )
        .await;
    assert_eq!(code(&corrected), "OK");
    let shown = changes.next().await.unwrap()["data"]["stockChanged"].clone();
    assert_eq!(shown["quantity"], 8);
    market.list("BoarCo", 4).await;
    assert_eq!(changes.next().await.unwrap()["data"]["stockChanged"]["name"], "BoarCo");
}

#[tokio::test]
async fn shows_only_the_stocks_that_were_named() {
    let market = Market::with_shares(10).await;
    market.list("BoarCo", 10).await;
    let document = r#"subscription { stockChanged(names: ["BoarCo", "BoarCo"]) { name quantity } }"#;
    let mut changes = market.watch(&trader(), document).await;
    buy(&market, "FishCo", 1).await;
    buy(&market, "BoarCo", 2).await;
    assert_eq!(changes.next().await, Some(changed("BoarCo", 8)));
}

#[tokio::test]
async fn refused_trades_replays_and_invalidations_are_no_changes() {
    let market = Market::with_shares(10).await;
    let mut changes = market.watch(&trader(), ALL).await;
    assert_eq!(code(&market.trade(&trader(), "BUY", 11).await), "INSUFFICIENT_STOCK");
    for _ in 0..2 {
        let document = r#"mutation { trade(stock: "FishCo", side: BUY, quantity: 1, idempotencyKey: "k") { number } }"#;
        assert_eq!(code(&market.ask(&trader(), document).await), "OK");
    }
    assert_eq!(changes.next().await, Some(changed("FishCo", 9)));
    let document = r#"mutation { invalidateStock(stock: "FishCo") }"#;
    assert_eq!(code(&market.ask(&admin(), document).await), "OK");
    buy(&market, "FishCo", 1).await;
    assert_eq!(changes.next().await, Some(changed("FishCo", 8)));
}

#[tokio::test]
async fn lost_events_hide_no_change_from_a_watcher_of_some_stocks() {
    let market = Market::with_bus(2).await;
    for name in ["a", "b", "c", "d"] {
        market.list(name, 100).await;
    }
    let document = r#"subscription { stockChanged(names: ["a", "b", "c"]) { name quantity } }"#;
    let mut changes = market.watch(&trader(), document).await;
    buy(&market, "a", 1).await;
    buy(&market, "c", 1).await;
    for _ in 0..5 {
        buy(&market, "d", 1).await;
    }
    let mut seen = vec![changes.next().await.unwrap(), changes.next().await.unwrap()];
    seen.sort_by_key(Value::to_string);
    assert_eq!(seen, [changed("a", 99), changed("c", 99)]);
    buy(&market, "b", 1).await;
    assert_eq!(changes.next().await, Some(changed("b", 99)));
}

#[tokio::test]
async fn lost_events_hide_no_change_from_a_watcher_of_all_stocks() {
    const STOCKS: usize = 120;
    let market = Market::with_bus(2).await;
    let mut changes = market.watch(&trader(), ALL).await;
    for number in 0..STOCKS {
        market.list(&format!("stock {number}"), 10).await;
    }
    buy(&market, "stock 7", 4).await;
    let mut seen = BTreeMap::new();
    while seen.len() < STOCKS {
        let stock = changes.next().await.unwrap()["data"]["stockChanged"].clone();
        let name = stock["name"].as_str().unwrap().to_owned();
        assert_eq!(
            seen.insert(name, stock["quantity"].clone()),
            None,
            "shown twice: {stock}"
        );
    }
    assert_eq!(seen["stock 7"], 6);
    buy(&market, "stock 1", 1).await;
    assert_eq!(changes.next().await, Some(changed("stock 1", 9)));
}

#[tokio::test]
async fn a_subscription_names_at_most_100_stocks_and_only_listed_ones() {
    let market = Market::with_shares(1).await;
    let many = vec![r#""FishCo""#; 101].join(", ");
    for (names, wanted) in [(many.as_str(), "INVALID_INPUT"), (r#""FishCo", "fishco""#, "NOT_FOUND")] {
        let document = format!("subscription {{ stockChanged(names: [{names}]) {{ id }} }}");
        let answers: Vec<Value> = market.subscribe(&trader(), &document).collect().await;
        assert_eq!(answers.len(), 1, "{names}");
        assert_eq!(code(&answers[0]), wanted);
    }
}
