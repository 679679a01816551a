//! The exchange with an order log of three replicas: the exchange executes trades, the replicas number them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contract::{ExchangeTrade, OrderLog, Role, Services, TableLog, TradeRecord, UnnumberedTrade, Viewer};
use entities::reservation;
use entities::side::Side;
use entities::stock::StockRef;
use order_log::{
    Catalog, ClientAccess, Dependencies, FrontEnd, NodeConfig, OrderLogSettings, Replica, ReplicaId, Reservation,
    SharedSecret,
};
use replicated_exchange::{ReplicatedLog, StockCatalog};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use tempfile::TempDir;
use testing::{Answer, NEW_YEAR_US, TestDomain, TestServices, service, within};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

mod write_back;

/// A user who may trade at the exchange: the administrator with id 7.
fn trader() -> Viewer {
    Viewer::User {
        id: 7,
        role: Role::Member,
        admin: true,
    }
}

/// The timeout of every wait in these tests.
const PATIENCE: Duration = Duration::from_secs(60);

fn settings() -> OrderLogSettings {
    OrderLogSettings {
        heartbeat: Duration::from_millis(100),
        election_timeout: Duration::from_millis(500),
        orphan_scan_interval: Duration::from_millis(300),
        ..OrderLogSettings::default()
    }
}

fn secret() -> Arc<SharedSecret> {
    Arc::new(SharedSecret("a secret that all replicas of the test share".to_owned()))
}

/// Three replicas in this process.
struct Replicas {
    running: BTreeMap<ReplicaId, (Replica, JoinHandle<()>)>,
    urls: BTreeMap<ReplicaId, String>,
    folder: TempDir,
}

impl Replicas {
    /// Addresses for three replicas, which do not run yet.
    async fn new() -> Self {
        let mut urls = BTreeMap::new();
        for id in 1..=3 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls.insert(id, format!("http://{}", listener.local_addr().unwrap()));
        }
        Self {
            running: BTreeMap::new(),
            urls,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Starts all replicas with the stocks of these services as their catalog.
    async fn start(&mut self, services: &Services) {
        for (id, url) in self.urls.clone() {
            let address: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
            let listener = TcpListener::bind(address).await.unwrap();
            let node_config = NodeConfig {
                id,
                folder: self.folder.path().to_owned(),
                urls: self.urls.clone(),
                joins: false,
            };
            // The replicas' clock differs from the exchange's, as the clocks of two machines do.
            let clock = AtomicI64::new(NEW_YEAR_US + 1_000);
            let dependencies = Dependencies {
                credentials: secret(),
                catalog: Arc::new(StockCatalog::new(services.clone())),
                now_us: Arc::new(move || clock.fetch_add(1, Ordering::Relaxed)),
            };
            let replica = Replica::open(node_config, settings(), dependencies).await.unwrap();
            let serving = replica.clone();
            let server = tokio::spawn(async move {
                serving
                    .serve(listener, ClientAccess::Open, std::future::pending())
                    .await
                    .unwrap();
            });
            self.running.insert(id, (replica, server));
        }
    }

    fn log(&self) -> Arc<ReplicatedLog> {
        self.log_with(settings())
    }

    fn log_with(&self, settings: OrderLogSettings) -> Arc<ReplicatedLog> {
        let front = FrontEnd::new(self.urls.clone(), secret(), settings).unwrap();
        Arc::new(ReplicatedLog::new(front))
    }

    async fn stop(&mut self, id: ReplicaId) {
        let (replica, server) = self.running.remove(&id).unwrap();
        server.abort();
        replica.close().await;
    }

    /// The orders that a running replica has recorded: number, stock, side, quantity.
    async fn ledger(&self, last: i64) -> Vec<(i64, String, &'static str, i64)> {
        let (replica, _) = self.running.values().next().unwrap();
        let applied = async {
            while replica.status().await.unwrap().applied < last {
                tokio::task::yield_now().await;
            }
        };
        within(PATIENCE, "a replica applies", applied).await;
        let orders = replica.trades_after(-1).await.unwrap();
        let told = orders.into_iter().map(|order| {
            let shares = order.trade.shares;
            (order.number, shares.name, shares.side.as_str(), shares.quantity)
        });
        told.collect()
    }
}

/// An exchange with the sample stocks over that log, and the task that numbers its trades.
async fn exchange_over(log: Arc<ReplicatedLog>, mut on: TestServices) -> TestDomain {
    exchange::demo::seed(&on.services).await.unwrap();
    on.services.order_log = log;
    TestDomain::new(on, exchange::schema)
}

fn work(on: &Services) -> JoinHandle<contract::Result<()>> {
    let on = on.clone();
    tokio::spawn(async move { on.order_log.clone().work(on).await })
}

async fn services() -> TestServices {
    TestServices::new(NEW_YEAR_US).await
}

const TRADE: &str = r#"mutation($side: Side!, $quantity: Int!, $key: String!) {
    trade(stock: "GameStart", side: $side, quantity: $quantity, idempotencyKey: $key) {
        number quantity side stock { quantity }
    }
}"#;

