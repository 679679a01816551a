//! Trading: never more shares than there are, and a number for each trade.

use std::sync::Arc;

use contract::{Event, Viewer};
use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{Market, admin, code, service, trader, usd};

#[tokio::test]
async fn a_trade_moves_shares_and_gets_the_next_number() {
    let market = Market::with_shares(100).await;
    let fields = "number quantity side price trader { id } at stock { id name quantity volume }";
    let bought = format!(r#"mutation {{ trade(stock: "FishCo", side: BUY, quantity: 30) {{ {fields} }} }}"#);
    assert_eq!(
        market.ask(&trader(), bought).await,
        json!({ "data": { "trade": {
            "number": 0, "quantity": 30, "side": "BUY", "price": usd("19.99"), "trader": { "id": "7" },
            "at": "2026-01-01T00:00:00+00:00",
            "stock": { "id": "1", "name": "FishCo", "quantity": 70, "volume": 30 },
        } } })
    );
    let sold = format!(r#"mutation {{ trade(stock: "FishCo", side: SELL, quantity: 12) {{ {fields} }} }}"#);
    let sold = market.ask(&service(), sold).await["data"]["trade"].clone();
    assert_eq!(
        (&sold["number"], &sold["side"], &sold["trader"]),
        (&json!(1), &json!("SELL"), &Value::Null)
    );
    assert_eq!(
        (&sold["stock"]["quantity"], &sold["stock"]["volume"]),
        (&json!(82), &json!(42))
    );
}

#[tokio::test]
async fn a_trade_is_unchanged_by_later_stock_changes() {
    let market = Market::with_shares(100).await;
    market.trade(&trader(), "BUY", 30).await;
    market.set_price("0.01").await;
    let order = market
        .ask(
            &trader(),
            "{ exchangeOrder(number: 0) { quantity side price stock { price } } }",
        )
        .await;
    assert_eq!(
        order["data"]["exchangeOrder"],
        json!({ "quantity": 30, "side": "BUY", "price": usd("19.99"), "stock": { "price": usd("0.01") } })
    );
}

#[tokio::test]
async fn an_impossible_trade_is_refused_and_uses_no_number() {
    let market = Market::with_shares(2_147_483_600).await;
    for (stock, side, quantity, wanted) in [
        ("FishCo", "BUY", "2147483601", "INSUFFICIENT_STOCK"),
        ("FishCo", "SELL", "48", "CONFLICT"),
        ("fishco", "BUY", "1", "NOT_FOUND"),
        ("", "BUY", "1", "INVALID_INPUT"),
        ("  ", "BUY", "1", "INVALID_INPUT"),
        ("FishCo", "BUY", "0", "INVALID_INPUT"),
        ("FishCo", "SELL", "-1", "INVALID_INPUT"),
        ("FishCo", "BUY", "2147483648", "INVALID_INPUT"),
        ("FishCo", "BUY", "1.5", "INVALID_INPUT"),
        ("FishCo", "BUY", r#""1""#, "INVALID_INPUT"),
        ("FishCo", "HOLD", "1", "INVALID_INPUT"),
    ] {
        let document =
            format!(r#"mutation {{ trade(stock: "{stock}", side: {side}, quantity: {quantity}) {{ number }} }}"#);
        let refused = market.ask(&trader(), document.as_str()).await;
        assert_eq!(code(&refused), wanted, "{document}: {refused}");
    }
    assert_eq!(
        market.fish("quantity volume").await,
        json!({ "quantity": 2_147_483_600, "volume": 0 })
    );
    let first = market.trade(&trader(), "BUY", 1).await;
    assert_eq!(first["data"]["trade"]["number"], 0);
    market.trade(&trader(), "BUY", 2_147_483_600).await;
    let second = market.trade(&trader(), "SELL", 1).await;
    assert_eq!(second["data"]["trade"]["number"], 1);
    assert_eq!(market.numbers().await, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_of_a_hundred_buyers_get_the_last_ten_shares() {
    let market = Arc::new(Market::with_shares(10).await);
    let answers = join_all((0..100).map(|_| {
        let market = market.clone();
        tokio::spawn(async move { market.trade(&service(), "BUY", 1).await })
    }))
    .await;
    let answers: Vec<Value> = answers.into_iter().map(Result::unwrap).collect();
    let count = |wanted: &str| answers.iter().filter(|answer| code(answer) == wanted).count();
    assert_eq!((count("OK"), count("INSUFFICIENT_STOCK")), (10, 90));
    let mut told: Vec<i64> = answers
        .iter()
        .filter_map(|answer| answer["data"]["trade"]["number"].as_i64())
        .collect();
    told.sort_unstable();
    assert_eq!(told, (0..10).collect::<Vec<_>>());
    assert_eq!(market.numbers().await, told);
    assert_eq!(
        market.fish("quantity volume").await,
        json!({ "quantity": 0, "volume": 10 })
    );
}

#[tokio::test]
async fn the_same_key_trades_once_and_repeats_its_response() {
    let market = Market::with_shares(100).await;
    let buy = |quantity: i64| {
        format!(
            r#"mutation {{ trade(stock: "FishCo", side: BUY, quantity: {quantity}, idempotencyKey: "k") {{ number quantity }} }}"#
        )
    };
    assert_eq!(code(&market.ask(&trader(), buy(101)).await), "INSUFFICIENT_STOCK");
    let first = market.ask(&trader(), buy(5)).await;
    assert_eq!(first["data"]["trade"], json!({ "number": 0, "quantity": 5 }));
    market.trade(&admin(), "BUY", 1).await;
    let mut events = market.services.bus.subscribe();
    assert_eq!(market.ask(&trader(), buy(5)).await, first);
    assert_eq!(received_events(&mut events), [], "a replay is no change");
    assert_eq!(code(&market.ask(&trader(), buy(6)).await), "IDEMPOTENCY_MISMATCH");
    assert_eq!(market.numbers().await, [0, 1]);
    assert_eq!(market.fish("quantity").await, json!({ "quantity": 94 }));
    // Another caller's key is another key, even with the same spelling.
    assert_eq!(market.ask(&service(), buy(5)).await["data"]["trade"]["number"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_with_one_key_trade_once() {
    let market = Arc::new(Market::with_shares(100).await);
    let buy = r#"mutation { trade(stock: "FishCo", side: BUY, quantity: 3, idempotencyKey: "k") { number } }"#;
    let answers = join_all((0..50).map(|_| {
        let market = market.clone();
        tokio::spawn(async move { market.ask(&trader(), buy).await })
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.unwrap(), json!({ "data": { "trade": { "number": 0 } } }));
    }
    assert_eq!(market.fish("quantity").await, json!({ "quantity": 97 }));
}

#[tokio::test]
async fn only_a_successful_trade_is_announced() {
    let market = Market::with_shares(1).await;
    let mut events = market.services.bus.subscribe();
    market.trade(&trader(), "BUY", 2).await;
    assert_eq!(received_events(&mut events), []);
    market.trade(&trader(), "BUY", 1).await;
    market.trade(&trader(), "SELL", 1).await;
    let told = received_events(&mut events);
    let versions = told.iter().map(|event| match event {
        Event::Invalidated {
            typename: "Stock",
            key,
            version,
            ..
        } => (key.as_str(), *version),
        other => panic!("{other:?}"),
    });
    assert_eq!(versions.collect::<Vec<_>>(), [("1", 2), ("1", 3)]);
}

#[tokio::test]
async fn trades_are_listed_by_number_page_by_page() {
    let market = Market::with_shares(100).await;
    for _ in 0..5 {
        market.trade(&trader(), "BUY", 1).await;
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let document = format!(
            "{{ exchangeOrders(first: 2{after}) {{ nodes {{ number }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let page = market.ask(&Viewer::Anonymous, document).await["data"]["exchangeOrders"].clone();
        seen.extend(
            page["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|order| order["number"].as_i64().unwrap()),
        );
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    for number in ["-1", "5", "9223372036854775807"] {
        let none = market
            .ask(&admin(), format!("{{ exchangeOrder(number: {number}) {{ number }} }}"))
            .await;
        assert_eq!(none, json!({ "data": { "exchangeOrder": null } }), "{number}");
    }
}

#[tokio::test]
async fn a_list_after_a_number_has_the_later_trades() {
    let market = Market::with_shares(100).await;
    for _ in 0..5 {
        market.trade(&trader(), "BUY", 1).await;
    }
    let after = async |arguments: &str| {
        let document =
            format!("{{ exchangeOrders({arguments}) {{ nodes {{ number }} pageInfo {{ hasNextPage endCursor }} }} }}");
        let page = market.ask(&Viewer::Anonymous, document).await["data"]["exchangeOrders"].clone();
        let nodes = page["nodes"].as_array().unwrap().iter();
        let numbers: Vec<i64> = nodes.map(|order| order["number"].as_i64().unwrap()).collect();
        (numbers, page["pageInfo"]["endCursor"].to_string())
    };
    for (known, wanted) in [(-1, &[0, 1, 2, 3, 4][..]), (2, &[3, 4]), (4, &[]), (99, &[])] {
        assert_eq!(after(&format!("afterNumber: {known}")).await.0, wanted, "{known}");
    }
    let (first, cursor) = after("afterNumber: 0, first: 2").await;
    let (second, _) = after(&format!("afterNumber: 0, first: 2, after: {cursor}")).await;
    assert_eq!((first, second), (vec![1, 2], vec![3, 4]));
}

#[tokio::test]
async fn a_stock_is_traded_by_its_name_with_surrounding_spaces() {
    let market = Market::with_shares(10).await;
    for (name, wanted) in [
        (" FishCo ", "OK"),
        ("fishco", "NOT_FOUND"),
        ("", "INVALID_INPUT"),
        ("  ", "INVALID_INPUT"),
    ] {
        for mutation in ["trade", "adjustStock"] {
            let document =
                format!(r#"mutation {{ {mutation}(stock: "{name}", side: BUY, quantity: 1) {{ __typename }} }}"#);
            let answer = market.ask(&admin(), document).await;
            assert_eq!(code(&answer), wanted, "{mutation} {name:?}: {answer}");
        }
    }
    assert_eq!(market.fish("quantity").await["quantity"], 8);
}

#[tokio::test]
async fn an_operator_may_name_the_trader() {
    let market = Market::with_shares(100).await;
    let trade = |trader: &str| {
        let key = r#"idempotencyKey: "k""#;
        format!(
            r#"mutation {{ trade(stock: "FishCo", side: BUY, quantity: 1, trader: "{trader}", {key}) {{ number trader {{ id }} }} }}"#
        )
    };
    let first = market.ask(&service(), trade("8")).await;
    assert_eq!(first["data"]["trade"], json!({ "number": 0, "trader": { "id": "8" } }));
    assert_eq!(market.ask(&service(), trade("8")).await, first);
    let other = market.ask(&service(), trade("9")).await;
    assert_eq!(code(&other), "IDEMPOTENCY_MISMATCH", "{other}");
    let unknown = market.ask(&admin(), trade("x")).await;
    assert_eq!(code(&unknown), "NOT_FOUND", "{unknown}");
    assert_eq!(market.numbers().await, [0]);
}

#[tokio::test]
async fn a_trade_beyond_the_last_number_is_refused_and_moves_no_share() {
    let market = Market::with_shares(100).await;
    market.trade(&trader(), "BUY", 1).await;
    let jump = "INSERT INTO exchange_order (number, stock_id, side, quantity, price_minor, currency, at_us)
                VALUES (2147483646, 1, 'BUY', 1, 1999, 'USD', 0)";
    let jump = async move |tx: &contract::Tx| Ok(tx.execute_unprepared(jump).await?);
    market.services.db.write(jump).await.unwrap();
    let last = market.trade(&trader(), "BUY", 1).await;
    assert_eq!(last["data"]["trade"]["number"], 2_147_483_647);
    let refused = market.trade(&trader(), "BUY", 1).await;
    assert_eq!(code(&refused), "CONFLICT", "{refused}");
    assert_eq!(market.fish("quantity").await["quantity"], 98);
    assert_eq!(market.numbers().await, [0, 2_147_483_646, 2_147_483_647]);
}

#[tokio::test]
async fn trade_with_an_unknown_side_is_an_error() {
    let market = Market::with_shares(100).await;
    let sale = "INSERT INTO exchange_order (number, stock_id, side, quantity, price_minor, currency, at_us)
                VALUES (0, 1, 'sell', 1, 1999, 'USD', 0)";
    market.corrupt(sale).await;
    let reason = r#"Type Error: table exchange_order, number 0: column side has the unknown value "sell""#;
    for document in [
        "{ exchangeOrder(number: 0) { side } }",
        "{ exchangeOrders(first: 1) { nodes { number } } }",
    ] {
        let failure = market.failure(&admin(), document).await;
        assert_eq!(failure, ("INTERNAL", reason.to_owned()), "{document}");
    }
}
