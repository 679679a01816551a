//! Readers and traders at full speed: a read that begins after a trade was answered sees it, with and without the
//! cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use agora::config::Settings;
use serde_json::json;
use tests::{HttpClient, TestApp};
use tokio::task::JoinSet;

const FOR: Duration = Duration::from_secs(10);
const LISTED: i64 = 2_000_000;
const TRADERS: usize = 2;
const READERS: usize = 6;

/// The numbers of shares whose purchase was requested and answered.
#[derive(Default)]
struct Bought {
    asked: AtomicI64,
    answered: AtomicI64,
}

/// Buys one share after another and returns how many.
async fn trade(trader: HttpClient, bought: Arc<Bought>, until: Instant) -> usize {
    let mut trades = 0;
    while Instant::now() < until {
        bought.asked.fetch_add(1, SeqCst);
        let order = json!({ "name": "Truth", "quantity": 1, "type": "buy" });
        let reply = trader.post("/bazaar/orders", order).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        bought.answered.fetch_add(1, SeqCst);
        trades += 1;
    }
    trades
}

/// Reads through GraphQL and REST in turn and returns how often.
async fn read(reader: HttpClient, bought: Arc<Bought>, until: Instant) -> usize {
    let mut reads = 0;
    while Instant::now() < until {
        let answered_before = bought.answered.load(SeqCst);
        let quantity = if reads % 2 == 0 {
            reader.get("/bazaar/stocks/Truth").await.body["data"]["quantity"].as_i64()
        } else {
            let look_up = "{ stock(name: \"Truth\") { quantity } }";
            reader.query(look_up, json!({})).await.at("stock.quantity").as_i64()
        };
        let asked_after = bought.asked.load(SeqCst);
        let left = quantity.expect("a quantity");
        assert!(
            left <= LISTED - answered_before,
            "{left} is older than an answered trade"
        );
        assert!(left >= LISTED - asked_after, "{left} is of a trade without a request");
        reads += 1;
    }
    reads
}

async fn at_full_speed(cache_enabled: bool) {
    let mut settings = Settings::default();
    settings.limits.cache_enabled = cache_enabled;
    let app = TestApp::with_settings(settings).await;
    let admin = app.signed_in("admin").await;
    let list = "mutation($quantity: Int!) { listStock(input: { name: \"Truth\", price: { amount: \"1.00\" }, quantity: $quantity }) { id } }";
    admin
        .query(list, json!({ "quantity": LISTED }))
        .await
        .at("listStock.id");

    let bought = Arc::new(Bought::default());
    let until = Instant::now() + FOR;
    let (mut traders, mut readers) = (JoinSet::new(), JoinSet::new());
    for _ in 0..TRADERS {
        traders.spawn(trade(app.anonymous(), bought.clone(), until));
    }
    for _ in 0..READERS {
        readers.spawn(read(app.anonymous(), bought.clone(), until));
    }
    let trades: usize = traders.join_all().await.into_iter().sum();
    let reads: usize = readers.join_all().await.into_iter().sum();

    assert!(trades > 0 && reads > 0, "{trades} trades, {reads} reads");
    let left = app.anonymous().get("/bazaar/stocks/Truth").await.body["data"]["quantity"].as_i64();
    assert_eq!(left, Some(LISTED - i64::try_from(trades).expect("few")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_after_a_trade_sees_it_with_the_cache() {
    at_full_speed(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_after_a_trade_sees_it_without_the_cache() {
    at_full_speed(false).await;
}
