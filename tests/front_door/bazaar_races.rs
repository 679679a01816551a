//! The bazaar with many concurrent traders: no share is sold twice, no order is lost, and no stale data is shown.

use agora::config::Settings;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tests::{HttpClient, TestApp};

const BUYERS: usize = 100;
const SHARES: usize = 10;
/// The concurrent load clients, and the iterations of each.
const CLIENTS: u64 = 5;
const ITERATIONS: usize = 12;
/// The probability, in fifths, that a client trades the stock that it looked up.
const FIFTHS: std::ops::RangeInclusive<u32> = 0..=4;
const STOCKS: [&str; 4] = ["GameStart", "FishCo", "BoarCo", "MenhirCo"];

async fn list(app: &TestApp, name: &str, quantity: usize) {
    let input = json!({
        "name": name, "quantity": quantity, "price": { "amount": "1.00", "currency": "USD" },
    });
    let listed = app
        .signed_in("admin")
        .await
        .query(
            "mutation($input: StockInput!) { listStock(input: $input) { quantity } }",
            json!({ "input": input }),
        )
        .await;
    assert_eq!(listed.at("listStock.quantity"), quantity);
}

async fn left(person: &HttpClient, stock: &str) -> i64 {
    let shown = person.get(&format!("/bazaar/stocks/{stock}")).await;
    shown.body["data"]["quantity"]
        .as_i64()
        .unwrap_or_else(|| panic!("{shown:?}"))
}

/// Returns all orders, as a starting replica receives them.
async fn ledger(person: &HttpClient) -> serde_json::Map<String, Value> {
    let all = person.post("/bazaar/order/1/sync", json!({ "lastID": -1 })).await;
    assert_eq!(all.status, 200, "{all:?}");
    all.body["transactions"].as_object().expect("trades by number").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_buyers_of_ten_shares_make_ten_dense_orders() {
    let app = TestApp::new().await;
    list(&app, "RaceCo", SHARES).await;
    let buyer = app.anonymous();
    let before = ledger(&buyer).await.len();

    let replies = join_all((0..BUYERS).map(|turn| {
        let trade = json!({ "name": "RaceCo", "quantity": 1, "type": "buy" });
        let path = ["/bazaar/orders", "/bazaar/order/1/buy"][turn % 2];
        let buyer = buyer.clone();
        async move { buyer.post(path, trade).await }
    }))
    .await;

    let mut numbers = Vec::new();
    for reply in replies {
        let answer = reply.body.get("data").unwrap_or(&reply.body);
        match reply.status {
            200 => numbers.push(answer["order_number"].as_u64().expect("a number")),
            409 => assert_eq!(reply.body["error"]["message"], "could not trade stock"),
            _ => panic!("{reply:?}"),
        }
    }
    numbers.sort_unstable();
    let expected: Vec<u64> = (before as u64..).take(SHARES).collect();
    assert_eq!(numbers, expected);
    assert_eq!(left(&buyer, "RaceCo").await, 0);
    assert_eq!(ledger(&buyer).await.len(), before + SHARES);
}

/// Runs the old load client: it looks up random stocks, trades some of them, and reads its orders back at the end.
/// Returns the shares that it moved, by stock.
async fn load_client(client: HttpClient, fifths: u32, mut random: StdRng) -> Vec<(&'static str, i64)> {
    let (mut remembered, mut moved) = (Vec::new(), Vec::new());
    for _ in 0..ITERATIONS {
        let name = STOCKS[random.random_range(0..STOCKS.len())];
        let looked_up = client.get(&format!("/bazaar/stocks/{name}")).await;
        let stock = &looked_up.body["data"];
        assert_eq!((looked_up.status, &stock["name"]), (200, &json!(name)));
        assert!(stock["quantity"].as_i64() >= Some(0), "{looked_up:?}");
        if random.random_range(0..5) >= fifths {
            continue;
        }
        let quantity = random.random_range(1..=20);
        let side = ["buy", "sell"][random.random_range(0..2)];
        let mut order = json!({ "name": name, "quantity": quantity, "type": side });
        let traded = client.post("/bazaar/orders", order.clone()).await;
        match traded.status {
            200 => {
                order["number"] = traded.body["data"]["order_number"].clone();
                remembered.push(order);
                moved.push((name, if side == "buy" { -quantity } else { quantity }));
            }
            409 => assert_eq!(side, "buy", "{traded:?}"),
            _ => panic!("{traded:?}"),
        }
    }
    for order in remembered {
        let kept = client.get(&format!("/bazaar/orders/{}", order["number"])).await;
        assert_eq!((kept.status, &kept.body["data"]), (200, &order));
    }
    moved
}

async fn five_load_clients(settings: Settings) {
    let app = TestApp::with_settings(settings).await;
    let mut expected = [100_i64; STOCKS.len()];
    let anonymous = app.anonymous();
    let mut orders = ledger(&anonymous).await.len();
    for fifths in FIFTHS {
        let clients = (0..CLIENTS).map(|client| {
            let random = StdRng::seed_from_u64(u64::from(fifths) * CLIENTS + client);
            tokio::spawn(load_client(app.anonymous(), fifths, random))
        });
        for client in join_all(clients).await {
            for (name, shares) in client.expect("a client that ends well") {
                let index = STOCKS.iter().position(|known| *known == name).expect("a known stock");
                expected[index] += shares;
                orders += 1;
            }
        }
        // The ledger and the quantities of the stocks contain exactly the acknowledged orders.
        let numbers: Vec<String> = (0..orders).map(|number| number.to_string()).collect();
        let ledger = ledger(&anonymous).await;
        assert!(ledger.len() == orders && numbers.iter().all(|number| ledger.contains_key(number)));
        for (name, quantity) in STOCKS.iter().zip(expected) {
            assert_eq!(left(&anonymous, name).await, quantity, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_load_clients_read_back_their_trades_with_a_cache() {
    five_load_clients(Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_load_clients_read_back_their_trades_without_a_cache() {
    let mut settings = Settings::default();
    settings.limits.cache_enabled = false;
    five_load_clients(settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_trade_is_seen_while_others_fill_the_cache() {
    let app = TestApp::new().await;
    list(&app, "StaleCo", 1_000).await;
    let trader = app.anonymous();
    let stop = tokio::sync::watch::channel(false);
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (reader, stop) = (app.anonymous(), stop.1.clone());
            tokio::spawn(async move {
                while !*stop.borrow() {
                    left(&reader, "StaleCo").await;
                }
            })
        })
        .collect();
    for sold in 1..=40 {
        let trade = json!({ "name": "StaleCo", "quantity": 1, "type": "buy" });
        assert_eq!(trader.post("/bazaar/orders", trade).await.status, 200);
        assert_eq!(left(&trader, "StaleCo").await, 1_000 - sold, "stale");
        if sold % 10 == 0 {
            let update = json!({ "name": "StaleCo", "quantity": 1, "type": "buy" });
            assert_eq!(trader.post("/bazaar/catalog/update", update.clone()).await.status, 200);
            assert_eq!(left(&trader, "StaleCo").await, 1_000 - sold - 1, "stale");
            let mut back = update;
            back["type"] = json!("sell");
            assert_eq!(trader.post("/bazaar/catalog/update", back).await.status, 200);
        }
    }
    stop.0.send(true).expect("the readers still run");
    for reader in readers {
        reader.await.expect("a reader that ends well");
    }
}
