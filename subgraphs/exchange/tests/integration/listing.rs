//! The mutations of stocks for operators.

use contract::{Event, Viewer};
use serde_json::json;
use testing::received_events;

use crate::support::{Market, admin, code, service, usd};

#[tokio::test]
async fn a_listed_stock_starts_with_its_price() {
    let market = Market::new().await;
    let listed = market
        .ask(
            &admin(),
            r#"mutation { listStock(input: { name: " Ægir & Søn ", price: { amount: "7.5" }, quantity: 2147483647 }) {
                id name price quantity open high low close volume updatedAt } }"#,
        )
        .await;
    let price = usd("7.50");
    assert_eq!(
        listed["data"]["listStock"],
        json!({
            "id": "1", "name": "Ægir & Søn", "price": price, "quantity": 2_147_483_647, "open": price, "high": price,
            "low": price, "close": price, "volume": 0, "updatedAt": "2026-01-01T00:00:00+00:00",
        })
    );
}

#[tokio::test]
async fn a_name_is_unique_and_case_sensitive() {
    let market = Market::with_shares(1).await;
    let list = |name: &str| {
        format!(
            r#"mutation {{ listStock(input: {{ name: "{name}", price: {{ amount: "1" }}, quantity: 1 }}) {{ id }} }}"#
        )
    };
    for (name, wanted) in [
        ("FishCo", "CONFLICT"),
        (" FishCo ", "CONFLICT"),
        ("FISHCO", "OK"),
        ("FISHCO", "CONFLICT"),
    ] {
        assert_eq!(code(&market.ask(&admin(), list(name)).await), wanted, "{name}");
    }
    assert_eq!(market.fish("price").await, json!({ "price": usd("19.99") }));
}

#[tokio::test]
async fn an_invalid_stock_is_not_listed() {
    let market = Market::new().await;
    let long = "x".repeat(65);
    for (name, price, quantity, field) in [
        ("", "1", "1", "input.name"),
        (".", "1", "1", "input.name"),
        ("..", "1", "1", "input.name"),
        ("  ", "1", "1", "input.name"),
        (long.as_str(), "1", "1", "input.name"),
        (r"a\nb", "1", "1", "input.name"),
        ("a", "0", "1", "input.price"),
        ("a", "1", "0", "input.quantity"),
        ("a", "1", "-5", "input.quantity"),
    ] {
        let input = format!(r#"{{ name: "{name}", price: {{ amount: "{price}" }}, quantity: {quantity} }}"#);
        let refused = market
            .ask(&admin(), format!("mutation {{ listStock(input: {input}) {{ id }} }}"))
            .await;
        assert_eq!(code(&refused), "INVALID_INPUT", "{input}");
        assert_eq!(refused["errors"][0]["extensions"]["field"], field, "{input}");
    }
    let none = market.ask(&Viewer::Anonymous, "{ stocks { nodes { id } } }").await;
    assert_eq!(none["data"]["stocks"]["nodes"], json!([]));
}

#[tokio::test]
async fn the_same_key_lists_and_adjusts_once() {
    let market = Market::with_shares(10).await;
    let list = r#"mutation { listStock(input: { name: "New", price: { amount: "1" }, quantity: 1 }, idempotencyKey: "k") { id } }"#;
    let adjust =
        r#"mutation { adjustStock(stock: "FishCo", side: SELL, quantity: 5, idempotencyKey: "k") { quantity } }"#;
    for document in [list, adjust] {
        let first = market.ask(&admin(), document).await;
        assert_eq!(code(&first), "OK", "{first}");
        assert_eq!(market.ask(&admin(), document).await, first);
    }
    assert_eq!(market.fish("quantity").await, json!({ "quantity": 15 }));
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
        let document =
            format!(r#"mutation {{ adjustStock(stock: "{stock}", side: {side}, quantity: {quantity}) {{ id }} }}"#);
        assert_eq!(
            code(&market.ask(&service(), document.as_str()).await),
            wanted,
            "{document}"
        );
    }
    assert_eq!(market.fish("quantity").await, json!({ "quantity": 2_147_483_647 }));
}

#[tokio::test]
async fn an_invalidation_is_published_without_a_change() {
    let market = Market::with_shares(10).await;
    let mut events = market.services.bus.subscribe();
    let told = market
        .ask(&service(), r#"mutation { invalidateStock(stock: "FishCo") }"#)
        .await;
    assert_eq!(told, json!({ "data": { "invalidateStock": true } }));
    let heard = received_events(&mut events);
    assert!(
        matches!(&heard[..], [Event::Invalidated { typename: "Stock", key, version: 1, .. }] if key == "1"),
        "{heard:?}"
    );
    let unknown = market
        .ask(&service(), r#"mutation { invalidateStock(stock: "Fish") }"#)
        .await;
    assert_eq!(code(&unknown), "NOT_FOUND");
}
