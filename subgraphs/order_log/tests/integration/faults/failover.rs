//! How long trades are impossible when the leader dies.

use std::time::{Duration, Instant};

use order_log::OrderLogSettings;
use order_log::command::TradeSide;

use super::agreement;
use super::network::REPLICAS;
use super::process::Times;
use super::proxies::Proxies;
use super::retrying_client::KeyedTrade;
use super::trial::{STOCKS, Trial};
use crate::cluster::within;

/// The default number of kills for each pair of timeouts.
const KILLS: usize = 50;
/// The environment variable with another number.
const KILLS_WANTED: &str = "AGORA_ORDER_KILLS";
/// The promised limits for the default timeouts.
const MEDIAN_MAX: Duration = Duration::from_millis(1_500);
const WORST_MAX: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures: other work on the machine counts"]
async fn time_until_a_dead_leader_is_replaced() {
    let faster = |heartbeat, election| Times {
        heartbeat: Duration::from_millis(heartbeat),
        election_timeout: Duration::from_millis(election),
    };
    for times in [
        Times::of(&OrderLogSettings::default()),
        faster(100, 400),
        faster(50, 200),
    ] {
        let mut took = measured(times).await;
        took.sort();
        let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
        println!(
            "{times:?}: median {median:?}, worst {worst:?} of {}, best {:?}",
            took.len(),
            took[0]
        );
        if times == Times::of(&OrderLogSettings::default()) {
            assert!(
                median < MEDIAN_MAX && worst < WORST_MAX,
                "median {median:?}, worst {worst:?}"
            );
        }
    }
}

/// The times from the leader's death to the first accepted trade.
async fn measured(times: Times) -> Vec<Duration> {
    let mut trial = Trial::with(Proxies::start().await, &STOCKS, times);
    let mut took = Vec::new();
    let wanted = std::env::var_os(KILLS_WANTED).and_then(|kills| kills.to_str()?.parse().ok());
    for kill in 0..wanted.unwrap_or(KILLS) {
        agreement::settled(&trial.front, &trial.catalog, -1).await;
        let leader = trial.front.leader().await;
        let survivor = REPLICAS.into_iter().find(|id| *id != leader).expect("another replica");
        let wanted = KeyedTrade {
            key: format!("after kill {kill}"),
            name: STOCKS[0].0,
            side: TradeSide::Buy,
            quantity: 1,
        };
        trial.process(leader).kill();
        let dead = Instant::now();
        within("a trade is accepted", trial.front.traded_at(survivor, &wanted)).await;
        took.push(dead.elapsed());
        trial.start_replica(leader);
    }
    took
}
