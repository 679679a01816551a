//! Prices: the day's figures, and the automated orders that a price triggers.

use std::time::Duration;

use contract::{Error, Event};
use entities::brokerage_order::{self, NewAutomatedOrder};
use entities::side::Side;
use entities::user;
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{ADJUST, Market, NEW_YEAR_US, SET_PRICE, trader, usd};

fn figures(price: &str, open: &str, high: &str, low: &str, volume: i64) -> Value {
    json!({
        "price": usd(price), "open": usd(open), "high": usd(high), "low": usd(low), "close": usd(price), "volume": volume,
    })
}

#[tokio::test]
async fn daily_figures_follow_trades_and_reset_at_midnight() {
    let market = Market::with_shares(100).await;
    assert_eq!(
        figures_of_fish(&market).await,
        figures("19.99", "19.99", "19.99", "19.99", 0)
    );
    market.set_price("25").await;
    market.set_price("15.50").await;
    market.set_price("18").await;
    market.trade(&trader(), "BUY", 3).await;
    market.trade(&trader(), "SELL", 2).await;
    assert_eq!(
        figures_of_fish(&market).await,
        figures("18.00", "19.99", "25.00", "15.50", 5)
    );

    market
        .clock
        .advance(Duration::from_secs(24 * 3600) - Duration::from_micros(1));
    assert_eq!(
        figures_of_fish(&market).await,
        figures("18.00", "19.99", "25.00", "15.50", 5)
    );
    market.clock.advance(Duration::from_micros(1));
    assert_eq!(
        figures_of_fish(&market).await,
        figures("18.00", "18.00", "18.00", "18.00", 0),
        "nothing happened today"
    );
    market.trade(&trader(), "BUY", 4).await;
    assert_eq!(
        figures_of_fish(&market).await,
        figures("18.00", "18.00", "18.00", "18.00", 4)
    );
    market.set_price("19").await;
    assert_eq!(
        figures_of_fish(&market).await,
        figures("19.00", "18.00", "19.00", "18.00", 4)
    );

    market.clock.advance(Duration::from_secs(3 * 24 * 3600));
    market.set_price("17").await;
    assert_eq!(
        figures_of_fish(&market).await,
        figures("17.00", "19.00", "19.00", "17.00", 0)
    );
    assert_eq!(market.fish().await["updatedAt"], "2026-01-05T00:00:00+00:00");
}

#[tokio::test]
async fn a_correction_of_the_catalog_is_not_counted_as_traded() {
    let market = Market::with_shares(100).await;
    let args = json!({ "stock": "FishCo", "side": "BUY", "quantity": 40 });
    let adjusted = market.admin().query(ADJUST, args).await;
    let left = json!({ "quantity": 60, "volume": 0 });
    assert_eq!(adjusted, json!({ "data": { "adjustStock": left } }));
    assert_eq!(market.numbers().await, Vec::<i64>::new());
}

#[tokio::test]
async fn a_price_has_its_bounds() {
    let market = Market::with_shares(1).await;
    for (stock, price, wanted) in [
        ("FishCo", json!({ "amount": "0.01" }), "OK"),
        ("FishCo", usd("1000000000000.00"), "OK"),
        ("FishCo", json!({ "amount": "1000000000000.01" }), "INVALID_INPUT"),
        ("FishCo", json!({ "amount": "0.00" }), "INVALID_INPUT"),
        ("FishCo", json!({ "amount": "-1.00" }), "INVALID_INPUT"),
        ("FishCo", json!({ "amount": "1.001" }), "INVALID_INPUT"),
        (
            "FishCo",
            json!({ "amount": "1.00", "currency": "EUR" }),
            "INVALID_INPUT",
        ),
        ("FishCo", json!(1.00), "INVALID_INPUT"),
        ("Fish", json!({ "amount": "1.00" }), "NOT_FOUND"),
    ] {
        let args = json!({ "stock": stock, "price": price });
        let answer = market.admin().query(SET_PRICE, args.clone()).await;
        assert_eq!(answer.code(), wanted, "{args}");
    }
    assert_eq!(market.fish().await["price"], usd("1000000000000.00"));
}

/// Returns the price, the day's figures and the volume of FishCo.
async fn figures_of_fish(market: &Market) -> Value {
    let fish = market.fish().await;
    let figures = ["price", "open", "high", "low", "close", "volume"];
    figures.map(|name| (name, fish[name].clone())).into_iter().collect()
}

/// Places a user's order that waits for FishCo at up to 15.00.
async fn place_pending_order(market: &Market) {
    let placed = market.services.db.write(async |tx| {
        let joined = user::insert(tx, user::Model::with_username("ada", NEW_YEAR_US)).await?;
        let order = NewAutomatedOrder {
            side: Side::Buy,
            stock_id: 1,
            quantity: 1,
            limit_minor: 1_500,
            currency: "USD".to_owned(),
            investor_id: joined.map_err(|_| Error::Unauthenticated)?.id,
            expires_at_us: None,
        };
        Ok(brokerage_order::place(tx, &order, 10, NEW_YEAR_US).await?)
    });
    placed.await.unwrap();
}

#[tokio::test]
async fn a_crossing_price_triggers_its_pending_orders_once() {
    let market = Market::with_shares(1).await;
    place_pending_order(&market).await;
    let mut events = market.services.bus.subscribe();
    for (price, triggers) in [("15.01", false), ("15", true), ("14", false), ("20", false)] {
        market.set_price(price).await;
        let told = received_events(&mut events);
        assert!(
            matches!(told[0], Event::Invalidated { typename: "Stock", .. }),
            "{price}: {told:?}"
        );
        assert_eq!(
            told[1..].contains(&Event::OrdersTriggered { stock: 1 }),
            triggers,
            "{price}"
        );
        assert_eq!(told.len(), 1 + usize::from(triggers), "{price}");
    }
    let triggered = brokerage_order::triggered(0, 10)
        .all(market.services.db.read())
        .await
        .unwrap();
    let marks: Vec<_> = triggered.iter().map(|order| order.fired_minor).collect();
    assert_eq!(
        marks,
        [Some(1_500)],
        "the price that triggered it, though it rose again"
    );
}
