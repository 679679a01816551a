//! The leader is paused for a while and then continues as before: it learns that it does not lead any more.

use std::time::Duration;

use super::proxies::Proxies;
use super::trial::{STOCKS, Trial};

/// The pause is the fault itself: longer than any election takes.
const PAUSE: Duration = Duration::from_secs(5);
/// Longer than any transaction on the catalog's file.
const LOCKED: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_paused_for_a_while_does_no_harm() {
    let mut trial = Trial::start(Proxies::start().await);
    trial
        .under_load(async |trial, clients| {
            let leader = trial.front.leader().await;
            trial.process(leader).pause();
            // A replica that is paused in a transaction on the catalog's file blocks all other users of the file. That
            // is not the replicas' fault, so the test tries another moment.
            while tokio::time::timeout(LOCKED, trial.catalog.quantity(STOCKS[0].0))
                .await
                .is_err()
            {
                trial.process(leader).resume();
                clients.answered(1).await;
                trial.process(leader).pause();
            }
            let others_go_on = async {
                trial.front.leader_but(Some(leader)).await;
                clients.answered(50).await;
            };
            tokio::join!(tokio::time::sleep(PAUSE), others_go_on);
            trial.process(leader).resume();
        })
        .await;
}
