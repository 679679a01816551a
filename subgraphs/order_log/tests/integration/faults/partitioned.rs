//! Partitions: replicas that lose their connections, in both directions or in one.

use rand::seq::SliceRandom;

use super::network::{Cut, Network};
use super::proxies::Proxies;
use super::trial::Trial;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_neither_loses_nor_repeats_an_order() {
    survives(Cut::ALL, Trial::start(Proxies::start().await)).await;
}

/// Applies the cuts one after the other, in random order.
pub async fn survives<const COUNT: usize>(mut cuts: [Cut; COUNT], mut trial: Trial<impl Network>) {
    cuts.shuffle(&mut trial.chance);
    for cut in cuts {
        trial
            .under_load(async |trial, clients| {
                let leader = trial.front.leader().await;
                println!("{cut:?} while {leader} leads");
                trial.cut(cut, leader, true);
                if matches!(cut, Cut::LeaderApart | Cut::LeaderMute | Cut::LeaderDeaf) {
                    trial.front.leader_but(Some(leader)).await;
                }
                // The remaining majority still works.
                clients.answered(50).await;
                trial.cut(cut, leader, false);
            })
            .await;
    }
}
