//! Trading: never more shares than there are, and a number for each trade.

use std::sync::Arc;

use contract::{Event, Viewer};
use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use testing::{Answer, received_events};

use crate::support::{ADJUST, Market, TRADE, admin, service, trader, usd};

const ORDER: &str = "query($number: Int!) {
    exchangeOrder(number: $number) { quantity side price stock { price } }
}";
const PAGE: &str = "query($afterNumber: Int, $first: Int, $after: String) {
    exchangeOrders(afterNumber: $afterNumber, first: $first, after: $after) {
        nodes { number } pageInfo { hasNextPage endCursor }
    }
}";

#[tokio::test]
async fn a_trade_moves_shares_and_gets_the_next_number() {
    let market = Market::with_shares(100).await;
    assert_eq!(
        market.trade(&trader(), "BUY", 30).await,
        json!({ "data": { "trade": {
            "number": 0, "quantity": 30, "side": "BUY", "price": usd("19.99"), "trader": { "id": "user_7" },
            "at": "2026-01-01T00:00:00+00:00",
            "stock": { "id": "stock_1", "name": "FishCo", "quantity": 70, "volume": 30 },
        } } })
    );
    assert_eq!(
        market.trade(&service(), "SELL", 12).await,
        json!({ "data": { "trade": {
            "number": 1, "quantity": 12, "side": "SELL", "price": usd("19.99"), "trader": null,
            "at": "2026-01-01T00:00:00+00:00",
            "stock": { "id": "stock_1", "name": "FishCo", "quantity": 82, "volume": 42 },
        } } })
    );
}

#[tokio::test]
async fn a_trade_is_unchanged_by_later_stock_changes() {
    let market = Market::with_shares(100).await;
    market.trade(&trader(), "BUY", 30).await;
    market.set_price("0.01").await;
    let order = market.client(&trader()).query(ORDER, json!({ "number": 0 })).await;
    assert_eq!(
        order.at("exchangeOrder"),
        &json!({ "quantity": 30, "side": "BUY", "price": usd("19.99"), "stock": { "price": usd("0.01") } })
    );
}

#[tokio::test]
async fn an_impossible_trade_is_refused_and_uses_no_number() {
    let market = Market::with_shares(2_147_483_600).await;
    for (stock, side, quantity, wanted) in [
        ("FishCo", "BUY", json!(2_147_483_601), "INSUFFICIENT_STOCK"),
        ("FishCo", "SELL", json!(48), "CONFLICT"),
        ("fishco", "BUY", json!(1), "NOT_FOUND"),
        ("", "BUY", json!(1), "INVALID_INPUT"),
        ("  ", "BUY", json!(1), "INVALID_INPUT"),
        ("FishCo", "BUY", json!(0), "INVALID_INPUT"),
        ("FishCo", "SELL", json!(-1), "INVALID_INPUT"),
        ("FishCo", "BUY", json!(2_147_483_648_i64), "INVALID_INPUT"),
        ("FishCo", "BUY", json!(1.5), "INVALID_INPUT"),
        ("FishCo", "BUY", json!("1"), "INVALID_INPUT"),
        ("FishCo", "HOLD", json!(1), "INVALID_INPUT"),
    ] {
        let args = json!({ "stock": stock, "side": side, "quantity": quantity });
        let refused = market.client(&trader()).query(TRADE, args.clone()).await;
        assert_eq!(refused.code(), wanted, "{args}: {refused}");
    }
    assert_eq!(market.shares().await, [2_147_483_600, 0]);
    let first = market.trade(&trader(), "BUY", 1).await;
    assert_eq!(first.at("trade.number"), 0);
    market.trade(&trader(), "BUY", 2_147_483_600).await;
    let second = market.trade(&trader(), "SELL", 1).await;
    assert_eq!(second.at("trade.number"), 1);
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
    let answers: Vec<Answer> = answers.into_iter().map(Result::unwrap).collect();
    let count = |wanted: &str| answers.iter().filter(|answer| answer.code() == wanted).count();
    assert_eq!((count("OK"), count("INSUFFICIENT_STOCK")), (10, 90));
    let mut told: Vec<i64> = answers
        .iter()
        .filter_map(|answer| answer["data"]["trade"]["number"].as_i64())
        .collect();
    told.sort_unstable();
    assert_eq!(told, (0..10).collect::<Vec<_>>());
    assert_eq!(market.numbers().await, told);
    assert_eq!(market.shares().await, [0, 10]);
}

