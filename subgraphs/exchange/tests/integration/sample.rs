//! The sample data, and the simulated market.

use contract::Event;
use exchange::demo::{move_price, seed};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{Market, usd};

const STOCKS: &str = "{ stocks { nodes { name price quantity } } }";

async fn stocks(market: &Market) -> Vec<Value> {
    let listed = market.anonymous().query(STOCKS, json!({})).await;
    listed.all("stocks.nodes.*").into_iter().cloned().collect()
}

#[tokio::test]
async fn an_empty_exchange_gets_the_ten_documented_stocks_once() {
    let market = Market::new().await;
    seed(&market.services).await.unwrap();
    seed(&market.services).await.unwrap();
    let contract = [
        ("GameStart", "15.99"),
        ("FishCo", "19.99"),
        ("BoarCo", "24.99"),
        ("MenhirCo", "9.99"),
        ("CrassusRealty", "30.99"),
        ("AugustusPizza", "12.99"),
        ("DivineComics", "9.99"),
        ("LegionLogistics", "99.99"),
        ("TiberAqueducts", "200.99"),
        ("MercuryExpress", "15.99"),
    ];
    let wanted = contract.map(|(name, price)| json!({ "name": name, "price": usd(price), "quantity": 100 }));
    assert_eq!(stocks(&market).await, wanted);

    let other = Market::with_shares(7).await;
    seed(&other.services).await.unwrap();
    assert_eq!(stocks(&other).await.len(), 1);
}

#[tokio::test]
async fn the_market_moves_and_announces_one_price_at_a_time() {
    let market = Market::new().await;
    seed(&market.services).await.unwrap();
    let mut random = StdRng::seed_from_u64(1);
    let mut events = market.services.bus.subscribe();
    for _ in 0..20 {
        let before = stocks(&market).await;
        move_price(&market.services, &mut random).await.unwrap();
        let after = stocks(&market).await;
        let moved = before
            .iter()
            .zip(&after)
            .filter(|(before, after)| before != after)
            .count();
        assert!(moved <= 1, "{before:?} became {after:?}");
        assert!(matches!(
            received_events(&mut events)[..],
            [Event::Invalidated { typename: "Stock", .. }]
        ));
    }
    assert!(stocks(&market).await.iter().all(|stock| stock["quantity"] == 100));
}

#[tokio::test]
async fn the_market_ignores_unlisted_stocks() {
    let market = Market::with_shares(5).await;
    let mut random = StdRng::seed_from_u64(2);
    let mut events = market.services.bus.subscribe();
    let mut moved = 0;
    for _ in 0..50 {
        move_price(&market.services, &mut random).await.unwrap();
        moved += received_events(&mut events).len();
    }
    assert!(moved < 50, "only FishCo can move");
    assert_eq!(stocks(&market).await.len(), 1);
}
