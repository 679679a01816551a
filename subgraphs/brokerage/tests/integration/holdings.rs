//! Shares that owners commit to brokers.

use serde_json::json;

use crate::support::{ADA, BEN, EVE, FISH, Floor, HOUR_US, admin, automated, code, person, service};

fn commit(committed: i64) -> String {
    format!(r#"mutation {{ commitShares(holdingId: "1", committed: {committed}) {{ free committed held }} }}"#)
}

#[tokio::test]
async fn owners_and_services_set_the_committed_shares() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 20).await;
    floor.lend_shares(ADA, BEN, FISH, 5).await;
    floor.placed(&person(ADA), &automated("SELL", 4, "30.00")).await;

    for (viewer, committed) in [(person(ADA), 9), (person(ADA), 16), (service(), 5), (service(), 5)] {
        let answer = floor.ask(&viewer, commit(committed)).await;
        let expected = json!({ "free": 16 - committed, "committed": committed, "held": 4 });
        assert_eq!(answer["data"]["commitShares"], expected, "{answer}");
    }
    floor.ask(&person(ADA), commit(8)).await;
    assert_eq!(floor.shares(ADA, FISH).await, [8, 3, 5, 4]);
    floor.assert_conserved(20).await;
}

#[tokio::test]
async fn an_invalid_commitment_changes_nothing() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 20).await;
    floor.lend_shares(ADA, BEN, FISH, 5).await;
    floor.placed(&person(ADA), &automated("SELL", 4, "30.00")).await;
    let before = floor.everything().await;
    for (viewer, committed, why) in [
        (person(ADA), -1, "INVALID_INPUT"),
        (person(ADA), 4, "INVALID_INPUT"),
        (person(ADA), 17, "INVALID_INPUT"),
        (service(), 17, "INVALID_INPUT"),
        (person(EVE), 6, "NOT_FOUND"),
        (person(BEN), 6, "NOT_FOUND"),
        (admin(), 6, "NOT_FOUND"),
        (contract::Viewer::Anonymous, 6, "UNAUTHENTICATED"),
    ] {
        assert_eq!(
            code(&floor.ask(&viewer, commit(committed)).await),
            why,
            "{viewer:?} {committed}"
        );
    }
    let unknown = commit(6).replace(r#""1""#, r#""2""#);
    assert_eq!(code(&floor.ask(&person(ADA), unknown).await), "NOT_FOUND");
    assert_eq!(floor.everything().await, before);
}

#[tokio::test]
async fn shares_of_an_expired_authorization_are_free_at_once() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 20).await;
    floor.lend_shares(ADA, BEN, FISH, 5).await;
    floor.pass(HOUR_US);
    for look in [
        r#"{ found: holding(id: "1") { free committed } }"#,
        r#"{ _entities(representations: [{ __typename: "Stock", id: "1" }]) { ... on Stock { found: myHolding { free committed } } } }"#,
    ] {
        let answer = floor.ask(&person(ADA), look).await;
        let found = answer["data"]
            .get("found")
            .unwrap_or(&answer["data"]["_entities"][0]["found"]);
        assert_eq!(*found, json!({ "free": 20, "committed": 0 }), "{answer}");
    }
}
