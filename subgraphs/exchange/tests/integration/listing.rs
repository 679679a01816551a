//! The mutations of stocks for operators.

use contract::Event;
use serde_json::json;
use testing::received_events;

use crate::support::{ADJUST, INVALIDATE, LIST, Market, usd};

#[tokio::test]
async fn a_listed_stock_starts_with_its_price() {
    let market = Market::new().await;
    let input = json!({ "name": " Ægir & Søn ", "price": { "amount": "7.5" }, "quantity": i32::MAX });
    let listed = market.admin().query(LIST, json!({ "input": input })).await;
    let price = usd("7.50");
    assert_eq!(
        listed.at("listStock"),
        &json!({
            "id": "stock_1", "name": "Ægir & Søn", "price": price, "quantity": 2_147_483_647, "open": price, "high": price,
            "low": price, "close": price, "volume": 0, "updatedAt": "2026-01-01T00:00:00+00:00",
        })
    );
}

#[tokio::test]
async fn a_name_is_unique_and_case_sensitive() {
    let market = Market::with_shares(1).await;
    for (name, wanted) in [
        ("FishCo", "CONFLICT"),
        (" FishCo ", "CONFLICT"),
        ("FISHCO", "OK"),
        ("FISHCO", "CONFLICT"),
    ] {
        let input = json!({ "name": name, "price": { "amount": "1" }, "quantity": 1 });
        let listed = market.admin().query(LIST, json!({ "input": input })).await;
        assert_eq!(listed.code(), wanted, "{name}");
    }
    assert_eq!(market.fish().await["price"], usd("19.99"));
}

#[tokio::test]
async fn an_invalid_stock_is_not_listed() {
    let market = Market::new().await;
    let long = "x".repeat(65);
    for (name, price, quantity, field) in [
        ("", "1", 1, "input.name"),
        (".", "1", 1, "input.name"),
        ("..", "1", 1, "input.name"),
        ("  ", "1", 1, "input.name"),
        (long.as_str(), "1", 1, "input.name"),
        ("a\nb", "1", 1, "input.name"),
        ("a", "0", 1, "input.price"),
        ("a", "1", 0, "input.quantity"),
        ("a", "1", -5, "input.quantity"),
    ] {
        let input = json!({ "name": name, "price": { "amount": price }, "quantity": quantity });
        let refused = market.admin().query(LIST, json!({ "input": input })).await;
        assert_eq!(refused.code(), "INVALID_INPUT", "{input}");
        assert_eq!(refused["errors"][0]["extensions"]["field"], field, "{input}");
    }
    let none = market.anonymous().query("{ stocks { nodes { id } } }", json!({})).await;
    assert_eq!(none, json!({ "data": { "stocks": { "nodes": [] } } }));
}

#[tokio::test]
async fn the_same_key_lists_and_adjusts_once() {
    let market = Market::with_shares(10).await;
    let new = json!({ "name": "New", "price": { "amount": "1" }, "quantity": 1 });
    for (document, args) in [
        (LIST, json!({ "input": new, "key": "k" })),
        (
            ADJUST,
            json!({ "stock": "FishCo", "side": "SELL", "quantity": 5, "key": "k" }),
        ),
    ] {
        let first = market.admin().query(document, args.clone()).await;
        assert_eq!(first.code(), "OK", "{first}");
        assert_eq!(market.admin().query(document, args).await, first);
    }
    assert_eq!(market.fish().await["quantity"], 15);
}

#[tokio::test]
async fn an_adjustment_stays_within_the_share_bounds() {
    let market = Market::with_shares(10).await;
    for (stock, side, quantity, wanted) in [
        ("FishCo", "BUY", 11, "INSUFFICIENT_STOCK"),
        ("FishCo", "BUY", 10, "OK"),
        ("FishCo", "SELL", 2_147_483_647, "OK"),
        ("FishCo", "SELL", 1, "CONFLICT"),
        ("FishCo", "SELL", 0, "INVALID_INPUT"),
        ("Fish", "SELL", 1, "NOT_FOUND"),
    ] {
        let args = json!({ "stock": stock, "side": side, "quantity": quantity });
        let answer = market.service().query(ADJUST, args.clone()).await;
        assert_eq!(answer.code(), wanted, "{args}");
    }
    assert_eq!(market.fish().await["quantity"], 2_147_483_647);
}

#[tokio::test]
async fn an_invalidation_is_published_without_a_change() {
    let market = Market::with_shares(10).await;
    let mut events = market.services.bus.subscribe();
    let told = market.service().query(INVALIDATE, json!({ "stock": "FishCo" })).await;
    assert_eq!(told, json!({ "data": { "invalidateStock": true } }));
    let heard = received_events(&mut events);
    assert!(
        matches!(&heard[..], [Event::Invalidated { typename: "Stock", key, version: 1, .. }] if key == "stock_1"),
        "{heard:?}"
    );
    let unknown = market.service().query(INVALIDATE, json!({ "stock": "Fish" })).await;
    assert_eq!(unknown.code(), "NOT_FOUND");
}
