//! Shares that owners commit to brokers.

use contract::Viewer;
use serde_json::json;
use testing::Answer;

use crate::support::{ADA, BEN, EVE, FISH, Floor, HOUR_US, admin, automated, person, service};

const COMMIT: &str = "mutation($holding: ID!, $committed: Int!) {
    commitShares(holdingId: $holding, committed: $committed) { free committed held }
}";

/// Commits shares of the first holding.
async fn commit(floor: &Floor, viewer: &Viewer, committed: i64) -> Answer {
    let args = json!({ "holding": "1", "committed": committed });
    floor.client(viewer).query(COMMIT, args).await
}

#[tokio::test]
async fn owners_and_services_set_the_committed_shares() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 20).await;
    floor.lend_shares(ADA, BEN, FISH, 5).await;
    floor.placed(&person(ADA), &automated("SELL", 4, "30.00")).await;

    for (viewer, committed) in [(person(ADA), 9), (person(ADA), 16), (service(), 5), (service(), 5)] {
        let answer = commit(&floor, &viewer, committed).await;
        let expected = json!({ "free": 16 - committed, "committed": committed, "held": 4 });
        assert_eq!(answer, json!({ "data": { "commitShares": expected } }));
    }
    commit(&floor, &person(ADA), 8).await;
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
        (Viewer::Anonymous, 6, "UNAUTHENTICATED"),
    ] {
        assert_eq!(
            commit(&floor, &viewer, committed).await.code(),
            why,
            "{viewer:?} {committed}"
        );
    }
    let unknown = json!({ "holding": "2", "committed": 6 });
    let answer = floor.client(&person(ADA)).query(COMMIT, unknown).await;
    assert_eq!(answer.code(), "NOT_FOUND");
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
        let answer = floor.client(&person(ADA)).query(look, json!({})).await;
        let found = answer["data"]
            .get("found")
            .unwrap_or(&answer["data"]["_entities"][0]["found"]);
        assert_eq!(*found, json!({ "free": 20, "committed": 0 }), "{answer}");
    }
}
