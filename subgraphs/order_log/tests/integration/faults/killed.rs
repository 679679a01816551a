//! The leader is killed repeatedly, at arbitrary points.

use rand::Rng;

use super::proxies::Proxies;
use super::trial::Trial;

/// The number of kills; `AGORA_ORDER_KILLS` overrides it.
const KILLS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_order_survives_the_leaders_death() {
    let kills = std::env::var_os("AGORA_ORDER_KILLS");
    let kills = kills.map_or(KILLS, |kills| {
        kills.to_str().and_then(|kills| kills.parse().ok()).expect("a number")
    });
    let mut trial = Trial::start(Proxies::start().await);
    trial
        .under_load(async |trial, clients| {
            for _ in 0..kills {
                let leader = trial.front.leader().await;
                // The moment is a random number of answers, so the leader dies at an arbitrary point.
                clients.answered(trial.chance.random_range(1..30)).await;
                trial.process(leader).kill();
                // A leader that returns at once continues to lead; otherwise the others elect a new one.
                if trial.chance.random_ratio(1, 3) {
                    trial.front.leader_but(Some(leader)).await;
                }
                trial.start_replica(leader);
            }
        })
        .await;
}
