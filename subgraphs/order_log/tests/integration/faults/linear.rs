//! Whether the history of each stock is linearizable while leaders die.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use order_log::Catalog;
use order_log::command::TradeSide;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::POLL;
use super::agreement;
use super::history::{CatalogObservation, GroundTruth, Recorder, RegisterOperation, SHARES};
use super::network::REPLICAS;
use super::process::Times;
use super::proxies::Proxies;
use super::retrying_client::{KeyedTrade, RetryingClient, TradeAnswer};
use super::trial::Trial;
use crate::cluster::within;
use crate::sqlite_catalog::SqliteCatalog;

/// Each stock has a separate history, since operations on one do not affect another. Short histories matter: the search
/// takes quadratic time.
const STOCKS: [&str; 4] = ["GameStart", "FishCo", "MenhirCo", "BoarCo"];
const CLIENTS: usize = 8;
const KILLS: usize = 6;
/// Operations between one kill and the next.
const OPERATIONS: usize = 500;
/// The poll interval for the open reservations.
const GLANCE: Duration = Duration::from_millis(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_stock_is_linearizable_while_leaders_die() {
    let stocks = STOCKS.map(|name| (name, 1599, SHARES));
    let mut trial = Trial::with(Proxies::start().await, &stocks, Times::of_tests());
    let seen = Arc::new(SharedState::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let chance = StdRng::seed_from_u64(trial.chance.random());
            tokio::spawn(client(
                n,
                trial.front.clone(),
                trial.catalog.clone(),
                seen.clone(),
                chance,
            ))
        })
        .collect();
    let watcher = tokio::spawn(watch(trial.catalog.clone(), seen.clone()));
    for kill in 1..=KILLS {
        let leader = trial.front.leader().await;
        let enough = async {
            while seen.operations.load(SeqCst) < kill * OPERATIONS {
                tokio::time::sleep(POLL).await;
            }
        };
        within("operations go on", enough).await;
        trial.process(leader).kill();
        trial.front.leader_but(Some(leader)).await;
        trial.start_replica(leader);
    }
    seen.stop.store(true, SeqCst);
    for client in clients {
        client.await.expect("a client");
    }
    agreement::settled(&trial.front, &trial.catalog, -1).await;

    let observations = watcher.await.expect("a watcher");
    let seen = Arc::into_inner(seen).expect("no writer is left");
    for ((name, recorder), observations) in STOCKS.into_iter().zip(seen.recorders).zip(observations) {
        let known = GroundTruth {
            recorded: agreement::recorded_keys(trial.folder.path()),
            failed_attempts: agreement::failed_attempts_of(trial.folder.path(), name),
            observations,
        };
        let history = recorder.recorded();
        println!(
            "{name}: {} operations, {} of them reads, {} refused, {} unknown, and {} attempts for nothing",
            history.len(),
            history.count(|operation| matches!(operation, RegisterOperation::Read(_))),
            history.count(|operation| matches!(operation, RegisterOperation::TooFew(_))),
            history.count(|operation| matches!(operation, RegisterOperation::Unknown(..))),
            known.failed_attempts.len(),
        );
        assert!(
            history.is_linearizable(&known),
            "{name}: no order explains what was seen"
        );
        let wrong = history.with_wrong_read(20, |left| left + 1_000);
        assert!(!wrong.is_linearizable(&known), "{name}: a wrong read was explained");
    }
}

/// Polls which attempts hold shares.
async fn watch(catalog: SqliteCatalog, seen: Arc<SharedState>) -> [Vec<CatalogObservation>; STOCKS.len()] {
    let mut observations = STOCKS.map(|_| Vec::new());
    let places = || seen.recorders.each_ref().map(Recorder::place);
    while !seen.stop.load(SeqCst) {
        let from = places();
        let open = catalog.reserved(None, 1_000).await.expect("a catalog");
        let open: HashSet<_> = open.into_iter().map(|reservation| reservation.attempt).collect();
        for ((observations, from), to) in observations.iter_mut().zip(from).zip(places()) {
            let open = open.clone();
            observations.push(CatalogObservation { from, to, open });
        }
        tokio::time::sleep(GLANCE).await;
    }
    observations
}

/// The state that the clients share.
#[derive(Default)]
struct SharedState {
    recorders: [Recorder; STOCKS.len()],
    operations: AtomicUsize,
    stop: AtomicBool,
}

async fn client(n: usize, front: RetryingClient, catalog: SqliteCatalog, seen: Arc<SharedState>, mut chance: StdRng) {
    for trade in 0.. {
        if seen.stop.load(SeqCst) {
            return;
        }
        let stock = chance.random_range(0..STOCKS.len());
        let (name, recorder) = (STOCKS[stock], &seen.recorders[stock]);
        if chance.random_ratio(2, 5) {
            let id = recorder.call(None);
            let (left, _) = catalog.quantity(name).await.expect("a catalog").expect("a stock");
            recorder.response(id, RegisterOperation::Read(left));
        } else {
            let wanted = KeyedTrade {
                key: format!("client {n} trade {trade}"),
                name,
                // Buys more than it sells, so that some buyers are refused.
                side: if chance.random_ratio(3, 5) {
                    TradeSide::Buy
                } else {
                    TradeSide::Sell
                },
                quantity: chance.random_range(1..=9),
            };
            let id = recorder.call(Some(&wanted.key));
            let traded = within("a trade is answered", traded(&front, &wanted, &mut chance)).await;
            recorder.response(id, traded);
        }
        seen.operations.fetch_add(1, SeqCst);
    }
}

/// Asks one replica after the other until one answers, or gives up.
async fn traded(front: &RetryingClient, wanted: &KeyedTrade, chance: &mut StdRng) -> RegisterOperation {
    loop {
        let replica = REPLICAS[chance.random_range(0..REPLICAS.len())];
        match front.ask(replica, wanted).await {
            TradeAnswer::Number(_) => return RegisterOperation::Traded(wanted.side, wanted.quantity),
            TradeAnswer::Refused => return RegisterOperation::TooFew(wanted.quantity),
            TradeAnswer::Nothing if chance.random_ratio(1, 10) => {
                return RegisterOperation::Unknown(wanted.side, wanted.quantity);
            }
            TradeAnswer::Nothing => tokio::time::sleep(POLL).await,
        }
    }
}