#[tokio::test]
async fn the_same_key_trades_once_and_repeats_its_response() {
    // Without the stock, which a replay shows as it is now.
    const BUY: &str = r#"mutation($quantity: Int!) {
        trade(stock: "FishCo", side: BUY, quantity: $quantity, idempotencyKey: "k") { number quantity }
    }"#;
    let market = Market::with_shares(100).await;
    let buy =
        async |viewer: &Viewer, quantity: i64| market.client(viewer).query(BUY, json!({ "quantity": quantity })).await;
    assert_eq!(buy(&trader(), 101).await.code(), "INSUFFICIENT_STOCK");
    let first = buy(&trader(), 5).await;
    assert_eq!(first, json!({ "data": { "trade": { "number": 0, "quantity": 5 } } }));
    market.trade(&admin(), "BUY", 1).await;
    let mut events = market.services.bus.subscribe();
    assert_eq!(buy(&trader(), 5).await, first);
    assert_eq!(received_events(&mut events), [], "a replay is no change");
    assert_eq!(buy(&trader(), 6).await.code(), "IDEMPOTENCY_MISMATCH");
    assert_eq!(market.numbers().await, [0, 1]);
    assert_eq!(market.fish().await["quantity"], 94);
    // Another caller's key is another key, even with the same spelling.
    assert_eq!(buy(&service(), 5).await.at("trade.number"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_with_one_key_trade_once() {
    const BUY: &str = r#"mutation { trade(stock: "FishCo", side: BUY, quantity: 3, idempotencyKey: "k") { number } }"#;
    let market = Market::with_shares(100).await;
    let answers = join_all((0..50).map(|_| {
        let buyer = market.client(&trader());
        tokio::spawn(async move { buyer.query(BUY, json!({})).await })
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.unwrap(), json!({ "data": { "trade": { "number": 0 } } }));
    }
    assert_eq!(market.fish().await["quantity"], 97);
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
    assert_eq!(versions.collect::<Vec<_>>(), [("stock_1", 2), ("stock_1", 3)]);
}

#[tokio::test]
async fn trades_are_listed_by_number_page_by_page() {
    let market = Market::with_shares(100).await;
    for _ in 0..5 {
        market.trade(&trader(), "BUY", 1).await;
    }
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let args = json!({ "first": 2, "after": after });
        let page = market.anonymous().query(PAGE, args).await;
        let page = page.at("exchangeOrders");
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
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    for number in [-1, 5, i64::MAX] {
        let none = market.admin().query(ORDER, json!({ "number": number })).await;
        assert_eq!(none, json!({ "data": { "exchangeOrder": null } }), "{number}");
    }
}

#[tokio::test]
async fn a_list_after_a_number_has_the_later_trades() {
    let market = Market::with_shares(100).await;
    for _ in 0..5 {
        market.trade(&trader(), "BUY", 1).await;
    }
    let after = async |args: Value| {
        let page = market.anonymous().query(PAGE, args).await;
        let numbers = page.all("exchangeOrders.nodes.*.number").into_iter();
        let numbers: Vec<i64> = numbers.map(|number| number.as_i64().unwrap()).collect();
        (numbers, page.at("exchangeOrders.pageInfo.endCursor").clone())
    };
    for (known, wanted) in [(-1, &[0, 1, 2, 3, 4][..]), (2, &[3, 4]), (4, &[]), (99, &[])] {
        assert_eq!(after(json!({ "afterNumber": known })).await.0, wanted, "{known}");
    }
    let (first, cursor) = after(json!({ "afterNumber": 0, "first": 2 })).await;
    let (second, _) = after(json!({ "afterNumber": 0, "first": 2, "after": cursor })).await;
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
        for document in [TRADE, ADJUST] {
            let args = json!({ "stock": name, "side": "BUY", "quantity": 1 });
            let answer = market.admin().query(document, args).await;
            assert_eq!(answer.code(), wanted, "{document} {name:?}: {answer}");
        }
    }
    assert_eq!(market.fish().await["quantity"], 8);
}

#[tokio::test]
async fn an_operator_may_name_the_trader() {
    let market = Market::with_shares(100).await;
    let trade = async |viewer: Viewer, trader: &str| {
        let mut args = json!({ "stock": "FishCo", "side": "BUY", "quantity": 1, "key": "k" });
        args["trader"] = json!(trader);
        market.client(&viewer).query(TRADE, args).await
    };
    let first = trade(service(), "8").await;
    assert_eq!(
        (first.at("trade.number"), first.at("trade.trader")),
        (&json!(0), &json!({ "id": "user_8" }))
    );
    assert_eq!(trade(service(), "8").await, first);
    let other = trade(service(), "9").await;
    assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH", "{other}");
    let unknown = trade(admin(), "x").await;
    assert_eq!(unknown.code(), "NOT_FOUND", "{unknown}");
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
    assert_eq!(last.at("trade.number"), 2_147_483_647);
    let refused = market.trade(&trader(), "BUY", 1).await;
    assert_eq!(refused.code(), "CONFLICT", "{refused}");
    assert_eq!(market.fish().await["quantity"], 98);
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
