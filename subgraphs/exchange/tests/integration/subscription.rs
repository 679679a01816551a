//! `stockChanged`.

use std::collections::BTreeMap;

use futures_util::stream::StreamExt;
use serde_json::json;

use testing::Answer;

use crate::support::{ADJUST, INVALIDATE, Market, TRADE, trader};

const ALL: &str = "subscription { stockChanged { name quantity } }";
const SOME: &str = "subscription($names: [String!]!) { stockChanged(names: $names) { name quantity } }";

fn changed(name: &str, quantity: i64) -> Answer {
    Answer::new(json!({ "data": { "stockChanged": { "name": name, "quantity": quantity } } }))
}

async fn buy(market: &Market, name: &str, quantity: i64) {
    let args = json!({ "stock": name, "side": "BUY", "quantity": quantity });
    assert_eq!(market.client(&trader()).query(TRADE, args).await.code(), "OK");
}

#[tokio::test]
async fn shows_a_stock_after_each_trade_price_and_correction() {
    let market = Market::with_shares(10).await;
    let all = "subscription { stockChanged { name quantity price open volume } }";
    let mut changes = market.anonymous().subscribe(all, json!({})).await;
    buy(&market, "FishCo", 3).await;
    let shown = changes.next().await.unwrap().at("stockChanged").clone();
    assert_eq!((&shown["quantity"], &shown["volume"]), (&json!(7), &json!(3)));
    market.set_price("21").await;
    let shown = changes.next().await.unwrap().at("stockChanged").clone();
    assert_eq!(
        (&shown["price"]["amount"], &shown["open"]["amount"]),
        (&json!("21.00"), &json!("19.99"))
    );
    let args = json!({ "stock": "FishCo", "side": "SELL", "quantity": 1 });
    let corrected = market.admin().query(ADJUST, args).await;
    assert_eq!(corrected.code(), "OK");
    let shown = changes.next().await.unwrap().at("stockChanged").clone();
    assert_eq!(shown["quantity"], 8);
    market.list("BoarCo", 4).await;
    assert_eq!(changes.next().await.unwrap().at("stockChanged.name"), "BoarCo");
}

#[tokio::test]
async fn shows_only_the_stocks_that_were_named() {
    let market = Market::with_shares(10).await;
    market.list("BoarCo", 10).await;
    let names = json!({ "names": ["BoarCo", "BoarCo"] });
    let mut changes = market.client(&trader()).subscribe(SOME, names).await;
    buy(&market, "FishCo", 1).await;
    buy(&market, "BoarCo", 2).await;
    assert_eq!(changes.next().await, Some(changed("BoarCo", 8)));
}

#[tokio::test]
async fn refused_trades_replays_and_invalidations_are_no_changes() {
    let market = Market::with_shares(10).await;
    let mut changes = market.client(&trader()).subscribe(ALL, json!({})).await;
    assert_eq!(market.trade(&trader(), "BUY", 11).await.code(), "INSUFFICIENT_STOCK");
    for _ in 0..2 {
        let args = json!({ "stock": "FishCo", "side": "BUY", "quantity": 1, "key": "k" });
        assert_eq!(market.client(&trader()).query(TRADE, args).await.code(), "OK");
    }
    assert_eq!(changes.next().await, Some(changed("FishCo", 9)));
    let invalidated = market.admin().query(INVALIDATE, json!({ "stock": "FishCo" })).await;
    assert_eq!(invalidated.code(), "OK");
    buy(&market, "FishCo", 1).await;
    assert_eq!(changes.next().await, Some(changed("FishCo", 8)));
}

#[tokio::test]
async fn lost_events_hide_no_change_from_a_watcher_of_some_stocks() {
    let market = Market::with_bus(2).await;
    for name in ["a", "b", "c", "d"] {
        market.list(name, 100).await;
    }
    let names = json!({ "names": ["a", "b", "c"] });
    let mut changes = market.client(&trader()).subscribe(SOME, names).await;
    buy(&market, "a", 1).await;
    buy(&market, "c", 1).await;
    for _ in 0..5 {
        buy(&market, "d", 1).await;
    }
    let mut seen = vec![changes.next().await.unwrap(), changes.next().await.unwrap()];
    seen.sort_by_key(Answer::to_string);
    assert_eq!(seen, [changed("a", 99), changed("c", 99)]);
    buy(&market, "b", 1).await;
    assert_eq!(changes.next().await, Some(changed("b", 99)));
}

#[tokio::test]
async fn lost_events_hide_no_change_from_a_watcher_of_all_stocks() {
    const STOCKS: usize = 120;
    let market = Market::with_bus(2).await;
    let mut changes = market.client(&trader()).subscribe(ALL, json!({})).await;
    for number in 0..STOCKS {
        market.list(&format!("stock {number}"), 10).await;
    }
    buy(&market, "stock 7", 4).await;
    let mut seen = BTreeMap::new();
    while seen.len() < STOCKS {
        let stock = changes.next().await.unwrap().at("stockChanged").clone();
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
    for (names, wanted) in [
        (vec!["FishCo"; 101], "INVALID_INPUT"),
        (vec!["FishCo", "fishco"], "NOT_FOUND"),
    ] {
        let args = json!({ "names": names });
        let answers = market.client(&trader()).subscribe(SOME, args).await;
        let answers: Vec<Answer> = answers.collect().await;
        assert_eq!(answers.len(), 1, "{names:?}");
        assert_eq!(answers[0].code(), wanted);
    }
}
