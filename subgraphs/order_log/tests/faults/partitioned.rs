//! Replicas that lose sight of each other, in both directions or in one.

use rand::seq::SliceRandom;

use super::network::{Cut, Network};
use super::proxies::Proxies;
use super::trial::Trial;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_partition_loses_or_doubles_an_order() {
    survives_every_cut(Trial::start(Proxies::start().await)).await;
}

/// One cut after the other.
pub async fn survives_every_cut<N: Network>(mut trial: Trial<N>) {
    let mut cuts = Cut::ALL;
    cuts.shuffle(&mut trial.chance);
    for cut in cuts {
        let started = std::time::Instant::now();
        trial
            .under_load(async |trial, clients| {
                let leader = trial.front.leader().await;
                println!("{cut:?} while {leader} leads");
                trial.cut(cut, leader, true);
                if matches!(cut, Cut::LeaderApart | Cut::LeaderMute | Cut::LeaderDeaf) {
                    trial.front.leader_but(Some(leader)).await;
                }
                // A majority still is one.
                clients.answered(100).await;
                trial.cut(cut, leader, false);
            })
            .await;
        println!("{cut:?} took {:?}", started.elapsed());
    }
}
