//! The leader is killed, again and again, in the middle of whatever it does.

use rand::Rng;

use super::proxies::Proxies;
use super::trial::Trial;

/// How often; `AGORA_ORDER_KILLS` says otherwise.
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
                // A moment is a number of answers: whatever the leader is in the middle of then, it dies in.
                clients.answered(trial.chance.random_range(1..30)).await;
                trial.process(leader).kill();
                // One that is back at once goes on leading; the others take over from one that stays away.
                if trial.chance.random_ratio(1, 3) {
                    trial.front.leader_but(Some(leader)).await;
                }
                trial.start_replica(leader);
            }
        })
        .await;
}
