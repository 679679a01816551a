//! The settings of reads: a read that lasts moves aside, and may wait and run there for a bounded time.

use agora::config::{DatabaseSettings, Settings};
use contract::Tx;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::TestApp;
use tokio::task::JoinHandle;

/// A list whose statement takes more than the thousand steps after which SQLite looks at the clock.
pub const LIST: &str = "{ stocks(first: 100) { nodes { name } } }";
/// A row, which takes a few steps.
const ROW: &str = "{ stock(name: \"Company 1\") { quantity } }";
/// A statement that has no end.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
/// Adds a hundred stocks.
pub const STOCKS: &str = "
    INSERT INTO stock (name, price_minor, currency, quantity, day, open_minor, high_minor, low_minor, volume, version, changed_at_us)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    SELECT 'Company ' || i, 1, 'USD', 1, 0, 1, 1, 1, 0, 1, 0 FROM n";

/// Starts a server with a hundred stocks, where a list has no time on the thread of its request.
async fn server(set: impl FnOnce(&mut DatabaseSettings)) -> TestApp {
    let mut settings = Settings::default();
    settings.database.read_inline_us_max = 0;
    set(&mut settings.database);
    let app = TestApp::with_settings(settings).await;
    let db = &app.services().db;
    db.write(async |tx: &Tx| Ok(tx.execute_unprepared(STOCKS).await?))
        .await
        .expect("stocks");
    app
}

fn slow_reads(app: &TestApp) -> u64 {
    app.services().db.stats().slow_reads
}

/// Starts a read that has no end, and returns when it runs or waits among the slow ones.
async fn endless(app: &TestApp) -> JoinHandle<()> {
    let (db, before) = (app.services().db.clone(), slow_reads(app));
    let read = tokio::spawn(async move {
        let ended = db.read().execute_unprepared(ENDLESS).await;
        panic!("it has no end: {ended:?}");
    });
    until_slow(app, before + 1).await;
    read
}

async fn until_slow(app: &TestApp, reads: u64) {
    while slow_reads(app) < reads {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_list_moves_aside_after_read_inline_us_max() {
    for (time, moves) in [(0, true), (600_000_000, false)] {
        let app = server(|database| database.read_inline_us_max = time).await;
        let before = slow_reads(&app);

        let list = app.anonymous().query(LIST, json!({})).await;

        assert_eq!(list.at("stocks.nodes").as_array().unwrap().len(), 100);
        assert_eq!(slow_reads(&app) > before, moves, "{time} µs");
    }
}

#[tokio::test]
async fn a_list_past_read_ms_max_is_unavailable() {
    let app = server(|database| database.read_ms_max = 0).await;

    let refused = app.anonymous().query(LIST, json!({})).await;

    assert_eq!(refused.code(), "UNAVAILABLE");
    let row = app.anonymous().query(ROW, json!({})).await;
    assert_eq!(*row.at("stock.quantity"), 1, "a short read needs no time aside");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_is_the_number_of_slow_reads_that_run() {
    let app = server(|database| (database.slow_readers, database.read_ms_max) = (3, 600_000)).await;
    let (first, second) = (endless(&app).await, endless(&app).await);

    let beside = app.anonymous().query(LIST, json!({})).await;
    assert_eq!(beside.at("stocks.nodes").as_array().unwrap().len(), 100);

    let third = endless(&app).await;
    let before = slow_reads(&app);
    let caller = app.anonymous();
    let waits = tokio::spawn(async move { caller.query(LIST, json!({})).await });
    until_slow(&app, before + 1).await;
    let row = app.anonymous().query(ROW, json!({})).await;
    assert_eq!(*row.at("stock.quantity"), 1, "a short read waits for none of them");
    assert!(!waits.is_finished());
    first.abort();
    assert_eq!(waits.await.unwrap().at("stocks.nodes").as_array().unwrap().len(), 100);
    [second, third].iter().for_each(JoinHandle::abort);
}
