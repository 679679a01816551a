//! Leaders that stop, replicas that return, and orphaned reservations.

use order_log::command::{CommandOutcome, LogCommand, Shares, TradeSide};
use order_log::{Catalog, OrderLogSettings, Reservation};
use tokio::net::TcpListener;

use crate::cluster::{Cluster, settings, url, within};

fn reservation(attempt: &str) -> Reservation {
    Reservation {
        attempt: attempt.to_owned(),
        key: "k:client".to_owned(),
    }
}

fn ten(side: TradeSide) -> Shares {
    Shares {
        name: "GameStart".to_owned(),
        side,
        quantity: 10,
    }
}

async fn quantity(cluster: &Cluster) -> (i64, i64) {
    cluster
        .catalog
        .quantity("GameStart")
        .await
        .expect("a catalog")
        .expect("a stock")
}

async fn nothing_reserved(cluster: &Cluster) {
    within("reservations are settled", async {
        while !cluster.catalog.reserved(None, 10).await.expect("a catalog").is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_dead_leader_fails_no_trade_and_catches_up_after_a_restart() {
    let mut cluster = Cluster::of_three().await;
    let (leader, urls) = (cluster.leader().await, cluster.urls());
    assert_eq!(cluster.trade(leader, "/buy", "before", 1).await.0, 200);
    cluster.stop(leader).await;
    let left: Vec<_> = cluster.running.keys().copied().collect();
    for (n, id) in left.iter().enumerate() {
        let answer = cluster.trade(*id, "/buy", &format!("during {n}"), 1).await;
        assert_eq!((answer.0, answer.1["order_number"].as_u64()), (200, Some(n as u64 + 1)));
    }
    cluster.start_again(leader, urls).await;
    cluster.ready().await;
    assert_eq!(
        cluster.replica(leader).trades_after(-1).await.expect("a ledger").len(),
        3
    );
    let ledgers = cluster.ledgers(2).await;
    assert!(ledgers.iter().all(|ledger| *ledger == ledgers[0]));
}

#[tokio::test]
async fn a_lost_majority_answers_nothing_and_loses_nothing() {
    let settings = OrderLogSettings {
        answer_timeout: std::time::Duration::from_secs(1),
        ..settings()
    };
    let mut cluster = Cluster::with(settings).await;
    let (leader, urls) = (cluster.leader().await, cluster.urls());
    cluster.stop(leader).await;
    let other = cluster.leader().await;
    cluster.stop(other).await;
    let last = *cluster.running.keys().next().expect("a replica");

    let response = cluster
        .request(reqwest::Method::POST, last, "/buy")
        .header("Idempotency-Key", "waits");
    let response = response
        .body(r#"{"name":"GameStart","quantity":4}"#)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(cluster.get(last, "/orders/0").await.0, 503);

    cluster.start_again(leader, urls.clone()).await;
    cluster.start_again(other, urls).await;
    cluster.ready().await;
    let answer = cluster.trade(last, "/buy", "waits", 4).await;
    assert_eq!((answer.0, answer.1["order_number"].as_u64()), (200, Some(0)));
    nothing_reserved(&cluster).await;
    assert_eq!(quantity(&cluster).await, (96, 0));
}

#[tokio::test]
async fn an_orphaned_reservation_is_released_for_good() {
    let cluster = Cluster::of_three().await;
    for (attempt, side) in [("lost-buy", TradeSide::Buy), ("lost-sale", TradeSide::Sell)] {
        let reserved = cluster.catalog.reserve(&reservation(attempt), &ten(side)).await;
        assert_eq!(reserved.expect("a reservation").minor, 1599);
    }
    assert_eq!(quantity(&cluster).await, (90, 20));
    nothing_reserved(&cluster).await;
    assert_eq!(quantity(&cluster).await, (100, 0));
    for attempt in ["lost-buy", "lost-sale"] {
        let cancel = LogCommand::Cancel {
            attempt: attempt.to_owned(),
        };
        let outcome = cluster.replica(1).propose(cancel).await.expect("an outcome");
        assert_eq!(outcome, CommandOutcome::Cancelled);
        let late = cluster
            .replica(1)
            .propose(record("late", attempt))
            .await
            .expect("an outcome");
        assert_eq!(late, CommandOutcome::Cancelled);
    }
    assert!(cluster.replica(1).trades_after(-1).await.expect("a ledger").is_empty());
}

#[tokio::test]
async fn a_reservation_of_a_recorded_order_is_confirmed() {
    let cluster = Cluster::of_three().await;
    let reserved = cluster
        .catalog
        .reserve(&reservation("half-done"), &ten(TradeSide::Buy))
        .await;
    reserved.expect("a reservation");
    let outcome = cluster.replica(2).propose(record("k:client", "half-done")).await;
    let recorded = CommandOutcome::Recorded {
        number: 0,
        attempt: "half-done".to_owned(),
    };
    assert_eq!(outcome.expect("an outcome"), recorded);
    nothing_reserved(&cluster).await;
    assert_eq!(quantity(&cluster).await, (90, 0));
}

#[tokio::test]
async fn a_replica_absent_beyond_the_kept_log_gets_a_snapshot() {
    let settings = OrderLogSettings {
        compact_after: 20,
        entries_kept: 5,
        ..settings()
    };
    let mut cluster = Cluster::with(settings).await;
    let (away, urls) = (cluster.follower().await, cluster.urls());
    cluster.stop(away).await;
    let other = *cluster.running.keys().next().expect("a replica");
    for n in 0..60 {
        let attempt = format!("attempt {n}");
        let outcome = cluster.replica(other).propose(record(&attempt, &attempt)).await;
        outcome.expect("an outcome");
    }
    cluster.start_again(away, urls).await;
    cluster.ready().await;
    let ledgers = cluster.ledgers(59).await;
    assert!(ledgers.iter().all(|ledger| ledger.len() == 60 && *ledger == ledgers[0]));
}

#[tokio::test]
async fn a_lost_replica_is_replaced_under_a_new_id() {
    let mut cluster = Cluster::of_three().await;
    let lost = cluster.leader().await;
    assert_eq!(cluster.trade(lost, "/buy", "first", 1).await.0, 200);
    cluster.stop(lost).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut urls = cluster.urls();
    urls.insert(4, url(&listener));
    let other = *cluster.running.keys().next().expect("a replica");
    let address = urls[&4].clone();
    cluster.start(4, urls, true, listener).await;

    within("a replica is added", cluster.replica(other).add_replica(4, &address))
        .await
        .expect("added");
    within("a replica is removed", cluster.replica(other).remove_replica(lost))
        .await
        .expect("removed");

    cluster.ready().await;
    let ids: Vec<_> = cluster.running.keys().copied().collect();
    // The removal is committed without the new replica, which learns of it a moment later.
    within("the new replica knows the members", async {
        while cluster.replica(4).members() != ids {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let statuses = cluster.replica(4).statuses().await.expect("statuses");
    assert_eq!(statuses.iter().map(|status| status.id).collect::<Vec<_>>(), ids);
    assert!(statuses.iter().all(|status| status.alive));
    assert_eq!(statuses.iter().filter(|status| status.leader).count(), 1);
    let answer = cluster.trade(4, "/buy", "second", 1).await;
    assert_eq!(answer.1["order_number"], 1);
    let ledgers = cluster.ledgers(1).await;
    assert!(ledgers.iter().all(|ledger| *ledger == ledgers[0]));
}

#[tokio::test]
async fn a_proposed_leader_after_a_death_leads_or_names_the_leader() {
    let mut cluster = Cluster::of_three().await;
    let leader = cluster.leader().await;
    cluster.stop(leader).await;
    let highest = *cluster.running.keys().next_back().expect("a replica");
    let leads = within("a leader is elected", cluster.replica(highest).wait_for_leader())
        .await
        .expect("a leader");
    assert!(cluster.running.contains_key(&leads));
    let body = serde_json::json!({ "leader-id": highest });
    assert_eq!(cluster.post(highest, "/leader-broadcast", body).await.0, 200);
    assert_eq!(cluster.trade(highest, "/buy", "after", 1).await.0, 200);
}

fn record(key: &str, attempt: &str) -> LogCommand {
    LogCommand::Record {
        key: key.to_owned(),
        attempt: attempt.to_owned(),
        trade: order_log::command::LoggedTrade {
            shares: ten(TradeSide::Buy),
            price: order_log::command::Price {
                minor: 1599,
                currency: "USD".to_owned(),
            },
            trader_id: None,
            at_us: 0,
        },
    }
}