async fn trade(market: &TestDomain, viewer: &Viewer, side: &str, n: i64, key: &str) -> Answer {
    let args = json!({ "side": side, "quantity": n, "key": key });
    let client = market.client(viewer);
    within(PATIENCE, "a trade", client.query(TRADE, args)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_are_numbered_by_the_replicas_and_stored() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log(), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    for (n, side, left) in [(30, "BUY", 70), (5, "SELL", 75), (1, "BUY", 74)] {
        let traded = trade(&market, &trader(), side, n, &format!("{n} {side}")).await;
        let traded = &traded["data"]["trade"];
        assert_eq!(
            (&traded["quantity"], &traded["stock"]["quantity"]),
            (&json!(n), &json!(left))
        );
    }
    let again = trade(&market, &trader(), "SELL", 5, "5 SELL").await;
    assert_eq!(again["data"]["trade"]["number"], 1, "{again}");
    let refused = trade(&market, &trader(), "BUY", 75, "too many").await;
    assert_eq!(refused.code(), "INSUFFICIENT_STOCK");

    let wanted = [(0, "buy", 30), (1, "sell", 5), (2, "buy", 1)];
    let wanted: Vec<_> = wanted
        .map(|(n, side, quantity)| (n, "GameStart".to_owned(), side, quantity))
        .into();
    assert_eq!(replicas.ledger(2).await, wanted);
    let document = "{ exchangeOrders(first: 9) { nodes { number side trader { id } } }
        one: exchangeOrder(number: 1) { quantity } none: exchangeOrder(number: 3) { number } below: exchangeOrder(number: -1) { number } }";
    let found = market.client(&trader()).query(document, json!({})).await;
    assert_eq!(
        found["data"],
        json!({
            "exchangeOrders": { "nodes": [
                { "number": 0, "side": "BUY", "trader": { "id": "user_7" } },
                { "number": 1, "side": "SELL", "trader": { "id": "user_7" } },
                { "number": 2, "side": "BUY", "trader": { "id": "user_7" } },
            ] },
            "one": { "quantity": 5 }, "none": null, "below": null,
        })
    );
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trade_through_a_replica_is_stored_before_its_response() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log(), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    trade(&market, &trader(), "BUY", 30, "front").await;
    let http = reqwest::Client::new();
    for url in replicas.urls.values() {
        let body = json!({ "name": "GameStart", "quantity": 2 });
        let bought = async {
            loop {
                let answer = http.post(format!("{url}/buy")).json(&body).send().await.unwrap();
                // A replica that has not caught up yet answers 503 and has changed nothing.
                if answer.status() != 503 {
                    return answer.status();
                }
            }
        };
        assert_eq!(within(PATIENCE, "a trade", bought).await, 200);
    }
    let document = r#"{ exchangeOrder(number: 3) { quantity trader { id } } stock(name: "GameStart") { quantity } }"#;
    assert_eq!(
        market.service().query(document, json!({})).await["data"],
        json!({ "exchangeOrder": { "quantity": 2, "trader": null }, "stock": { "quantity": 64 } })
    );
    working.abort();
    // After a restart, log and table still agree.
    let (again, on) = (replicas.log(), market.services.clone());
    let working = tokio::spawn({
        let again = again.clone();
        async move { again.work(on).await }
    });
    let ready = within(PATIENCE, "trades are taken", async {
        while again.ready().await.is_err() {
            assert!(!working.is_finished(), "the replicas are refused");
        }
    });
    ready.await;
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_continue_without_one_replica_and_stop_without_two() {
    let mut replicas = Replicas::new().await;
    let hasty = OrderLogSettings {
        answer_timeout: Duration::from_secs(2),
        ..settings()
    };
    let front = FrontEnd::new(replicas.urls.clone(), secret(), hasty).unwrap();
    let market = exchange_over(Arc::new(ReplicatedLog::new(front)), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    let first = within(PATIENCE, "the first trade", async {
        loop {
            let first = trade(&market, &trader(), "BUY", 1, "first").await;
            if first.code() != "UNAVAILABLE" {
                return first;
            }
        }
    });
    assert_eq!(first.await["data"]["trade"]["number"], 0);
    replicas.stop(3).await;
    let second = within(PATIENCE, "the second trade", async {
        loop {
            let second = trade(&market, &trader(), "BUY", 1, "second").await;
            if second.code() != "UNAVAILABLE" {
                return second;
            }
        }
    });
    assert_eq!(second.await["data"]["trade"]["number"], 1);
    replicas.stop(2).await;

    // A trade in progress when the majority is lost is completed once the majority is back; later trades are refused
    // first.
    let refused = trade(&market, &trader(), "BUY", 1, "in flight").await;
    assert_eq!(refused.code(), "UNAVAILABLE");
    let before = reservation::Entity::find()
        .count(market.services.db.read())
        .await
        .unwrap();
    let refused = trade(&market, &trader(), "BUY", 1, "too late").await;
    assert_eq!(refused.code(), "UNAVAILABLE");
    let after = reservation::Entity::find()
        .count(market.services.db.read())
        .await
        .unwrap();
    assert_eq!(before, after);
    let asked = market
        .client(&trader())
        .query("{ exchangeOrder(number: 7) { number } }", json!({}))
        .await;
    assert_eq!(asked.code(), "UNAVAILABLE");
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trade_that_loses_the_majority_has_an_unknown_outcome() {
    let mut replicas = Replicas::new().await;
    // The last confirmation of the leader stays valid for so long that the trade starts without a majority.
    let credulous = OrderLogSettings {
        confirmation_age_max: PATIENCE,
        leaderless_grace: Duration::from_millis(500),
        ..settings()
    };
    let front = FrontEnd::new(replicas.urls.clone(), secret(), credulous).unwrap();
    let market = exchange_over(Arc::new(ReplicatedLog::new(front)), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    assert_eq!(trade(&market, &service(), "BUY", 1, "before").await.code(), "OK");
    for id in 1..=2 {
        replicas.stop(id).await;
    }
    let kept = async || {
        reservation::Entity::find()
            .count(market.services.db.read())
            .await
            .unwrap()
    };
    let before = kept().await;
    for _ in 0..2 {
        let unknown = trade(&market, &service(), "BUY", 1, "under way").await;
        let told = &unknown["errors"][0]["extensions"];
        assert_eq!(
            (&told["code"], &told["outcome"]),
            (&json!("UNAVAILABLE"), &json!("unknown"))
        );
    }
    // Later trades do not start, and numbers that were assigned before are still returned.
    let refused = trade(&market, &service(), "BUY", 1, "later").await;
    assert_eq!(refused.code(), "UNAVAILABLE");
    assert_eq!(refused["errors"][0]["extensions"].get("outcome"), None);
    assert_eq!(kept().await, before + 1);
    let again = trade(&market, &service(), "BUY", 1, "before").await;
    assert_eq!(again["data"]["trade"]["number"], 0, "{again}");
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_trades_have_no_gap_before_the_write_back() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log(), services().await).await;
    replicas.start(&market.services).await;
    let catalog = StockCatalog::new(market.services.clone());
    let buy = |quantity| order_log::command::Shares {
        name: "GameStart".to_owned(),
        side: order_log::command::TradeSide::Buy,
        quantity,
    };
    for (attempt, number) in [("a", 0), ("c", 2), ("d", 3)] {
        let reservation = Reservation {
            attempt: attempt.to_owned(),
            key: attempt.to_owned(),
        };
        catalog.reserve(&reservation, &buy(number + 1)).await.unwrap();
        catalog.confirm(attempt, number).await.unwrap();
    }
    let seen = async || {
        let list =
            "{ exchangeOrders { nodes { number } } missed: exchangeOrders(afterNumber: 1) { nodes { number } } }";
        let found = market.client(&trader()).query(list, json!({})).await["data"].clone();
        let numbers = |list: &Value| -> Vec<i64> {
            let nodes = list["nodes"].as_array().unwrap();
            nodes.iter().map(|node| node["number"].as_i64().unwrap()).collect()
        };
        (numbers(&found["exchangeOrders"]), numbers(&found["missed"]))
    };
    assert_eq!(seen().await, (vec![0], vec![]));
    let late = Reservation {
        attempt: "b".to_owned(),
        key: "b".to_owned(),
    };
    catalog.reserve(&late, &buy(2)).await.unwrap();
    catalog.confirm("b", 1).await.unwrap();
    assert_eq!(seen().await, (vec![0, 1, 2, 3], vec![2, 3]));
}

fn of_game_start(quantity: i64) -> ExchangeTrade {
    ExchangeTrade {
        stock: StockRef::Name("GameStart".to_owned()),
        side: Side::Buy,
        quantity,
        price_minor: None,
        trader_id: Some(7),
    }
}

/// Executes a trade and does not wait for its number.
async fn left_unnumbered(on: &Services, quantity: i64) -> i64 {
    let log = on.order_log.clone();
    let execute = async move |tx: &contract::Tx| log.trade(tx, &of_game_start(quantity), NEW_YEAR_US).await;
    match on.db.write(execute).await.unwrap().recorded {
        TradeRecord::Reserved(reserved) => reserved.id,
        TradeRecord::Numbered(order) => panic!("{order:?} has its number"),
    }
}

fn unnumbered(reservation_id: i64) -> UnnumberedTrade {
    UnnumberedTrade {
        reservation_id,
        has_key: true,
        moved_shares_only: false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trade_without_a_number_after_a_crash_gets_it_later() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log(), services().await).await;
    let first = left_unnumbered(&market.services, 3).await;
    let second = left_unnumbered(&market.services, 4).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    let (orders, db) = (&market.services.order_log, &market.services.db);
    assert_eq!(
        within(PATIENCE, "a number", orders.number(db, unnumbered(second)))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        within(PATIENCE, "a number", orders.number(db, unnumbered(first)))
            .await
            .unwrap(),
        0
    );
    orders.flush(&market.services).await.unwrap();
    working.abort();
    // Another process with the same database waits for a number that it did not assign itself.
    let later = replicas.log();
    assert_eq!(
        within(PATIENCE, "a number", later.number(db, unnumbered(first)))
            .await
            .unwrap(),
        0
    );
}

async fn numbered_by_the_table(on: &Services, trades: i64) {
    for quantity in 1..=trades {
        let execute = async move |tx: &contract::Tx| TableLog.trade(tx, &of_game_start(quantity), NEW_YEAR_US).await;
        on.db.write(execute).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_adopt_trades_numbered_before_them() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log(), services().await).await;
    numbered_by_the_table(&market.services, 3).await;
    replicas.start(&market.services).await;
    // Starts the numbering task twice, as after a restart.
    for (key, number) in [("one", 3), ("two", 4)] {
        let working = work(&market.services);
        let traded = trade(&market, &trader(), "BUY", 10, key).await;
        assert_eq!(traded["data"]["trade"]["number"], number, "{traded}");
        working.abort();
    }
    let quantities: Vec<_> = replicas.ledger(4).await.into_iter().map(|order| order.3).collect();
    assert_eq!(quantities, [1, 2, 3, 10, 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_of_another_database_are_refused() {
    let mut replicas = Replicas::new().await;
    let first = exchange_over(replicas.log(), services().await).await;
    replicas.start(&first.services).await;
    let working = work(&first.services);
    trade(&first, &trader(), "BUY", 1, "one").await;
    working.abort();

    let other = exchange_over(replicas.log(), services().await).await;
    let refused = within(PATIENCE, "an answer", work(&other.services)).await.unwrap();
    let why = refused.unwrap_err().to_string();
    assert!(
        why.contains("order 0") && why.contains("do not belong together"),
        "{why}"
    );
    // Log and table have one order each, and these differ in price and time.
    let mut other_order = of_game_start(1);
    other_order.price_minor = Some(1);
    let execute = async move |tx: &contract::Tx| TableLog.trade(tx, &other_order, NEW_YEAR_US).await;
    other.services.db.write(execute).await.unwrap();
    let refused = within(PATIENCE, "an answer", work(&other.services)).await.unwrap();
    assert!(refused.unwrap_err().to_string().contains("order 0"));
}
